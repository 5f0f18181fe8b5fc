/** `headwater backfill` as a user calls it: to its end, as of a time before, from a log, and stopped half-way. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures, type LogEvent, Replay } from '@headwater/features'
import { createPooling } from '@headwater/pooling'
import { declareTower, loadTower, parseModelConfig } from '@headwater/runtime'
import { promoteSnapshot, publishSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { createReadBuffer, openStore, readStatus } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { Child, launcher } from '../../testing/child.ts'
import { clickSchema, clicks, writeClickLog } from '../../testing/click-log.ts'
import { tinyModel } from '../../testing/tiny-model.ts'

const home = temporaryDirectory()
const model = join(home, 'model')
const space = compileFeatures(clickSchema)
const config = parseModelConfig(tinyModel, 'tiny')
const rows = clicks(400)
const events = rows.map(({ user, item, time, price, click }, row): LogEvent => {
  return { row, user, item, timeMs: 1_000 * Number(time), values: [Number(price), Number(click)] }
})
const users = [...new Set(events.map(({ user }) => user))].sort()
/** The time of an event, which is not known yet then. */
const atMs = events[300].timeMs
const at = new Date(atMs).toISOString()

beforeAll(async () => {
  writeClickLog(home, rows)
  const random = seededRandom(1)
  const { set } = declareTower(space.user, space.item, 1, config)
  for (const snapshot of [1, 2]) {
    const matrices = set.entries().map(({ name, rows, cols }) => {
      return { name, rows, cols, data: Float32Array.from({ length: rows * cols }, () => random.nextNormal()) }
    })
    const dataCutoffMs = snapshot === 1 ? atMs - 1 : atMs
    await publishSnapshot(model, clickSchema, matrices, {
      snapshot,
      frame: 1,
      dataCutoffMs,
      trainedRows: 0,
      config,
    })
  }
  await promoteSnapshot(model, 1, false)
})

async function run(directory: string, ...args: string[]) {
  const usual = ['--model', model, '--json', 'out.json', '--encoder', 'webgpu']
  const child = new Child(launcher, ['backfill', ...usual, ...args], directory)
  const code = await child.exited
  const json = existsSync(join(directory, 'out.json'))
    ? JSON.parse(readFileSync(join(directory, 'out.json'), 'utf8'))
    : null
  return { code, stdout: child.stdout, stderr: child.stderr, json }
}

/** A store with the states of all events. */
async function filledStore(): Promise<string> {
  const directory = temporaryDirectory()
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  const pooling = createPooling({ store, space, models: [], clock: Date, mode: 'stored' })
  await pooling.ingest(events)
  await pooling.close()
  await store.close()
  return directory
}

/** What the store serves of users, null where it has nothing. */
async function held(directory: string, of: readonly string[], dim: number) {
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  const buffer = createReadBuffer(of.length, [{ model: 'sum', dim }])
  await store.read({ users: of, models: [{ model: 'sum' }] }, buffer)
  await store.close()
  const [{ status, pooled, featureTimeMs, snapshot }] = buffer.models
  return of.map((_, u) =>
    status[u] === readStatus.found
      ? { vector: [...pooled.subarray(u * dim, (u + 1) * dim)], featureTimeMs: featureTimeMs[u], snapshot: snapshot[u] }
      : null,
  )
}

/** Vectors of what was known of users strictly before a time, null for those of whom nothing was. */
async function truth(of: readonly string[], beforeMs: number, log: readonly LogEvent[] = events) {
  const replay = new Replay(space)
  const past = log.filter(({ timeMs }) => timeMs < beforeMs)
  replay.ingest(past)
  const tower = await loadTower(snapshotDirectory(model, 1))
  const batch = space.allocate('user', of.length)
  for (const [row, user] of of.entries()) space.encodeUser(batch, row, replay.userState(user), beforeMs)
  const vectors = await tower.encode(batch)
  const { dim } = tower
  tower.dispose()
  const known = (user: string) => past.some((event) => event.user === user)
  const expected = of.map((user, u) => (known(user) ? [...vectors.subarray(u * dim, (u + 1) * dim)] : null))
  return { dim, expected }
}

function expectClose(actual: readonly number[], expected: readonly number[], what: string): void {
  const off = actual.filter(
    (value, d) => !(Math.abs(value - expected[d]) <= Math.abs(expected[d]) * 2 ** -10 + 2 ** -24),
  )
  expect(off, what).toEqual([])
}

