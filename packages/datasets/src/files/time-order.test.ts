import { DuckDBInstance } from '@duckdb/node-api'
import type { Schema } from '@headwater/features'
import { fuzz } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { sortByTime } from './time-order.ts'

const schema: Schema = {
  version: 1,
  name: 'sample',
  user: 'who',
  item: 'what',
  time: { column: 'at', unit: 'ms' },
  fields: [{ name: 'click', of: 'outcome', type: 'float' }],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [],
}

interface Row {
  readonly file: number
  readonly row: number
  readonly timeMs: number
  readonly isBad: boolean
}

async function sorted(rows: readonly Row[], sliceRows?: number) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run('CREATE TABLE unsorted (file INTEGER, "row" BIGINT, problem VARCHAR, time_ms DOUBLE)')
  const values = rows.map(({ file, row, timeMs, isBad }) => `(${file}, ${row}, ${isBad ? "'bad'" : 'NULL'}, ${timeMs})`)
  if (values.length > 0) await connection.run(`INSERT INTO unsorted VALUES ${values.join(', ')}`)
  await sortByTime(connection, schema, sliceRows)
  const result = await connection.runAndReadAll(
    'SELECT file, "row", time_ms, problem IS NOT NULL FROM events ORDER BY rowid',
  )
  const tables = await connection.runAndReadAll('SELECT table_name FROM duckdb_tables()')
  expect(tables.getRows()).toEqual([['events']])
  const read = result.getRows().map(([file, row, timeMs, isBad]) => ({ file, row: Number(row), timeMs, isBad }))
  connection.closeSync()
  instance.closeSync()
  return read
}

test('good rows come in time order, equal times by file and row, bad ones behind', async () => {
  await fuzz(
    (random) => ({
      count: random.nextBelow(500),
      // Times repeat, some of them often.
      times: [1, 40, 4_000][random.nextBelow(3)],
      sliceRows: [undefined, 3, 40][random.nextBelow(3)],
    }),
    async ({ count, times, sliceRows }, random) => {
      const rows = Array.from({ length: count }, (_, i) => ({
        file: i % 3,
        row: Math.floor(i / 3) + 1,
        timeMs: 1_700_000_000_000 + (random.nextBelow(3) === 0 ? 0.5 : random.nextBelow(times) / 4),
        isBad: random.nextBelow(10) === 0,
      }))
      const found = await sorted(rows, sliceRows)
      const good = rows.filter(({ isBad }) => !isBad)
      good.sort((a, b) => a.timeMs - b.timeMs || a.file - b.file || a.row - b.row)
      expect(found.slice(0, good.length)).toEqual(good)
      expect(found.slice(good.length)).toHaveLength(rows.length - good.length)
      expect(found.slice(good.length).every(({ isBad }) => isBad)).toBe(true)
    },
    { runs: 12 },
  )
})
