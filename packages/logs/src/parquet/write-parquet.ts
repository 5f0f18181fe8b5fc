import { open } from 'node:fs/promises'
import type { Columns, RowsOf } from './columns.ts'
import { ParquetFile } from './parquet-file.ts'
import { encodeRowGroup } from './row-group.ts'

/** Writes rows as a file of one row group; resolves once it is on the disk. */
export async function writeParquet<C extends Columns>(path: string, columns: C, rows: RowsOf<C>): Promise<void> {
  const file = await open(path, 'w')
  try {
    const parquet = await ParquetFile.begin(file, { mark: null, columns })
    await parquet.append(await encodeRowGroup(columns, rows))
    await parquet.end()
    await file.datasync()
  } finally {
    await file.close()
  }
}
