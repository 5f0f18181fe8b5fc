import type { LogDirectory } from '../directory/log-directory.ts'
import { blocksOf, withoutLines, writeAll } from './line-blocks.ts'

/** Writes a file anew without the lines whose `key` is `value`, where it has any. @returns how many there were */
export async function removeLines(directory: LogDirectory, path: string, key: string, value: string): Promise<number> {
  let count = 0
  for await (const block of blocksOf(path)) count += withoutLines(block, key, value).removed
  if (count === 0) return 0
  await directory.replace(path, async (file) => {
    for await (const block of blocksOf(path)) await writeAll(file, withoutLines(block, key, value).kept, null)
  })
  return count
}
