/** Takes a user's rows out of files of a served log. A row group without the user is copied as it is. */
import { asyncBufferFromFile, type RowGroup } from 'hyparquet'
import type { LogDirectory } from '../directory/log-directory.ts'
import { decodeRowGroup, encodeRowGroup, pagesIn } from '../parquet/row-group.ts'
import { readRowGroup, rowGroupsOf, ServedFile } from '../parquet/served-file.ts'
import { selectRows } from '../parquet/served-rows.ts'

/**
 * Writes a file anew without a user, where it has rows of one.
 *
 * @param unfinished row groups of the file that is being written, which has no footer and gets none
 * @returns the rows removed
 */
export async function removeUser(
  directory: LogDirectory,
  path: string,
  user: string,
  unfinished?: readonly RowGroup[],
): Promise<number> {
  const from = await asyncBufferFromFile(path)
  const groups = unfinished ?? (await rowGroupsOf(path))
  const needle = plainText(user)
  let found = false
  for (const group of groups) found ||= (await readRowGroup(from, group)).includes(needle)
  if (!found) return 0
  let removed = 0
  await directory.replace(path, async (file) => {
    const into = await ServedFile.begin(file)
    for (const group of groups) {
      const bytes = await readRowGroup(from, group)
      if (!bytes.includes(needle)) {
        await into.append(pagesIn(bytes))
        continue
      }
      const rows = decodeRowGroup(bytes)
      const kept = selectRows(rows, (row) => rows.user[row] !== user)
      removed += rows.rows - kept.rows
      if (kept.rows > 0) await into.append(await encodeRowGroup(kept))
    }
    if (unfinished === undefined) await into.end()
  })
  return removed
}

/** A text as a plain page has it. */
function plainText(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}
