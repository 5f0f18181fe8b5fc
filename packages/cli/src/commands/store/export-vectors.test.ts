/** `headwater store export`, read by DuckDB and by packages/python. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '@headwater/store'
import { hasPython, runPython, temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { queried } from '../../testing/duckdb.ts'
import { headwaterIn } from '../../testing/headwater.ts'
import { makeStore } from '../../testing/small-store.ts'
import { type ExportOptions, exportStore } from './export-vectors.ts'

const home = temporaryDirectory()
const users = 300
const withNumpy = hasPython('numpy', 'exports read by packages/python')

/** All values are 1.5, the average of both snapshots', but for the newest frame's user. */
beforeAll(() => makeStore(join(home, 'store'), users))

const exported = (...args: string[]) => headwaterIn(home, 'store', 'export', ...args)

test.each([
  ['parquet', 'float16'],
  ['parquet', 'float32'],
  ['npz', 'float16'],
  ['npz', 'float32'],
])('%s of %s has every user once', async (format, type) => {
  const name = `${format}-${type}`
  const asked = ['lmdb:store', name, '--model', 'sum', '--format', format, '--vector-type', type, '--part-rows', '100']
  expect(await exported(...asked)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^300 vectors of frame 1 in 3 files\nWritten: .*\n$/),
  })
  const files = readdirSync(join(home, name)).sort()
  expect(files).toEqual(['export.json', ...[0, 1, 2].map((part) => `part-00000${part}.${format}`)])
  // What is whole is not made again.
  expect(await exported(...asked)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^300 vectors of frame 1 in 3 files\nWritten: .*\n$/),
  })
  if (format === 'parquet') {
    const vector =
      type === 'float16' ? `octet_length(vector) = 16` : 'vector = [1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]'
    const [row] =
      await queried(`SELECT count(DISTINCT user) users, bool_and(${vector}) vectors, max(snapshot) AS newest,
      min(frame) AS oldest, max(epoch_ms(feature_time)) feature, max(epoch_ms(written_at)) written, bool_and(age_ms > 1e12) aged
      FROM '${join(home, name)}/*.parquet'`)
    expect(row).toEqual({
      users: '300',
      vectors: true,
      newest: 2,
      oldest: 1,
      feature: '1000',
      written: '2000',
      aged: true,
    })
  }
  if (!withNumpy) return
  const program = `import headwater, sys
v = headwater.vectors(sys.argv[1])
print(len(set(v["user"])), v["vector"].shape, v["vector"].dtype, v["vector"].min(), v["vector"].max(), set(v["snapshot"].tolist()))
print(v["feature_time"].dtype, v["feature_time"][0], v["written_at"][0], (v["age_ms"] > 1e12).all(), sorted(v["user"])[0])`
  const { stdout, stderr } = runPython(['-c', program, join(home, name)])
  expect(stderr).toBe('')
  expect(stdout).toBe(`300 (300, 8) float32 1.5 1.5 {2}
datetime64[us] 1970-01-01T00:00:01.000000 1970-01-01T00:00:02.000000 True u0\n`)
})

test('the query of docs/store.md finds who is nearest', async () => {
  const page = readFileSync(new URL('../../../../../docs/store.md', import.meta.url), 'utf8')
  const [, sql] = /```sql\n(SELECT other\.user.*?)```/s.exec(page)!
  const rows = await queried(
    sql.replaceAll('vectors/*', `${join(home, 'parquet-float32')}/*`).replaceAll("'ada'", "'u7'"),
  )
  expect(rows).toHaveLength(10)
  for (const { user, cosine } of rows) expect([user !== 'u7', cosine]).toEqual([true, 1])
})

test('one that was stopped is no whole one, and goes on to the same rows', async () => {
  const options: ExportOptions = {
    model: 'sum',
    tenant: 'default',
    latest: true,
    frame: undefined,
    format: 'parquet',
    vectorType: 'float32',
    partRows: 100,
  }
  const stop = new AbortController()
  const stages = { begin: () => {}, advance: (done: number) => done >= 200 && stop.abort(), end: () => {} }
  const session = (signal: AbortSignal) => ({ stages, signal, atEnd: () => {} }) as never
  const directory = join(home, 'stopped')
  const url = `lmdb:${join(home, 'store')}`
  await expect(exportStore(url, directory, options, session(stop.signal))).rejects.toThrow(/abort/)
  // What a killed process leaves of the file that it was writing.
  writeFileSync(join(directory, '.part-000002.parquet'), 'half')
  const kept = JSON.parse(readFileSync(join(directory, 'export.json'), 'utf8'))
  expect(kept).toMatchObject({ isDone: false, parts: 2 })
  if (withNumpy)
    expect(runPython(['-c', `import headwater; headwater.vectors(${JSON.stringify(directory)})`]).stderr).toMatch(
      /FileError: .*an export that was stopped; run the same command again/,
    )
  const end = await exportStore(url, directory, options, session(new AbortController().signal))
  expect(end).toMatchObject({ rows: 300, parts: 3, frame: 1, damaged: 0 })
  expect(readdirSync(directory)).toHaveLength(4)
  expect(
    await queried(`SELECT count(*) n, count(DISTINCT user) u, max(vector[1]) v FROM '${directory}/*.parquet'`),
  ).toEqual([{ n: '300', u: '300', v: 2 }])
})

test('users of another frame are told of, and are left out', async () => {
  const store = await openStore(`lmdb:${join(home, 'store')}`)
  await store.append({
    model: 'sum',
    dim: 8,
    users: ['zoe'],
    vectors: new Float32Array(8).fill(7),
    snapshot: 3,
    frame: 3,
    featureTimeMs: Float64Array.of(3_000),
    writtenMs: 3_000,
    policy: { slots: 1, count: 1, slot: 'snapshot' },
  })
  await store.close()
  const left = 'left out: 300 users of frame 1; --frame 1 gives them\n'
  const newest = await exported('lmdb:store', 'newest', '--model', 'sum', '--part-rows', '50')
  expect(newest).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`1 vector of frame 3 in 1 file\n${left}Written: `),
  })
  expect(await queried(`SELECT user FROM '${join(home, 'newest')}/*.parquet'`)).toEqual([{ user: 'zoe' }])
  const all = await exported('lmdb:store', 'all', '--model', 'sum', '--frame', 'all')
  expect(all.stdout).toMatch(/^301 vectors in 1 file\nWritten: .*\n$/)
})

test.each([
  [['full'], /full is not empty and no export; name a new directory/],
  [['all', '--latest'], /all is another export, of .*name a new directory/],
  [['new', '--frame', 'x'], /Give the number of a frame, or all/],
])('%j is refused', async ([directory, ...more], message) => {
  mkdirSync(join(home, 'full'), { recursive: true })
  writeFileSync(join(home, 'full/file'), '')
  const { code, stderr } = await exported('lmdb:store', directory, '--model', 'sum', ...more)
  expect(code).toBeGreaterThan(0)
  expect(stderr).toMatch(message)
})
