/** Figures of predictions by examples/recompute. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

const example = (name: string) => join(import.meta.dirname, '../../../../examples/recompute', name)

export const hasNumpy = spawnSync('python3', ['-c', 'import numpy']).status === 0
if (!hasNumpy) console.log('not applicable: examples/recompute/recompute.py, as there is no python3 with numpy')

/** Runs the script. */
export function recomputed(...args: string[]) {
  const env = { ...process.env, LC_ALL: 'C.UTF-8' }
  return spawnSync('python3', [example('recompute.py'), ...args], { encoding: 'utf8', env })
}

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
