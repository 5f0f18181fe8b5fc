/** Figures of predictions by examples/recompute. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { hasPython, runPython } from '@headwater/testkit'

const example = (name: string) => join(import.meta.dirname, '../../../../examples/recompute', name)

export const hasNumpy = hasPython('numpy', 'examples/recompute/recompute.py')

/** Runs the script. */
export const recomputed = (...args: string[]) => runPython([example('recompute.py'), ...args])

/** NE and AUC by arm, by the query. */
export async function queried(directory: string, digest: string): Promise<Record<string, number[]>> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run(`SET VARIABLE predictions = '${join(directory, 'predictions.parquet')}'`)
    await connection.run(`SET VARIABLE log_digest = '${digest}'`)
    const found = await connection.runAndReadAll(readFileSync(example('recompute.sql'), 'utf8'))
    return Object.fromEntries(found.getRows().map(([arm, ne, area]) => [arm, [Number(ne), Number(area)]]))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
