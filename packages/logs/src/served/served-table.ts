/** What the files of a served log hold: those that this version writes, and what it reads of before. */
import { isDeepStrictEqual } from 'node:util'
import { asyncBufferFromFile, parquetMetadataAsync, type RowGroup, type SchemaElement } from 'hyparquet'
import { LogFormatError } from '../directory/errors.ts'
import {
  doubles,
  schemaOf,
  texts,
  textsOrNull,
  timestamps,
  unsigned,
  type VectorType,
  vectors,
} from '../parquet/columns.ts'
import { readRowGroup, type Table } from '../parquet/parquet-file.ts'
import { decodeRowGroup } from '../parquet/row-group.ts'
import type { ServedRows } from './served-rows.ts'

const columnsOf = (servedMs: ReturnType<typeof doubles>, featureTimeMs: typeof servedMs, type: VectorType) => ({
  request: textsOrNull('request'),
  tenant: texts('tenant'),
  user: texts('user'),
  model: texts('model'),
  servedMs,
  snapshot: unsigned('snapshot'),
  frame: unsigned('frame'),
  featureTimeMs,
  status: unsigned('status'),
  vector: vectors('vector', type, 'REQUIRED'),
  latest: vectors('latest', type, 'OPTIONAL'),
})

export type ServedTable = Table<ReturnType<typeof columnsOf>>

const tableOf = (mark: string, type: VectorType): ServedTable => {
  return { mark, columns: columnsOf(timestamps('served_at'), timestamps('feature_time'), type) }
}

export const servedTables: Readonly<Record<VectorType, ServedTable>> = {
  float16: tableOf('hw16', 'float16'),
  float32: tableOf('hw32', 'float32'),
}

/** Of files of before there were timestamps. */
const before: ServedTable = {
  mark: null,
  columns: columnsOf(doubles('served_ms'), doubles('feature_time_ms'), 'float16'),
}

export const knownTables = [servedTables.float16, servedTables.float32, before] as const

/** What a finished file holds. @throws LogFormatError */
export async function contentsOf(
  path: string,
): Promise<{ readonly table: ServedTable; readonly groups: readonly RowGroup[] }> {
  const { schema, row_groups: groups } = await parquetMetadataAsync(await asyncBufferFromFile(path)).catch(
    (cause: unknown) => {
      throw new LogFormatError(`${path} is no whole Parquet file`, { cause })
    },
  )
  const table = knownTables.find(({ columns }) => isDeepStrictEqual(namesOf(schema), namesOf(schemaOf(columns))))
  if (table === undefined) throw new LogFormatError(`${path} is Parquet, but not of a served log`)
  return { table, groups }
}

/** But for the name of the whole, which was another one. */
function namesOf(schema: readonly SchemaElement[]): readonly string[] {
  return schema.slice(1).map(({ name, type = 'group' }) => `${name} ${type}`)
}

/** The rows of a finished file, a row group at a time. @throws LogFormatError */
export async function* readServedFile(path: string): AsyncGenerator<ServedRows> {
  const { table, groups } = await contentsOf(path)
  const file = await asyncBufferFromFile(path)
  for (const group of groups) yield decodeRowGroup(table.columns, await readRowGroup(file, group))
}
