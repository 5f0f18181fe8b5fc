import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
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
import { LogDatabase } from '../files/log-database.ts'
import { literal } from '../files/sql.ts'
import { LogError } from '../log/log-error.ts'
import { Interests, impressionsOfDay, requestsPerDay, type SyntheticImpression } from './day.ts'
import type { SyntheticOptions } from './setting.ts'
import { syntheticWorld } from './synthetic-events.ts'
import { syntheticSchema } from './synthetic-schema.ts'
import type { SyntheticWorld } from './world.ts'

/** DuckDB's vector size: rows of one chunk. */
const chunkRows = 2048

/** What is appended of an impression: numbers only, users' and ads' vectors are joined to them by DuckDB. */
const columns: Record<string, (impression: SyntheticImpression) => number | null> = {
  log_row: ({ event }) => event.row,
  user_index: ({ user }) => user,
  ad_index: ({ ad }) => ad,
  surface_index: ({ surface }) => surface,
  time_ms: ({ event }) => event.timeMs,
  click: ({ event }) => event.values[3] as number,
  conversion: ({ conversion }) => conversion?.label ?? null,
  click_probability: ({ clickProbability }) => clickProbability,
  propensity: (impression) => impression.propensity,
  conversion_probability: ({ conversion }) => conversion?.probability ?? null,
  conversion_delay_days: ({ conversion }) => conversion?.delayDays ?? null,
}

export type WrittenSyntheticLog = Awaited<ReturnType<typeof writeSyntheticLog>>

interface WritingOptions {
  readonly signal?: AbortSignal
  /** Called with the number of rows written so far, after each day. */
  readonly onProgress?: (rows: number) => void
}

/**
 * Writes a synthetic log as Parquet, a file a day; memory holds one day. The truth goes to a folder of its own, so that
 * neither the log's columns nor its glob can bring it to a model. The folder appears when all is written.
 * @throws LogError at a seed or size that cannot be used, or a folder that is not empty
 */
export async function writeSyntheticLog(folder: string, options: SyntheticOptions & WritingOptions = {}) {
  const world = syntheticWorld(options)
  const target = resolve(folder)
  await checkEmpty(target)
  const database = await LogDatabase.create(options.signal)
  await mkdir(dirname(target), { recursive: true })
  const unfinished = await mkdtemp(join(dirname(target), `.${basename(target)}-`))
  try {
    await mkdir(join(unfinished, 'log'))
    await mkdir(join(unfinished, 'truth'))
    const rows = await database.use((connection) => writeDays(connection, world, unfinished, options))
    await writeFile(join(unfinished, 'schema.json'), json(syntheticSchema(world.setting)))
    await writeFile(join(unfinished, 'truth', 'world.json'), json({ seed: world.seed, setting: world.setting }))
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

async function writeDays(
  connection: DuckDBConnection,
  world: SyntheticWorld,
  folder: string,
  { signal, onProgress }: WritingOptions,
): Promise<number> {
  const { users, ads } = world
  await writeVectors(
    connection,
    'users',
    'user_index',
    'profile',
    users.map(({ profile }) => profile),
  )
  await writeVectors(
    connection,
    'ads',
    'ad_index',
    'topics',
    ads.map(({ topics }) => topics),
  )
  const interests = new Interests(world)
  const typed = Object.keys(columns).map((name) => `${name} DOUBLE`)
  const dayRows = requestsPerDay(world.setting) * world.setting.adsPerRequest
  for (let day = 0; day < world.setting.days; day++) {
    interests.advance()
    await connection.run(`CREATE OR REPLACE TABLE impressions (${typed.join(', ')})`)
    const appender = await connection.createAppender('impressions')
    let impressions: SyntheticImpression[] = []
    for (const impression of impressionsOfDay(world, interests.values, day)) {
      if (impressions.push(impression) < chunkRows) continue
      appendImpressions(appender, impressions)
      impressions = []
    }
    appendImpressions(appender, impressions)
    appender.closeSync()
    await writeDay(connection, world, folder, day)
    onProgress?.((day + 1) * dayRows)
    signal?.throwIfAborted()
  }
  return world.setting.days * dayRows
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

function appendImpressions(appender: DuckDBAppender, impressions: readonly SyntheticImpression[]): void {
  if (impressions.length === 0) return
  const values = Object.values(columns)
  const chunk = DuckDBDataChunk.create(
    values.map(() => DOUBLE),
    impressions.length,
  )
  chunk.setColumns(values.map((value) => impressions.map(value)))
  appender.appendDataChunk(chunk)
}

async function writeDay(connection: DuckDBConnection, world: SyntheticWorld, folder: string, day: number) {
  const file = `day-${String(day).padStart(4, '0')}.parquet`
  const conversion = world.setting.conversions ? ', CAST(conversion AS UTINYINT) AS conversion' : ''
  await copy(
    connection,
    `SELECT 'u' || CAST(user_index AS UINTEGER) AS "user", 'a' || CAST(ad_index AS UINTEGER) AS ad,
      CAST(time_ms AS BIGINT) AS "time", topics, 's' || CAST(surface_index AS UINTEGER) AS surface, profile,
      CAST(click AS UTINYINT) AS click${conversion}
    FROM impressions JOIN users USING (user_index) JOIN ads USING (ad_index) ORDER BY log_row`,
    join(folder, 'log', file),
  )
  await copy(
    connection,
    `SELECT CAST(log_row AS UBIGINT) AS "row", click_probability, propensity, conversion_probability,
      conversion_delay_days
    FROM impressions ORDER BY log_row`,
    join(folder, 'truth', file),
  )
}

async function copy(connection: DuckDBConnection, query: string, path: string): Promise<void> {
  await connection.run(`COPY (${query}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`)
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