test('computes users from a log as of a time, by what was known strictly before', async () => {
  const directory = await filledStore()
  const { code, stdout, stderr, json } = await run(
    directory,
    ...['--store', 'lmdb:store', '--at', at, '--events', join(home, 'clicks.csv')],
  )
  expect({ code, stderr: stderr.replace(/^(tower|log|users|events) .*\n/gm, '') }).toEqual({ code: 0, stderr: '' })
  // Its progress.
  for (const stage of ['events', 'users']) expect(stderr).toMatch(new RegExp(`^${stage} done in [\\d.]+ s$`, 'm'))
  const { dim, expected } = await truth(users, atMs)
  const unknown = expected.filter((vector) => vector === null).length
  expect(json).toMatchObject({
    snapshot: 1,
    atMs,
    users: users.length,
    refreshed: users.length - unknown,
    unknown,
    later: 0,
  })
  expect(stdout).toContain(
    `Snapshot 1 as "sum", as of ${at}: ${users.length - unknown} of ${users.length} users computed.`,
  )
  for (const [u, embedding] of (await held(directory, users, dim)).entries()) {
    expect(embedding === null, users[u]).toBe(expected[u] === null)
    if (embedding === null) continue
    expect([embedding.featureTimeMs, embedding.snapshot]).toEqual([atMs, 1])
    expectClose(embedding.vector, expected[u]!, users[u])
  }
  expect(existsSync(join(directory, '.headwater-backfill'))).toBe(false)
})

test('ONNX Runtime, which it takes by itself where no GPU is, gives the same vectors', async () => {
  const vectors: (readonly number[])[] = []
  const { dim } = await truth(users, atMs)
  for (const encoder of ['webgpu', 'onnx', 'auto']) {
    const directory = await filledStore()
    const { code, stderr } = await run(
      directory,
      ...['--store', 'lmdb:store', '--at', at, '--events', join(home, 'clicks.csv'), '--encoder', encoder],
    )
    expect(code).toBe(0)
    if (encoder !== 'auto') expect(stderr).not.toContain('ONNX')
    vectors.push((await held(directory, users, dim)).flatMap((embedding) => embedding?.vector ?? []))
  }
  const [webgpu, ...others] = vectors
  for (const other of others) {
    expect(other).toHaveLength(webgpu.length)
    // The store holds both in binary16.
    const off = other.filter((value, i) => !(Math.abs(value - webgpu[i]) <= 1e-4 + Math.abs(webgpu[i]) * 2 ** -10))
    expect(off).toEqual([])
  }
})

test('passes over what a log still has from before its user was forgotten', async () => {
  const directory = await filledStore()
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  const pooling = createPooling({ store, space, models: [], clock: Date, mode: 'stored' })
  const timesOf = (user: string) => events.filter((event) => event.user === user).map(({ timeMs }) => timeMs)
  // One came back before the time as of which is computed, and one after it.
  const early = users.find((user) => timesOf(user)[2] < atMs)!
  const late = users.findLast((user) => timesOf(user).at(-1)! > atMs)!
  expect(early).not.toBe(late)
  const forgottenMs = { [early]: timesOf(early)[1], [late]: atMs - 1 }
  const isSince = ({ user, timeMs }: LogEvent) => !(timeMs <= forgottenMs[user])
  for (const user of [early, late]) {
    await store.forget(user, { atMs: forgottenMs[user] })
    await pooling.ingest(events.filter((event) => event.user === user && isSince(event)))
  }
  await pooling.close()
  await store.close()
  const { code, json } = await run(
    directory,
    ...['--store', 'lmdb:store', '--at', at, '--events', join(home, 'clicks.csv')],
  )
  expect(code).toBe(0)
  const { dim, expected } = await truth(users, atMs, events.filter(isSince))
  expect(expected[users.indexOf(early)]).not.toBeNull()
  expect(expected[users.indexOf(late)]).toBeNull()
  expect(json.unknown).toBe(expected.filter((vector) => vector === null).length)
  for (const [u, embedding] of (await held(directory, users, dim)).entries()) {
    expect(embedding === null, users[u]).toBe(expected[u] === null)
    if (embedding !== null) expectClose(embedding.vector, expected[u]!, users[u])
  }
})

