import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { moduleGraph } from './module-graph.ts'

const known = new Map<string, string>()

/**
 * Hash of the code that a module needs, as it lies there: whatever of it is changed, nothing older is taken for its result, and what it
 * does not need may change.
 * @param module its URL
 * @throws what the file system throws
 */
export function codeVersion(module: string): string {
  const version = known.get(module) ?? hashOf(codeOf(module))
  known.set(module, version)
  return version
}

/** Files that a module needs. */
export function codeOf(module: string): string[] {
  return moduleGraph([fileURLToPath(module)], workspaceEntry)
}

/** Contents alone: where a checkout lies does not matter. */
function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256')
  const contents = paths.map((path) => createHash('sha256').update(readFileSync(path)).digest('hex'))
  return hash.update(contents.sort().join()).digest('hex').slice(0, 24)
}

function workspaceEntry(specifier: string): string | null {
  return specifier.startsWith('@headwater/') ? fileURLToPath(import.meta.resolve(specifier)) : null
}
