/** `headwater ingest|read|publish|forget` as a user calls them, on a service of this process. */
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { ModelControl } from '@headwater/client/schemas'
import { compileFeatures, type SideBatch } from '@headwater/features'
import { createPooling, startRefreshing, UnknownSnapshotError } from '@headwater/pooling'
import { createServer, parseTokens, type ServerLimits } from '@headwater/service'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Child, worker } from '../testing/child.ts'
import { type Click, clickSchema, clicks, writeClickLog } from '../testing/click-log.ts'
import { headwater } from '../testing/headwater.ts'

const closers: (() => Promise<void> | void)[] = []
let home: string
beforeEach(() => {
  home = temporaryDirectory()
  process.env.INIT_CWD = home
  process.env.HEADWATER_TOKEN = token
})
afterEach(async () => {
  delete process.env.INIT_CWD
  delete process.env.HEADWATER_TOKEN
  for (const close of closers.splice(0).reverse()) await close()
})

const token = 'a-token'
const dim = 2

/** In a tower's place: the mean of a user's clicks above the prior, and the logarithm of their number, times the snapshot. */
const encoderOf = (snapshot: number) => ({
  snapshot,
  frame: 0,
  dataCutoffMs: 1,
  dim,
  encode: async ({ rows, dense }: SideBatch) => {
    const columns = dense.length / rows
    return Float32Array.from(
      { length: rows * dim },
      (_, i) => snapshot * dense[Math.floor(i / dim) * columns + 1 + (i % dim)],
    )
  },
})

