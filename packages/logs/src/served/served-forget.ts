/** Takes a user's rows out of files of a served log. A row group without the user is copied as it is. */
import { asyncBufferFromFile } from 'hyparquet'
import type { LogDirectory } from '../directory/log-directory.ts'
import { ParquetFile, readRowGroup } from '../parquet/parquet-file.ts'
import { decodeRowGroup, encodeRowGroup, pagesIn } from '../parquet/row-group.ts'
import { selectRows } from './served-rows.ts'
import { contentsOf, type ServedTable } from './served-table.ts'

/**
 * Writes a file anew without a user, where it has rows of one.
 *
 * @param unfinished the file where it is the one that is being written, which has no footer and gets none
 * @returns the rows removed
 */
export async function removeUser(
  directory: LogDirectory,
  path: string,
  user: string,
  unfinished?: ParquetFile<ServedTable>,
): Promise<number> {
  const from = await asyncBufferFromFile(path)
  const { table, groups } = unfinished ?? (await contentsOf(path))
  const needle = plainText(user)
  let found = false
  for (const group of groups) found ||= (await readRowGroup(from, group)).includes(needle)
  if (!found) return 0
  let removed = 0
  await directory.replace(path, async (file) => {
    const into = await ParquetFile.begin(file, table)
    for (const group of groups) {
      const bytes = await readRowGroup(from, group)
      if (!bytes.includes(needle)) {
        await into.append(pagesIn(table.columns, bytes))
        continue
      }
      const rows = decodeRowGroup(table.columns, bytes)
      const kept = selectRows(rows, (row) => rows.user[row] !== user)
      removed += rows.rows - kept.rows
      if (kept.rows > 0) await into.append(await encodeRowGroup(table.columns, kept))
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
