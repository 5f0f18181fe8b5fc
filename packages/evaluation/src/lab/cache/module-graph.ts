/** The source files that a module needs to run: its imports and theirs, across the workspace's packages, types left out. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Of a workspace package, from its name, the path of its entry; null for any other package. */
export type EntryOf = (specifier: string) => string | null

/** `import … from`, `export … from` and an import for its effects, at the beginning of a line as the formatter leaves them. */
const statements = /^(import|export)\b(?:\s+(?!type\b)([^'";]*?)\s*from)?\s*'([^']+)'/gm
const calls = /\bimport\(\s*'([^']+)'\s*\)/g

/** All of a module's values. */
const everything = null
type Names = ReadonlySet<string> | typeof everything

/**
 * A package's entry only hands on: of it the files are needed that the names come from which are imported, and no others.
 * @param modules paths
 * @returns paths, sorted
 */
export function moduleGraph(modules: readonly string[], entryOf: EntryOf): string[] {
  const files = new Set<string>()
  /** By entry, names that were followed. */
  const followed = new Map<string, Set<string>>()
  const walk = (path: string) => {
    if (files.has(path)) return
    files.add(path)
    if (!/\.[jt]s$/.test(path)) return
    for (const { specifier, names } of importsOf(readFileSync(path, 'utf8'))) follow(path, specifier, names)
  }
  const follow = (from: string, specifier: string, names: Names) => {
    if (specifier.startsWith('.')) return walk(join(dirname(from), specifier))
    const entry = entryOf(specifier)
    if (entry !== null) walkEntry(entry, names)
  }
  const walkEntry = (entry: string, names: Names) => {
    const source = readFileSync(entry, 'utf8')
    const exported = handedOn(source)
    if (exported === null || names === everything) return walk(entry)
    const known = followed.get(entry) ?? new Set()
    followed.set(entry, known)
    for (const name of names) {
      if (known.has(name)) continue
      known.add(name)
      const target = exported.get(name)
      if (target !== undefined) follow(entry, target.specifier, new Set([target.name]))
    }
  }
  for (const path of modules) walk(path)
  return [...files].sort()
}

interface Import {
  readonly specifier: string
  readonly names: Names
}

function importsOf(source: string): Import[] {
  const found = [...source.matchAll(statements)].map(([, , clause, specifier]): Import | null => {
    if (clause === undefined) return { specifier, names: everything }
    const names = valuesOf(clause)
    return names === null
      ? { specifier, names: everything }
      : { specifier, names: new Set(names.map(([name]) => name)) }
  })
  const imports = found.filter((own): own is Import => own !== null && (own.names === everything || own.names.size > 0))
  return [...imports, ...[...source.matchAll(calls)].map(([, specifier]) => ({ specifier, names: everything }))]
}

/** Where each name that a module exports comes from; null of a module that does more than hand on. */
function handedOn(source: string): ReadonlyMap<string, { readonly specifier: string; readonly name: string }> | null {
  const exported = new Map<string, { readonly specifier: string; readonly name: string }>()
  for (const [, kind, clause, specifier] of source.matchAll(statements)) {
    const names = clause === undefined ? null : valuesOf(clause)
    if (kind === 'import' || names === null) return null
    for (const [name, alias] of names) exported.set(alias, { specifier, name })
  }
  const rest = source.replace(statements, '').replace(/\/\*[\s\S]*?\*\/|\/\/.*|export type [^;\n]*from\s*'[^']+'/g, '')
  return /\bexport\b/.test(rest.replace(/export type \{[^}]*\}\s*from\s*'[^']+'/g, '')) ? null : exported
}

/** Names in braces, each with that under which it goes on; types left out; null where it is not names in braces alone. */
function valuesOf(clause: string): [name: string, alias: string][] | null {
  const braces = /^\{([^}]*)\}$/.exec(clause.trim())
  if (braces === null) return null
  return braces[1]
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !part.startsWith('type '))
    .map((part) => {
      const [name, alias = name] = part.split(/\s+as\s+/)
      return [name, alias]
    })
}