test('pools what it computes as it is told', async () => {
  const [directory, other] = [await filledStore(), await filledStore()]
  const at = new Date(events.at(-1)!.timeMs + 1_000).toISOString()
  const ofLog = ['--store', 'lmdb:store', '--events', join(home, 'clicks.csv'), '--at', at]
  const { dim } = await truth(users, atMs)
  const vector = async (of: string, ...args: string[]) => {
    expect((await run(of, ...ofLog, ...args)).code).toBe(0)
    return (await held(of, users.slice(0, 1), dim))[0]!.vector
  }
  const old = await vector(directory)
  await promoteSnapshot(model, 2, false)
  try {
    const newest = await vector(other)
    const both = await vector(directory, '--pool-weights', '3,1')
    const expected = newest.map((value, d) => (3 * value + old[d]) / 4)
    const off = both.map((value, d) => Math.abs(value - expected[d]))
    // To the precision of binary16, in which each is held.
    expect(Math.max(...off)).toBeLessThanOrEqual(2 ** -10 * Math.max(...newest.map(Math.abs)))
    expect(Math.max(...both.map((value, d) => Math.abs(value - (newest[d] + old[d]) / 2)))).toBeGreaterThan(0.1)
  } finally {
    await promoteSnapshot(model, 1, false)
  }
  const refused = await run(other, ...ofLog, '--pool', '2', '--pool-weights', '1,1')
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--pool-weights.*cannot be used with.*--pool/),
  })
})

test('passes over users whose states know of the time or later, and counts them', async () => {
  const directory = await filledStore()
  const { code, stdout, json } = await run(directory, '--store', 'lmdb:store', '--at', at)
  expect(code).toBe(0)
  const later = users.filter((user) => events.some((event) => event.user === user && event.timeMs >= atMs))
  expect(later.length).toBeGreaterThan(10)
  expect(json).toMatchObject({
    users: users.length,
    refreshed: users.length - later.length,
    later: later.length,
    unknown: 0,
  })
  expect(stdout).toContain(`Passed over: ${later.length} whose states know of then or later`)
  const { dim, expected } = await truth(users, atMs)
  for (const [u, embedding] of (await held(directory, users, dim)).entries()) {
    expect(embedding === null, users[u]).toBe(later.includes(users[u]))
    if (embedding !== null) expectClose(embedding.vector, expected[u]!, users[u])
  }
})

test('refuses a snapshot that was trained on what is later, and what cannot be', async () => {
  const directory = await filledStore()
  await promoteSnapshot(model, 2, false)
  try {
    const { code, stderr } = await run(directory, '--store', 'lmdb:store', '--at', at)
    expect(code).toBe(1)
    expect(stderr).toMatch(/snapshot 2 was trained on events up to .*, which is not before/)
  } finally {
    await promoteSnapshot(model, 1, false)
  }
  expect(await run(directory, '--store', 'lmdb:store', '--at', 'noon')).toMatchObject({ code: 2 })
  const none = await run(directory, '--store', 'lmdb:store', '--at', at, '--events', model)
  expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/no files of events/) })
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('stopped by %s it ends in order, and the same command goes on from there', async (signal, code) => {
  const directory = temporaryDirectory()
  const count = 9_000
  const many = Array.from({ length: count }, (_, i) => `u${i}`)
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  for (let from = 0; from < count; from += 1_000) {
    const groups = many.slice(from, from + 1_000).map((key) => {
      const state = space.newUserState()
      space.update(state, space.newItemState(), { ...events[0], user: key })
      return [{ kind: 'user', key, expected: 0, state } as const]
    })
    await store.compareAndSetStates(groups)
  }
  await store.close()
  const child = new Child(launcher, ['backfill', '--model', model, '--store', 'lmdb:store'], directory)
  const place = join(directory, '.headwater-backfill')
  await child.until(() => existsSync(place) && readdirSync(place).some((name) => name.endsWith('.json')))
  child.process.kill(signal)
  expect(await child.exited).toBe(code)
  expect(child.stderr).toContain(
    `stopped by ${signal}; what was computed stays, and the same command goes on from there.`,
  )
  const [file] = readdirSync(place)
  const stopped = JSON.parse(readFileSync(join(place, file), 'utf8'))
  expect(stopped.counts.users).toBeLessThan(count)

  const ended = await run(directory, '--store', 'lmdb:store')
  expect(ended.code).toBe(0)
  // As of the time of the first, and no user twice: those would be superseded.
  expect(ended.json).toMatchObject({ atMs: stopped.atMs, users: count })
  expect(ended.json.refreshed + ended.json.superseded).toBe(count)
  expect(ended.json.superseded).toBeLessThanOrEqual(count - stopped.counts.users - 1)
  expect(existsSync(place)).toBe(false)
  const tower = await loadTower(snapshotDirectory(model, 1))
  tower.dispose()
  expect((await held(directory, many.slice(0, 4_000), tower.dim)).includes(null)).toBe(false)
  expect((await held(directory, many.slice(4_000, 8_000), tower.dim)).includes(null)).toBe(false)
})
