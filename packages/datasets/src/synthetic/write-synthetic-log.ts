import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import {
  DOUBLE,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  FLOAT,
  LIST,
  listValue,
} from '@duckdb/node-api'
import type { LogEvent } from '@headwater/features'
import { LogDatabase } from '../files/log-database.ts'
import { literal } from '../files/sql.ts'
import { LogError } from '../log/log-error.ts'
import type { SyntheticSource } from './source.ts'
import { type SyntheticLogOptions, sourceOf } from './synthetic-source.ts'

/** DuckDB's vector size: rows of one chunk. */
const chunkRows = 2048

/** Bytes of a row on the disk while all is written: of the log and of the truth, as Parquet, and of a day's table. */
const bytesPerRow = 96

export type WrittenSyntheticLog = Awaited<ReturnType<typeof writeSyntheticLog>>

interface WritingOptions {
  readonly signal?: AbortSignal
  /** Called with the number of rows written so far, after each day. */
  readonly onProgress?: (rows: number) => void
}

/**
 * Writes a synthetic log as Parquet, a file a day; memory holds one day. The truth goes to a folder of its own, so that
 * neither the log's columns nor its glob can bring it to a model. The folder appears when all is written.
 * @throws LogError at a seed or size that cannot be used, a folder that is not empty, or a disk without room
 */
export async function writeSyntheticLog(folder: string, options: SyntheticLogOptions & WritingOptions = {}) {
  const source = sourceOf(options)
  const target = resolve(folder)
  await checkEmpty(target)
  await checkRoom(target, source)
  const database = await LogDatabase.create(options.signal)
  await mkdir(dirname(target), { recursive: true })
  const unfinished = await mkdtemp(join(dirname(target), `.${basename(target)}-`))
  try {
    await mkdir(join(unfinished, 'log'))
    await mkdir(join(unfinished, 'truth'))
    const rows = await database.use((connection) => writeDays(connection, source, unfinished, options))
    await writeFile(join(unfinished, 'schema.json'), json(source.schema))
    await writeFile(join(unfinished, 'truth', 'world.json'), json({ seed: source.seed, setting: source.setting }))
    await rename(unfinished, target)
    const of = (...path: string[]) => join(target, ...path)
    return {
      rows,
      /** For `openLog`: the glob of the log's Parquet files, one a day, and its schema. */
      data: of('log', '*.parquet'),
      schema: of('schema.json'),
      /** Folder of what no model may see: the true probabilities by row, in Parquet, and seed and setting in JSON. */
      truth: of('truth'),
    }
  } finally {
    await database.close()
    await rm(unfinished, { recursive: true, force: true })
  }
}

async function checkEmpty(folder: string): Promise<void> {
  const there = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw new LogError('is no folder', 'name a new or an empty one', { file: folder }, { cause })
  })
  if (there.length > 0) throw new LogError('is not empty', 'name a new or an empty folder', { file: folder })
}

/** The folder need not be there: its nearest parent that is tells of the disk. */
async function checkRoom(folder: string, { setting, rowsPerDay }: SyntheticSource): Promise<void> {
  let there = folder
  while (dirname(there) !== there && !existsSync(there)) there = dirname(there)
  const { bavail, bsize } = await statfs(there)
  const [needed, free] = [setting.days * rowsPerDay * bytesPerRow, bavail * bsize].map((bytes) => bytes / 2 ** 30)
  if (needed <= free) return
  const reason = `the log and its truth take about ${needed.toFixed(1)} GiB, and ${free.toFixed(1)} are free`
  throw new LogError(reason, 'use another disk, or fewer days or impressions', { file: folder })
}

async function writeDays(
  connection: DuckDBConnection,
  source: SyntheticSource,
  folder: string,
  { signal, onProgress }: WritingOptions,
): Promise<number> {
  const { tables, rowsPerDay } = source
  for (const { table, key, name, values } of tables.vectors) await writeVectors(connection, table, key, name, values)
  const typed = tables.names.map((name) => `${name} DOUBLE`)
  let day = 0
  for (const rows of source.days()) {
    await connection.run(`CREATE OR REPLACE TABLE impressions (${typed.join(', ')})`)
    const appender = await connection.createAppender('impressions')
    let chunk: { readonly event: LogEvent }[] = []
    for (const row of rows) {
      if (chunk.push(row) < chunkRows) continue
      appendRows(appender, tables.columnsOf(chunk))
      chunk = []
    }
    if (chunk.length > 0) appendRows(appender, tables.columnsOf(chunk))
    appender.closeSync()
    await writeDay(connection, source, folder, day++)
    onProgress?.(day * rowsPerDay)
    signal?.throwIfAborted()
  }
  return day * rowsPerDay
}

async function writeVectors(
  connection: DuckDBConnection,
  table: string,
  key: string,
  name: string,
  vectors: readonly Float32Array[],
): Promise<void> {
  await connection.run(`CREATE TABLE ${table} (${key} DOUBLE, ${name} FLOAT[])`)
  const appender = await connection.createAppender(table)
  for (let from = 0; from < vectors.length; from += chunkRows) {
    const part = vectors.slice(from, from + chunkRows)
    const chunk = DuckDBDataChunk.create([DOUBLE, LIST(FLOAT)], part.length)
    chunk.setColumns([part.map((_, i) => from + i), part.map((vector) => listValue([...vector]))])
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}

function appendRows(appender: DuckDBAppender, columns: (number | null)[][]): void {
  const chunk = DuckDBDataChunk.create(
    columns.map(() => DOUBLE),
    columns[0].length,
  )
  chunk.setColumns(columns)
  appender.appendDataChunk(chunk)
}

async function writeDay(connection: DuckDBConnection, { tables }: SyntheticSource, folder: string, day: number) {
  const file = `day-${String(day).padStart(4, '0')}.parquet`
  await copy(connection, `SELECT ${tables.log} ORDER BY log_row`, join(folder, 'log', file))
  await copy(
    connection,
    `SELECT CAST(log_row AS UBIGINT) AS "row", ${tables.truth} ORDER BY log_row`,
    join(folder, 'truth', file),
  )
}

async function copy(connection: DuckDBConnection, query: string, path: string): Promise<void> {
  await connection.run(`COPY (${query}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`)
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
