/** Takes a user's rows out of files of a served log. A row group without the user is copied as it is. */
import { type FileHandle, open } from 'node:fs/promises'
import type { RowGroup } from 'hyparquet'
import type { LogDirectory } from '../directory/log-directory.ts'
import { columnNames } from '../parquet/columns.ts'
import { asRowGroup, decodeRowGroup, encodePage, joinPages } from '../parquet/row-group.ts'
import { readRowGroup, rowGroupsOf, ServedFile } from '../parquet/served-file.ts'
import { selectRows } from '../parquet/served-rows.ts'

/** Writes a finished file anew without a user. @returns the rows removed */
export async function removeFromFile(directory: LogDirectory, path: string, user: string): Promise<number> {
  const from = await open(path, 'r')
  try {
    return await remove(directory, path, from, await rowGroupsOf(path), user, true)
  } finally {
    await from.close()
  }
}

/** The same for the file that is being written, which has no footer yet; it is gone on with. */
export async function removeFromOpenFile(
  directory: LogDirectory,
  into: { readonly path: string; handle: FileHandle; served: ServedFile },
  user: string,
): Promise<number> {
  const removed = await remove(directory, into.path, into.handle, into.served.groups, user, false)
  if (removed === 0) return 0
  await into.handle.close()
  into.handle = await open(into.path, 'r+')
  into.served = await ServedFile.resume(into.handle, Number.POSITIVE_INFINITY)
  return removed
}

async function remove(
  directory: LogDirectory,
  path: string,
  from: FileHandle,
  groups: readonly RowGroup[],
  user: string,
  isFinished: boolean,
): Promise<number> {
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
        await into.append(asRowGroup(bytes))
        continue
      }
      const rows = decodeRowGroup(bytes)
      const kept = selectRows(rows, (row) => rows.user[row] !== user)
      removed += rows.rows - kept.rows
      if (kept.rows > 0) await into.append(joinPages(columnNames.map((name) => encodePage(kept, name))))
    }
    if (isFinished) await into.end()
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
