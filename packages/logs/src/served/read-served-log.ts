import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServedRows } from './served-rows.ts'
import { readServedFile } from './served-table.ts'

/** The finished files of a served log, the oldest first. */
export async function servedFiles(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((name) => /^served-\d+-\d+\.parquet$/.test(name))
  return names.sort().map((name) => join(directory, name))
}

/** All rows of the finished files of a served log, from the first to the last, a few thousand at a time. @throws LogFormatError */
export async function* readServedLog(directory: string): AsyncGenerator<ServedRows> {
  for (const file of await servedFiles(directory)) yield* readServedFile(file)
}