/** A service of the model "sum" with snapshots 1, which is served, and 2. */
async function startService({ limits = {} }: { readonly limits?: Partial<ServerLimits> } = {}) {
  const store = await openStore('memory:')
  const space = compileFeatures(clickSchema)
  const models = [{ name: 'sum', dim, policy: { slot: 'snapshot', count: 3 } }] as const
  const pooling = createPooling({ store, space, models, clock: Date, refreshDelayMs: 0 })
  const published = [1]
  await pooling.publish('sum', encoderOf(1))
  const control: ModelControl = {
    snapshots: async () =>
      [1, 2].map((snapshot) => ({
        snapshot,
        state: snapshot === published.at(-1) ? 'served' : 'available',
        frame: 0,
        dataCutoffMs: 1,
        publishedMs: 1,
        drift: null,
      })),
    promote: async (snapshot) => {
      if (snapshot > 2) throw new UnknownSnapshotError(`there is no snapshot ${snapshot}`)
      await pooling.publish('sum', encoderOf(snapshot))
      published.push(snapshot)
    },
    rollback: async () => {
      published.pop()
      await pooling.publish('sum', encoderOf(published.at(-1)!))
      return published.at(-1)!
    },
    shadow: () => null,
    drift: () => null,
  }
  const sha256 = createHash('sha256').update(token).digest('hex')
  const scopes = ['read', 'write', 'admin']
  const server = createServer({
    tenants: new Map([['default', { store, pooling }]]),
    space,
    models: [{ name: 'sum', dim, control }],
    auth: parseTokens(JSON.stringify({ tokens: [{ name: 'a', tenant: 'default', sha256, scopes }] }), 'tokens.json'),
    // It shares its event loop with its callers.
    limits: { targetDelayMs: 60_000, drainMs: 1, ...limits },
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const refresher = startRefreshing(pooling)
  closers.push(
    () => store.close(),
    () => pooling.close(),
    () => refresher.stop(),
    () => server.close(),
  )
  return { url, store, pooling }
}

/** Passes requests on to the service, but for those that it answers in its own way. */
async function startProxy(url: string, instead: (call: number) => 'pass' | 'drop the answer' | 503) {
  let calls = 0
  const proxy = createHttpServer((incoming, outgoing) => {
    const what = instead(calls++)
    if (what === 503) {
      incoming.resume()
      incoming.on('end', () => outgoing.writeHead(503).end())
      return
    }
    const { method, headers } = incoming
    const passed = request(`${url}${incoming.url}`, { method, headers }, (answer) => {
      if (what === 'drop the answer') {
        answer.resume()
        answer.on('end', () => outgoing.destroy())
        return
      }
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

async function succeeds(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await headwater(...args)
  expect(code, stderr).toBe(0)
  return stdout
}

const ingest = (url: string, ...args: string[]) => headwater('ingest', ...args, '--url', url, '--schema', 'schema.json')
const jsonOf = (file: string) => JSON.parse(readFileSync(join(home, file), 'utf8'))

/** What a stand-in of the user tower knows of a user, from the log itself. */
function truthOf(log: readonly Click[], user: string): { readonly count: number; readonly clicks: number } {
  const own = log.filter((click) => click.user === user)
  return { count: own.length, clicks: own.filter(({ click }) => click === 1).length }
}

describe('headwater ingest', () => {
  test('sends a log once, however often it is run, and what is added to it later', async () => {
    const { url, pooling } = await startService()
    writeClickLog(home, clicks(600))
    expect((await ingest(url, 'clicks.csv', '--json', 'first.json')).stdout).toMatch(
      /^600 events ingested in \d+\.\d s\nSent to http:\S+; how far it got: \S+clicks\.csv\.ingested\nNext: npx headwater read u\d+ --url http:\S+\n$/,
    )
    expect(pooling.counters.events).toBe(600)
    const told = { url, events: 600, badRows: { count: 0, listed: [] }, retries: 0 }
    expect(jsonOf('first.json')).toEqual({ ...told, sent: 600, before: 0, calls: 1, seconds: expect.any(Number) })
    expect((await ingest(url, 'clicks.csv', '--json', 'second.json')).stdout).toMatch(
      /^0 events .*, 600 were in before\nSent to .*\n$/,
    )
    expect(jsonOf('second.json')).toMatchObject({ ...told, sent: 0, before: 600, calls: 0 })
    appendFileSync(join(home, 'clicks.csv'), 'u1,i1,1790000000,1,1\nu2,i1,1790000000,1,0\n')
    expect((await ingest(url, 'clicks.csv')).stdout).toMatch(
      /^2 events .*, 600 were in before\nSent to .*\nNext: npx headwater read u2 /,
    )
    expect(pooling.counters.events).toBe(602)
    // Without the mark the ids alone keep what the service knows of from counting twice: here all, 10 events a user.
    expect((await ingest(url, 'clicks.csv', '--mark', 'other')).stdout).toMatch(/^602 events/)
    expect(pooling.counters.events).toBe(602)
    // A log that begins otherwise is another one.
    writeClickLog(home, clicks(600).slice(1))
    expect(await ingest(url, 'clicks.csv')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the log has changed/),
    })
  })

  test('counts no event twice where answers are lost, nor where it was stopped in between', async () => {
    const { url, pooling } = await startService()
    const log = clicks(2_500)
    writeClickLog(home, log)
    const lossy = await startProxy(url, (call) => (call % 3 === 1 ? 'drop the answer' : call % 3 === 2 ? 503 : 'pass'))
    expect((await ingest(lossy, 'clicks.csv', '--json', 'out.json')).stdout).toMatch(/^2,500 events ingested/)
    expect(pooling.counters.events).toBe(2_500)

    const other = await startService()
    let passed = 0
    // The second call is done, but its answer never comes.
    const stuck = await startProxy(other.url, () => (passed++ === 1 ? 'drop the answer' : passed > 2 ? 503 : 'pass'))
    const args = ['ingest', 'clicks.csv', '--schema', 'schema.json', '--url', stuck, '--mark', 'mark']
    const child = new Child(worker, args, home, { HEADWATER_TOKEN: token, INIT_CWD: home })
    await child.until(() => passed > 2)
    child.process.kill('SIGINT')
    expect(await child.exited).toBe(130)
    expect(child.stderr).toMatch(/stopped by SIGINT; the same command goes on from there/)
    const mark = jsonOf('mark')
    expect(mark).toMatchObject({ url: stuck, events: expect.any(Number) })
    writeFileSync(join(home, 'mark'), JSON.stringify({ ...mark, url: other.url }))
    expect((await ingest(other.url, 'clicks.csv', '--mark', 'mark')).stdout).toMatch(
      /were in before\nSent to .*\nNext: npx headwater read /,
    )
    expect(other.pooling.counters.events).toBe(2_500)
  })

  test('tells bad rows with their place, and takes JSON lines from stdin', async () => {
    const { url, pooling } = await startService()
    const log: Click[] = clicks(30)
    log[3].time = 'yesterday'
    log[7].price = 'much'
    writeClickLog(home, log)
    const refused = await ingest(url, 'clicks.csv')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/clicks\.csv, row 4 \(line 5\), field "time": .*2 rows are bad/)
    expect(pooling.counters.events).toBe(0)
    const { stdout } = await ingest(url, 'clicks.csv', '--max-bad-rows', '2', '--json', 'out.json')
    expect(stdout).toMatch(
      /^28 events .*\nbad {5}\S*clicks\.csv, row 4 \(line 5\), field "time": .*\nbad {5}.*row 8 \(line 9\), field "price": .*\nSent to .*\nNext: npx headwater read u\d+ /,
    )
    expect(jsonOf('out.json').badRows).toMatchObject({
      count: 2,
      listed: [{ row: 4, line: 5, field: 'time' }, { row: 8 }],
    })

    const lines = ['ann', 'ann', 'bob'].map((user, i) =>
      JSON.stringify({ user, item: 'i', time: 1_790_000_000 + i, click: 1, price: 2 }),
    )
    writeFileSync(join(home, 'lines'), `${lines.join('\n')}\n`)
    const command = ['ingest', '-', '--schema', 'schema.json', '--url', url]
    const child = new Child(
      worker,
      command,
      home,
      { HEADWATER_TOKEN: token, INIT_CWD: home },
      readFileSync(join(home, 'lines')),
    )
    expect(await child.exited, child.stderr).toBe(0)
    expect(child.stdout).toMatch(/^3 events ingested/)
    expect(pooling.counters.events).toBe(31)
  })

  test('ends with what the service says of events that it does not take', async () => {
    const { url } = await startService()
    const fields = [...clickSchema.fields, { name: 'shop', of: 'context', type: 'float' }]
    writeClickLog(home, clicks(3), { ...clickSchema, fields })
    writeFileSync(join(home, 'clicks.csv'), 'user,item,time,price,click,shop\nu1,i1,1700000000,1,1,4\n')
    const { code, stderr } = await ingest(url, 'clicks.csv')
    expect(code).toBe(1)
    expect(stderr).toMatch(/headwater: fields has a field "shop"/)
    expect(existsSync(join(home, 'clicks.csv.ingested'))).toBe(false)
  })
})

test('headwater read tells what is served of users', async () => {
  const { url, pooling } = await startService()
  const log = clicks(120)
  writeClickLog(home, log)
  await ingest(url, 'clicks.csv')
  await pooling.drain()
  const stdout = await succeeds('read', 'u1', 'nobody', '--url', url, '--json', 'rows.json')
  expect(stdout).toMatch(
    /^model +user +status +snapshot +age +embedding\nsum +u1 +fresh +1 +\S+ \S+ +\[.*\]\nsum +nobody +default +– +– +\[.*\]\nNext: open http:\S+\/console in a browser\n$/,
  )
  const { rows } = jsonOf('rows.json')
  expect(rows.map(({ user }: { user: string }) => user)).toEqual(['u1', 'nobody'])
  const { count, clicks: hits } = truthOf(log, 'u1')
  expect(count).toBeGreaterThan(0)
  // Three events' worth of the prior, .4, weigh against a user's own.
  const truth = [(hits + 3 * 0.4) / (count + 3) - 0.4, Math.log1p(count)]
  expect(rows[0].vector).toEqual(truth.map((value) => expect.closeTo(value, 2)))
  expect(rows[1]).toEqual({
    model: 'sum',
    user: 'nobody',
    status: 'default',
    snapshot: null,
    frame: null,
    featureTimeMs: null,
    ageMs: null,
    vector: [0, 0],
  })
  expect(await headwater('read', 'u1', '--model', 'other', '--url', url)).toMatchObject({ code: 1 })
})

test('headwater publish promotes a snapshot of the running service, and goes back', async () => {
  const { url, pooling } = await startService()
  expect(await succeeds('publish', '2', '--url', url, '--json', 'out.json')).toBe(
    'Snapshot 2 of "sum" is served, in place of 1.\n',
  )
  expect(jsonOf('out.json')).toEqual({ model: 'sum', before: 1, now: 2 })
  expect(pooling.latest('sum')?.snapshot).toBe(2)
  expect(await succeeds('publish', '--rollback', '--url', url)).toBe('Snapshot 1 of "sum" is served, in place of 2.\n')
  expect(pooling.latest('sum')?.snapshot).toBe(1)
  const cases: [string[], RegExp][] = [
    [['3'], /no snapshot 3/],
    [[], /Give the number of a snapshot, or --rollback/],
    [['1', '--rollback'], /Give the number of a snapshot, or --rollback/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await headwater('publish', ...args, '--url', url)
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) })
  }
})

test('headwater forget prints the receipt, and fails where a part of the user is left', async () => {
  const { url, store } = await startService()
  const log = clicks(60)
  writeClickLog(home, log)
  await ingest(url, 'clicks.csv')
  const { user } = log[0]
  expect(await succeeds('forget', user, '--url', url, '--json', 'receipt.json')).toMatch(
    /^user "u\d+" of tenant "default" forgotten at .*; removed:\n(.*\n)* {2}store: 1 state\n/,
  )
  expect(jsonOf('receipt.json')).toMatchObject({ user, tenant: 'default', failed: [] })
  store.addForgetHolder({
    where: 'archive',
    forget: async () => {
      throw new Error('the disk is away')
    },
  })
  const { code, stdout } = await headwater('forget', 'u2', '--url', url)
  expect(code).toBe(1)
  expect(stdout).toMatch(
    /failed {2}archive: the disk is away\nThe user is not forgotten everywhere: run the command again\.\n$/,
  )
})

test('a token comes from a file or the environment, and what is wrong is told', async () => {
  const { url } = await startService()
  writeFileSync(join(home, 'token'), `${token}\n`)
  writeFileSync(join(home, 'wrong'), 'another\n')
  writeFileSync(join(home, 'empty'), '\n')
  delete process.env.HEADWATER_TOKEN
  expect((await headwater('read', 'u', '--url', url, '--token-file', 'token')).code).toBe(0)
  const cases: [string[], RegExp][] = [
    [['--url', url], /headwater: .*token/],
    [['--url', url, '--token-file', 'wrong'], /headwater: .*token/],
    [['--url', url, '--token-file', 'empty'], /--token-file: .*empty holds no token/],
    [['--url', url, '--token-file', 'none'], /--token-file: .*none cannot be read/],
    [['--url', 'server:80'], /is no URL of a service/],
    [['--url', 'http://127.0.0.1:1'], /cannot be reached: connect ECONNREFUSED/],
    [['--url', 'https://127.0.0.1:1', '--tls-ca', 'none'], /--tls-ca: .*none cannot be read/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await headwater('read', 'u', ...args)
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(message) })
    expect(stderr).not.toContain('bug of Headwater')
  }
})

test("the examples of the pooling package's README run, and say what they say there but for its numbers", async () => {
  const readme = readFileSync(new URL('../../../pooling/README.md', import.meta.url), 'utf8')
  const [, session] = /^```\n(\$ headwater ingest[\s\S]*?)^```$/m.exec(readme)!
  const { url, pooling } = await startService()
  const masked = (text: string) =>
    text
      .replaceAll(`${home}/`, '/srv/')
      .replace(url, 'http://127.0.0.1:8080')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/-?\d+(\.\d+)?/g, '0')
      .replace(/ +/g, ' ')
  writeClickLog(home, clicks(600))
  for (const text of session.split(/^\$ headwater /m).slice(1)) {
    const [command, ...told] = text.split('\n')
    expect(masked(await succeeds(...command.split(' '), '--quiet', '--url', url)), command).toBe(
      masked(told.join('\n')),
    )
    await pooling.drain()
  }
})
