// The room rule: in each folder, files and sub-folders import each other in one direction. CONTRIBUTING.md says it in full.
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { filesOf, isSource, isTest } from './package-files.mjs'
import { inWorkspace } from './workspace.mjs'

const statements = [
  /^\s*(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"]+)['"]/gm,
  /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
  /@import\b[^'"]*\bfrom\s*['"]([^'"]+)['"]/g,
]

/**
 * What a source imports: values and types, by statements, by `import()`, by `require` and in JSDoc.
 * @param {string} source
 */
export const importsOf = (source) => statements.flatMap((form) => [...source.matchAll(form)].map(([, name]) => name))

/**
 * Entries of folders that import each other in a circle. Two files meet in the deepest folder that holds both, as the
 * entries of that folder in which they lie.
 * @param {ReadonlyMap<string, readonly string[]>} imports of each file, by their paths
 * @returns {string[]} a circle each
 */
export function circlesOf(imports) {
  /** @type {Map<string, Map<string, Set<string>>>} by folder, what each entry imports beside it */
  const folders = new Map()
  for (const [from, targets] of imports)
    for (const to of targets) {
      const [a, b] = [from.split('/'), to.split('/')]
      const depth = a.findIndex((part, i) => part !== b[i])
      if (depth < 0) continue
      const folder = a.slice(0, depth).join('/')
      const entries = folders.get(folder) ?? new Map()
      folders.set(folder, entries.set(a[depth], (entries.get(a[depth]) ?? new Set()).add(b[depth])))
    }
  return [...folders].flatMap(([folder, entries]) => {
    const done = new Set()
    /** @type {(entry: string, above: string[]) => string[]} */
    const walk = (entry, above) => {
      if (above.includes(entry)) return [`${folder}: ${[...above.slice(above.indexOf(entry)), entry].join(' → ')}`]
      if (done.has(entry)) return []
      const found = [...(entries.get(entry) ?? [])].flatMap((next) => walk(next, [...above, entry]))
      done.add(entry)
      return found
    }
    return [...entries.keys()].flatMap((entry) => walk(entry, []))
  })
}

/** @param {unknown} value of a manifest's field @returns {string[]} */
const pathsIn = (value) => (typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(pathsIn))

/** What in a package is against the rule. @param {string} name */
export function againstTheRule(name) {
  const folder = inWorkspace(`packages/${name}`)
  const files = filesOf(name)
  const { exports, bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const entryPoints = pathsIn([exports, bin]).map((path) => join(path))
  const loose = files.filter(
    (path) => dirname(path) === 'src' && !isTest(path) && !entryPoints.includes(path) && basename(path) !== 'main.ts',
  )
  /** @type {Map<string, string[]>} */
  const imports = new Map()
  const wrong = files.filter(isSource).flatMap((path) => {
    const specifiers = importsOf(readFileSync(join(folder, path), 'utf8'))
    const targets = specifiers.filter((name) => name.startsWith('.')).map((name) => join(dirname(path), name))
    const past = targets.filter((target) => target.startsWith('..')).map((target) => `${path} imports ${target}`)
    if (isTest(path)) return past
    imports.set(path, targets)
    return [...past, ...specifiers.filter(isTest).map((name) => `${path} imports ${name}, which does not ship`)]
  })
  return [
    ...loose.map((path) => `${path}: in src there are entry points and folders alone`),
    ...wrong,
    ...circlesOf(imports),
  ]
}
