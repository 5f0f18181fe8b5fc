/** Files of a served log, read by another implementation of Parquet. */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { parquetReadObjects } from 'hyparquet'
import type { ExpectedRow } from './served-batches.ts'

/** Times as they are held: a `Date` keeps whole milliseconds alone. */
const parsers = { timestampFromMicroseconds: (micros: bigint) => micros }

/** Names of the finished files, the oldest first. */
export function filesOf(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.parquet'))
    .sort()
}

/** Rows of all of them. */
export async function rowsIn(directory: string): Promise<ExpectedRow[]> {
  const rows: Record<string, unknown>[] = []
  for (const name of filesOf(directory)) {
    const { buffer, byteOffset, byteLength } = readFileSync(join(directory, name))
    rows.push(
      ...(await parquetReadObjects({
        file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
        parsers,
      })),
    )
  }
  // A list that is missing reads as undefined.
  return rows.map(({ served_at, feature_time, ...row }) => {
    const [served_ms, feature_time_ms] = [served_at, feature_time].map(millisOf)
    return { served_ms, feature_time_ms, ...row, latest: row.latest ?? null } as ExpectedRow
  })
}

const millisOf = (micros: unknown) => (micros === undefined ? undefined : Number(micros) / 1_000)

/** What the next process finds of a log whose process ends now. */
export function leftBy(directory: string): string {
  const after = temporaryDirectory()
  for (const name of readdirSync(directory))
    if (!name.startsWith('.writer')) copyFileSync(join(directory, name), join(after, name))
  return after
}
