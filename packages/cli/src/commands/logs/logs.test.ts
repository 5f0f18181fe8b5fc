/** `headwater logs export`, held against DuckDB's joins over the log itself. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openServedLog } from '@headwater/logs'
import { seededRandom } from '@headwater/statistics'
import { hasPython, runPython, temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { queried } from '../../testing/duckdb.ts'
import { headwaterIn } from '../../testing/headwater.ts'
import { exportServed } from './export-served.ts'

const home = temporaryDirectory()
const log = join(home, 'served')
const withNumpy = hasPython('numpy', 'exports of logs read by packages/python')
const random = seededRandom(3)
const startMs = 1_764_000_000_000
const batches = 60

/** Every minute a batch of some of nine users, of frame 1 and later of frame 5; the third of every four has the default. */
beforeAll(async () => {
  const opened = await openServedLog({ directory: log, tenant: 'default', maxRows: 100 })
  for (let i = 0; i < batches; i++) {
    const users = Array.from({ length: 5 }, () => `ü${random.nextBelow(9)}`)
    const of = (dim: number) => ({
      dim,
      vectors: Float32Array.from({ length: 5 * dim }, () => random.nextBelow(4096) / 128),
      halves: null,
      latest: null,
      status: Uint8Array.from(users, (_, u) => (u % 4 === 2 ? 2 : u % 2)),
      snapshot: new Uint32Array(5).fill(i),
      frame: Uint32Array.from(users, (_, u) => (u % 4 === 2 ? 0 : i < 20 ? 1 : 5)),
      featureTimeMs: new Float64Array(5).fill(startMs),
      ageMs: new Float64Array(5),
      computed: null,
    })
    const models = [
      { model: 'sum', ...of(4) },
      { model: 'other', ...of(2) },
    ]
    opened.record({ users, servedMs: startMs + 60_000 * i + 0.5, models }, i % 3 === 0 ? undefined : `r-${i}`)
    if (i % 7 === 0) await opened.flush()
  }
  await opened.close()
})

const exported = (...args: string[]) => headwaterIn(home, 'logs', 'export', 'served', ...args)

/** Of the log, what DuckDB makes of it. */
const served = `(SELECT request, user, served_at, "snapshot", frame, feature_time, status, vector FROM '${log}/*.parquet' WHERE model = 'sum')`
const ofFiles = (name: string) =>
  `(SELECT request, user, served_at, "snapshot", frame, feature_time, status, vector FROM '${join(home, name)}/*.parquet')`

/** Of vectors, not of defaults, which have none. @param until column that it is of */
async function expectAges(name: string, until: string): Promise<void> {
  const [found] = await queried(`SELECT bool_and(isnan(age_ms)) FILTER (status = 2) AS defaults,
    max(abs(age_ms - date_diff('us', feature_time, ${until}) / 1000)) FILTER (status < 2) < 0.001 AS ages,
    max(age_ms) FILTER (status < 2) > 1e6 AS grows FROM '${join(home, name)}/*.parquet'`)
  expect(found).toEqual({ defaults: true, ages: true, grows: true })
}

async function expectSame(a: string, b: string): Promise<number> {
  const [{ n, missing, more }] = await queried(`SELECT (SELECT count(*)::INT FROM ${a}) AS n,
    (SELECT count(*)::INT FROM (FROM ${a} EXCEPT ALL FROM ${b})) AS missing,
    (SELECT count(*)::INT FROM (FROM ${b} EXCEPT ALL FROM ${a})) AS more`)
  expect([missing, more]).toEqual([0, 0])
  return Number(n)
}

test('rows of all frames are those of the log, those of one frame have the defaults with them', async () => {
  const all = ['--model', 'sum', '--vector-type', 'float32', '--frame', 'all', '--part-rows', '70']
  expect(await exported('all', ...all)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^300 rows in 5 files\nWritten: .*all\n$/),
  })
  expect(await expectSame(served, ofFiles('all'))).toBe(300)
  await expectAges('all', 'served_at')

  const some = ['--model', 'sum', '--vector-type', 'float32', '--from', String(startMs + 60_000), '--to', '2026-01-01']
  const { stdout } = await exported('newest', ...some)
  expect(stdout).toMatch(
    /^219 rows of frame 5 in 1 file\nleft out: 76 rows of frame 1; --frame 1 gives them\nWritten: .*\n$/,
  )
  const inRange = `(FROM ${served} WHERE frame IN (0, 5) AND served_at >= make_timestamptz(${startMs + 60_000}000))`
  expect(await expectSame(inRange, ofFiles('newest'))).toBe(219)
})

