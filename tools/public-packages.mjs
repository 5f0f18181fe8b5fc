import { readFileSync } from 'node:fs'
import { npmPackages } from './package-files.mjs'
import { inWorkspace } from './workspace.mjs'

/** The condition of `exports` under which the checkout runs from sources; what is packed has none. */
const sourceCondition = '@headwater/source'

/** @typedef {{ [condition: string]: string | Targets }} Targets */
/**
 * @typedef {{
 *   name: string, version: string, private?: boolean, exports?: Targets, imports?: Targets, files?: string[],
 *   dependencies?: Record<string, string>, peerDependencies?: Record<string, string>, [field: string]: unknown
 * }} Manifest
 */

/** Packages that are for others, by their folder in `packages`. @returns {Map<string, Manifest>} */
export function publicPackages() {
  const all = npmPackages().map((folder) => {
    const text = readFileSync(inWorkspace(`packages/${folder}/package.json`), 'utf8')
    return /** @type {[string, Manifest]} */ ([folder, JSON.parse(text)])
  })
  return new Map(all.filter(([, manifest]) => !manifest.private))
}

/**
 * A package's manifest as it is packed: nothing in it that only the checkout has.
 * @param {Manifest} manifest
 * @returns {Manifest}
 */
export function packedManifest({ devDependencies: _, nx: __, ...manifest }) {
  const { exports, imports } = manifest
  return { ...manifest, ...withoutSources({ ...(exports && { exports }), ...(imports && { imports }) }) }
}

/** A README as it is packed: links to what only the checkout has are their text. @param {string} readme */
export const packedReadme = (readme) => readme.replace(/\[([^\]]+)\]\(\.\.\/[^)]+\)/g, '$1')

/** @param {Targets} targets @returns {Targets} */
function withoutSources(targets) {
  const left = Object.entries(targets).flatMap(([key, target]) => {
    if (key === sourceCondition) return []
    const rest = typeof target === 'string' ? target : withoutSources(target)
    return typeof rest === 'object' && Object.keys(rest).length === 0 ? [] : [/** @type {const} */ ([key, rest])]
  })
  return Object.fromEntries(left)
}

/**
 * The packages named and all of the workspace that they need.
 * @param {ReadonlyMap<string, Manifest>} packages by folder
 * @param {readonly string[]} names as in their manifests
 * @returns {Set<string>} names
 */
export function withDependencies(packages, names) {
  const byName = new Map([...packages.values()].map((manifest) => [manifest.name, manifest]))
  const found = new Set(names)
  for (const name of found) {
    const manifest = byName.get(name)
    if (!manifest) throw new RangeError(`${name} is no public package. There are ${[...byName.keys()].join(', ')}.`)
    for (const other of Object.keys(manifest.dependencies ?? {})) if (byName.has(other)) found.add(other)
  }
  return found
}
