import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { inWorkspace } from './workspace.mjs'

/** @typedef {import('./public-packages.mjs').Manifest} Manifest */

/** Folders of the workspace that have a manifest, the examples' among them: '' is the root. */
const folders = ['', 'bench', ...['packages', 'examples'].flatMap((folder) => inFolder(folder))].filter((folder) =>
  existsSync(inWorkspace(`${folder}/package.json`)),
)

/** @param {string} folder */
function inFolder(folder) {
  return readdirSync(inWorkspace(folder)).map((name) => `${folder}/${name}`)
}

/** All manifests, by the paths of their files. @returns {Map<string, Manifest & { devDependencies?: Record<string, string> }>} */
export function allManifests() {
  const paths = folders.map((folder) => inWorkspace(`${folder}/package.json`))
  return new Map(paths.map((path) => [path, JSON.parse(readFileSync(path, 'utf8'))]))
}

/** Names of the workspace's packages, as their manifests have them. */
export const ownNames = () => new Set([...allManifests().values()].map(({ name }) => name))

/**
 * A manifest, or an entry of the lock file, of another version, which its references to packages of ours have too.
 * @param {Record<string, unknown>} manifest
 * @param {string} version
 * @param {ReadonlySet<string>} own names of packages
 */
export function withVersion(manifest, version, own) {
  const written = Object.entries(manifest).map(([field, value]) => {
    if (field === 'version') return [field, version]
    if (!/ependencies$/.test(field)) return [field, value]
    const ranges = Object.entries(/** @type {Record<string, string>} */ (value))
    return [field, Object.fromEntries(ranges.map(([name, range]) => [name, own.has(name) ? version : range]))]
  })
  return Object.fromEntries(written)
}
