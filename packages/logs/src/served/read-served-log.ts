import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServedRows } from './served-rows.ts'
import { readServedFile } from './served-table.ts'

/** All rows of the finished files of a served log, from the first to the last, a few thousand at a time. @throws LogFormatError */
export async function* readServedLog(directory: string): AsyncGenerator<ServedRows> {
  for (const name of (await readdir(directory)).sort()) {
    if (/^served-\d+-\d+\.parquet$/.test(name)) yield* readServedFile(join(directory, name))
  }
}