test('rows as of given times are those of an ASOF join', async () => {
  const asked = Array.from({ length: 80 }, (_, i) => {
    // One before everything, some of nobody, some at the very moment.
    const timeMs =
      startMs + (i % 5 === 0 ? 60_000 * random.nextBelow(batches) + 1 : random.nextBelow(70 * 60_000) - 60_000)
    return { user: `ü${random.nextBelow(10)}`, timeMs }
  })
  const csv = asked.map(({ user, timeMs }, i) => `${i},"${user}",${i % 2 ? timeMs : new Date(timeMs).toISOString()}`)
  writeFileSync(join(home, 'rows.csv'), `id,user,time\n${csv.join('\n')}\n`)
  writeFileSync(
    join(home, 'rows.jsonl'),
    asked.map(({ user, timeMs }) => `${JSON.stringify({ user, time: timeMs })}\n`).join(''),
  )
  for (const file of ['rows.csv', 'rows.jsonl']) {
    const name = `as-of-${file}`
    const { stdout } = await exported(
      name,
      '--model',
      'sum',
      '--vector-type',
      'float32',
      '--frame',
      'all',
      '--as-of',
      file,
    )
    const from = `(SELECT row_number() OVER () - 1 AS row, user, make_timestamptz(time * 1000) AS time FROM read_json('${join(home, 'rows.jsonl')}'))`
    // Of rows that are served at one time, the last stands.
    const distinct = `(SELECT user, served_at, arg_max(vector, n) AS vector, arg_max(status, n) AS status FROM
      (SELECT *, row_number() OVER () AS n FROM '${log}/*.parquet' WHERE model = 'sum') GROUP BY user, served_at)`
    const joined = `(SELECT a.row::UINTEGER AS row, a.user AS user, a.time AS time, s.served_at AS served_at, s.vector AS vector, s.status AS status
      FROM ${from} a ASOF JOIN ${distinct} s ON a.user = s.user AND a.time >= s.served_at)`
    const rows = await expectSame(
      joined,
      `(SELECT row, user, time, served_at, vector, status FROM '${join(home, name)}/*.parquet')`,
    )
    expect(stdout).toContain(
      `${rows} rows in 1 file\nleft out: ${80 - rows} rows of which nothing was served by then\nWritten: `,
    )
    await expectAges(name, 'time')
    expect(rows).toBeGreaterThan(40)
    expect(rows).toBeLessThan(80)
  }
})

test('an export that is stopped goes on to the same rows; a log that changed meanwhile is refused', async () => {
  const options = { model: 'sum', frame: 'all', format: 'parquet', vectorType: 'float32', partRows: 40 } as const
  const session = (advance: (done: number) => void, signal: AbortSignal) => {
    return { stages: { begin: () => {}, advance, end: () => {} }, signal } as never
  }
  const never = new AbortController().signal
  const stopped = async (name: string) => {
    const stop = new AbortController()
    const work = exportServed(
      log,
      join(home, name),
      options,
      session((done) => done > 100 && stop.abort(), stop.signal),
    )
    await expect(work).rejects.toThrow(/abort/)
    expect(JSON.parse(readFileSync(join(home, name, 'export.json'), 'utf8'))).toMatchObject({ isDone: false })
  }
  await stopped('stopped')
  const found = await exportServed(
    log,
    join(home, 'stopped'),
    options,
    session(() => {}, never),
  )
  expect(found).toMatchObject({ rows: 300, parts: 8 })
  expect(await expectSame(served, ofFiles('stopped'))).toBe(300)

  await stopped('changed')
  const opened = await openServedLog({ directory: log, tenant: 'default' })
  await opened.holder.forget('default', 'ü3', 0)
  await opened.close()
  const again = exportServed(
    log,
    join(home, 'changed'),
    options,
    session(() => {}, never),
  )
  await expect(again).rejects.toThrow(/was changed since the export began: .*; remove .*changed, and export again/)
})

test('.npz, Parquet and the log are alike in Python', async () => {
  const type = 'float16'
  const common = ['--model', 'sum', '--vector-type', type, '--frame', 'all', '--part-rows', '100']
  for (const format of ['npz', 'parquet'])
    expect((await exported(`${format}-${type}`, ...common, '--format', format)).code).toBe(0)
  if (!withNumpy) return
  const program = `import headwater, sys
import numpy as np
a, b, c = (headwater.served_log(path, model="sum") for path in sys.argv[1:])
for name in ("user", "served_at", "feature_time", "snapshot", "frame", "status", "vector"):
    assert (a[name] == b[name]).all() and (a[name] == c[name]).all() and a[name].dtype == c[name].dtype or name == "user", name
assert (a["request"] == np.where(b["request"] == None, "", b["request"])).all() and (b["request"] == c["request"]).all()
assert np.array_equal(a["age_ms"], b["age_ms"], equal_nan=True)
print(a["vector"].dtype, a["vector"].shape[1])`
  const paths = [join(home, `npz-${type}`), join(home, `parquet-${type}`), log]
  const { stdout, stderr } = runPython(['-c', program, ...paths])
  expect([stderr, stdout]).toEqual(['', 'float32 4\n'])
})

test('what cannot be read is refused', async () => {
  writeFileSync(join(home, 'bad.csv'), 'user,time\nann,soon\n')
  writeFileSync(join(home, 'headless.csv'), 'ann,5\n')
  for (const [file, message] of [
    ['bad.csv', /line 2 of bad\.csv is no user and time: Give a time/],
    ['headless.csv', /headless\.csv has no header with user and time/],
    ['none.csv', /none\.csv cannot be read/],
  ] as const) {
    const { code, stderr } = await exported('refused', '--model', 'sum', '--as-of', file)
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)])
  }
  expect(readdirSync(home)).not.toContain('refused')
})
