/** A JSON file of format 1 with one list, replaced as a whole. */
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { removeLeftovers, replaceDurably } from './durable-files.ts'
import { SnapshotError } from './snapshot-error.ts'

/**
 * @param key of the list in the file
 * @param remedy what to do about a damaged file, a sentence
 * @returns null where there is no file
 * @throws SnapshotError for a file of a newer format, or one that does not hold such a list
 */
export async function readList<Entry>(
  path: string,
  key: string,
  isList: (list: readonly unknown[]) => list is readonly Entry[],
  remedy: string,
): Promise<readonly Entry[] | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw cause
  }
  let file: { readonly [name: string]: unknown } | null = null
  try {
    file = JSON.parse(text)
  } catch {
    // Refused below.
  }
  const format = file?.format
  if (typeof format === 'number' && format > 1)
    throw new SnapshotError(`${path} has format ${format}, this version reads 1; use the version that wrote it.`)
  const list = file?.[key]
  if (format !== 1 || !Array.isArray(list) || !isList(list)) throw new SnapshotError(`${path} is damaged. ${remedy}`)
  return list
}

/** Replaces the file by one rename, and removes what killed writers of it left. @param indent of its JSON; 0: one line */
export async function replaceList(path: string, key: string, list: readonly object[], indent: number): Promise<void> {
  const text = `${JSON.stringify({ format: 1, [key]: list }, null, indent)}\n`
  await removeLeftovers(dirname(path), new RegExp(`^${basename(path).replace('.', '\\.')}\\.(\\d+)\\.partial$`))
  await replaceDurably(path, new TextEncoder().encode(text))
}
