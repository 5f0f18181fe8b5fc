import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DOUBLE,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
  VARCHAR,
} from '@duckdb/node-api'
import { npz } from '@headwater/snapshot'
import type { Predictions } from './predictions.ts'

/** DuckDB's vector size: rows of one chunk. */
const chunkRows = 2048

/**
 * Writes `predictions.parquet`, a row for each scored row, arm and seed, and `predictions.npz`, the same as arrays. Each appears when
 * it is whole.
 */
export async function writePredictions(directory: string, predictions: Predictions): Promise<void> {
  const unfinished = mkdtempSync(join(directory, '.predictions-'))
  try {
    await writeParquet(join(unfinished, 'predictions.parquet'), predictions)
    writeFileSync(join(unfinished, 'predictions.npz'), asNpz(predictions))
    for (const name of ['predictions.parquet', 'predictions.npz'])
      renameSync(join(unfinished, name), join(directory, name))
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

function asNpz({ log, task, rows, seeds, logits }: Predictions): Uint8Array {
  const arms = Object.keys(logits)
  const scored = rows.row.length
  const all = new Float32Array(arms.length * seeds.length * scored)
  arms.forEach((arm, a) => {
    logits[arm].forEach((own, s) => {
      all.set(own, (a * seeds.length + s) * scored)
    })
  })
  return npz({
    log: { values: [log.name], shape: [] },
    log_digest: { values: [log.digest], shape: [] },
    log_rows: { values: Uint32Array.of(log.rows), shape: [] },
    task: { values: [task], shape: [] },
    row: { values: rows.row },
    user: { values: rows.user },
    item: { values: rows.item },
    time: { values: rows.timeMs },
    label: { values: rows.label },
    arm: { values: arms },
    seed: { values: Uint32Array.from(seeds) },
    logit: { values: all, shape: [arms.length, seeds.length, scored] },
  })
}

async function writeParquet(path: string, { log, task, rows, seeds, logits }: Predictions): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', autoinstall_known_extensions: 'false' })
  const connection = await instance.connect()
  try {
    await connection.run(
      'CREATE TABLE predictions (place DOUBLE, "row" DOUBLE, "user" VARCHAR, item VARCHAR, ms DOUBLE, label DOUBLE, arm VARCHAR, seed DOUBLE, logit FLOAT)',
    )
    const appender = await connection.createAppender('predictions')
    for (const [arm, bySeed] of Object.entries(logits))
      bySeed.forEach((own, s) => {
        for (let from = 0; from < own.length; from += chunkRows) {
          const places = Array.from({ length: Math.min(chunkRows, own.length - from) }, (_, i) => from + i)
          const columns: [DuckDBType, (place: number) => DuckDBValue][] = [
            [DOUBLE, (place) => place],
            [DOUBLE, (place) => rows.row[place]],
            [VARCHAR, (place) => rows.userNames[rows.user[place]]],
            [VARCHAR, (place) => rows.itemNames[rows.item[place]]],
            [DOUBLE, (place) => rows.timeMs[place]],
            [DOUBLE, (place) => rows.label[place]],
            [VARCHAR, () => arm],
            [DOUBLE, () => seeds[s]],
            [FLOAT, (place) => own[place]],
          ]
          const chunk = DuckDBDataChunk.create(
            columns.map(([type]) => type),
            places.length,
          )
          chunk.setColumns(columns.map(([, value]) => places.map(value)))
          appender.appendDataChunk(chunk)
        }
      })
    appender.closeSync()
    const about = { log: log.name, log_digest: log.digest, log_rows: String(log.rows) }
    const metadata = Object.entries(about).map(([key, value]) => `${key}: ${literal(value)}`)
    await connection.run(
      `COPY (
        SELECT CAST("row" AS UINTEGER) AS "row", "user", item, epoch_ms(CAST(ms AS BIGINT)) AS "time",
          CAST(label AS UTINYINT) AS label, ${literal(task)} AS task, arm, CAST(seed AS UINTEGER) AS seed, logit
        FROM predictions ORDER BY arm, seed, place
      ) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {${metadata.join(', ')}})`,
    )
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
