/** What docs/from-elsewhere.md does with an export, by DuckDB. */
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { headwaterIn } from '../../testing/headwater.ts'
import { recipes } from '../../testing/recipes.ts'
import { makeStore } from '../../testing/small-store.ts'

test('the statements of the page run on an export of 12 users', async () => {
  const home = temporaryDirectory()
  await makeStore(join(home, 'store'), 12)
  const asked = ['store', 'export', 'lmdb:store', 'vectors', '--model', 'sum', '--vector-type', 'float32']
  expect(await headwaterIn(home, ...asked)).toMatchObject({ code: 0 })
  const statements = recipes(home).duckdb
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const results: Record<string, unknown>[][] = []
    for (const sql of statements) results.push((await connection.runAndReadAll(sql)).getRowObjectsJson())
    const [made, nearest, snapshots, mean] = results
    expect(made).toEqual([{ Count: '12' }])
    // All vectors are the same.
    expect(nearest.map(({ user }) => user)).toEqual(['u0', 'u10', 'u11'])
    expect(snapshots).toEqual([{ snapshot: 2, frame: 1, users: '12', oldest: expect.stringContaining('1970-01-01') }])
    expect(mean).toEqual(Array.from({ length: 8 }, (_, i) => ({ place: String(i + 1), mean: 1.5 })))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
})
