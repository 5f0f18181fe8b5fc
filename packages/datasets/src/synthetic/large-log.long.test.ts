import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { largeSetting, openSyntheticLog } from '../index.ts'

const program = fileURLToPath(new URL('../testing/large-log.ts', import.meta.url))
const { rows } = openSyntheticLog({ setting: largeSetting })

/** As objects of a hundred bytes the rows alone would take a gigabyte; the process has a small part of it for a heap. */
async function inSmallHeap(heapMiB: number, ...args: string[]) {
  const options = [
    `--max-old-space-size=${heapMiB}`,
    '--conditions=@headwater/source',
    '--import',
    'tsx',
    program,
    ...args,
  ]
  const { stdout } = await promisify(execFile)(process.execPath, options)
  return JSON.parse(stdout) as { rows: number; residentMiB: number }
}

test('ten million rows are streamed in bounded memory', { timeout: 600_000 }, async () => {
  expect(rows).toBeGreaterThan(9_999_000)
  const streamed = await inSmallHeap(96)
  expect(streamed.rows).toBe(rows)
  expect(streamed.residentMiB).toBeLessThan(512)
})

test('and written as Parquet, which is opened and read in time order', { timeout: 1_800_000 }, async () => {
  const folder = join(temporaryDirectory(), 'log')
  const written = await inSmallHeap(256, folder)
  expect(written.rows).toBe(rows)
  expect(written.residentMiB).toBeLessThan(2048)
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  for (const part of ['log', 'truth']) {
    const counted = await connection.runAndReadAll(`SELECT count(*) FROM '${join(folder, part, '*.parquet')}'`)
    expect(counted.getRows()).toEqual([[BigInt(rows)]])
  }
  connection.closeSync()
  instance.closeSync()
  const opened = await inSmallHeap(256, '--open', folder)
  expect(opened.rows).toBe(rows)
  expect(opened.residentMiB).toBeLessThan(2048)
})
