/** Refreshes through the servers of a real cluster of 3 + 3, by parts that share nothing else. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { askedBy, servedStatus, userFeatures } from '@headwater/pooling'
import { encoderOf, eventOf, space } from '@headwater/pooling/testing/towers'
import { openDriver } from '@headwater/store'
import { until } from '@headwater/testkit/valkey'
import { expect, onTestFinished, test } from 'vitest'
import { TestCluster, untilFresh } from '../../testing/test-cluster.ts'
import { queueKeys } from '../queue/shared-queue.ts'

const cluster = new TestCluster()

const name = { tenant: 'default', model: 'm' }
const [, , taken] = queueKeys(name)

/** Slots of users' rings, by the store's own check of its bytes: byte 18 of a record. */
async function slotsOf(users: readonly string[]): Promise<readonly number[]> {
  const driver = await openDriver(cluster.url)
  const slots = new Map<string, number>()
  for await (const { table, key, record } of driver.records()) if (table === 'ring') slots.set(key, record[18])
  await driver.close()
  return users.map((user) => slots.get(user) ?? 0)
}

const usersOf = (count: number) => Array.from({ length: count }, (_, i) => `user-${i}`)

test('an event on one reader is a refreshed embedding on the other, and two workers share the work', async () => {
  const reader = await cluster.part(null)
  const other = await cluster.part(null)
  // Before any worker has come, everybody is served a default that says so.
  const [nobody] = (await reader.pooling.read(['user-0'], ['m'])).models
  expect([...nobody.status]).toEqual([servedStatus.default])
  expect(reader.pooling.latest('m')).toBeUndefined()

  const towers = [encoderOf(3), encoderOf(3)]
  await cluster.part(towers[0])
  await cluster.part(towers[1])
  const users = usersOf(200)
  const atMs = Date.now()
  for (let from = 0; from < users.length; from += 20)
    await reader.pooling.ingest(users.slice(from, from + 20).map((user) => eventOf(user, 'i', atMs)))
  await untilFresh(other, users)
  const encoded = towers.map(({ batches }) => batches.flat().filter((user) => user !== ''))
  expect(encoded.flat().sort()).toEqual([...users].sort())
  for (const part of encoded) expect(part.length).toBeGreaterThan(0)
  expect(await slotsOf(users)).toEqual(users.map(() => 1))
  // Readers have learnt what strangers are served.
  await until('the default is known', async () => other.pooling.latest('m')?.snapshot === 3)
  expect(other.pooling.defaultOf('m').some((value) => value !== 0)).toBe(true)
  expect([...reader.errors, ...other.errors]).toEqual([])

  await reader.store.forget(users[0])
  expect((await other.pooling.read([users[0]], ['m'])).models[0].status[0]).toBe(servedStatus.default)
})

test('a worker is killed in the middle of its batches: its users are refreshed by another, each once', async () => {
  const claimMs = 400
  const script = fileURLToPath(new URL('../../testing/cluster-worker.ts', import.meta.url))
  const node = ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx'), script]
  const child = spawn(process.execPath, [...node, cluster.url, String(claimMs), '60000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const reader = await cluster.part(null)
  const users = usersOf(32)
  await reader.pooling.ingest(users.map((user) => eventOf(user, 'i', Date.now())))
  let told = ''
  child.stdout.on('data', (text) => {
    told += text
  })
  const queues = await cluster.queues()
  await until('the worker has all users', async () => /\d/.test(told) && (await queues.look(name)).taken === 32)
  const held = (await (await cluster.servers.masterOfKey(taken)).command('XRANGE', taken, '-', '+')) as [
    string,
    string[],
  ][]
  const takenMs = new Map(held.map(([id, fields]) => [fields[1], Number.parseInt(id, 10)]))
  // It tells of itself meanwhile, so that nobody else takes them.
  const tower = encoderOf(3)
  await cluster.part(tower, { claimMs })
  await new Promise((resolve) => setTimeout(resolve, 2 * claimMs))
  expect(tower.batches.flat().filter((user) => user !== '')).toEqual([])
  child.kill('SIGKILL')
  await untilFresh(reader, users)
  expect(await slotsOf(users)).toEqual(users.map(() => 1))
  await until('nobody has any', async () => (await queues.look(name)).taken === 0)
  expect(await queues.look(name)).toMatchObject({ dead: 0, sums: { done: 32 } })
  // Done again, as by a worker that was thought to be dead, it changes nothing.
  const { featureTimeMs } = (await reader.pooling.read(users, ['m'])).models[0]
  expect([...featureTimeMs]).toEqual(users.map((user) => takenMs.get(user)))
  const late = await cluster.part(encoderOf(3))
  const again = users.map((user, i) => ({
    user,
    atMs: featureTimeMs[i],
    servedMs: 0,
    askedMs: Number.NaN,
    askedBy: askedBy.news,
    failures: 0,
  }))
  for (const from of [0, 16]) expect(await late.pooling.refresh('m', again.slice(from, from + 16))).toEqual([])
  expect(await slotsOf(users)).toEqual(users.map(() => 1))
})

test('clocks that are 10 s off count by that of the servers', async () => {
  const off = (ms: number) => ({ clock: { now: () => Date.now() + ms } })
  const ahead = await cluster.part(null, off(10_000))
  const behind = await cluster.part(null, off(-10_000))
  await cluster.part(encoderOf(3), off(10_000))
  await cluster.part(encoderOf(3), off(-10_000))
  const users = usersOf(40)
  const startMs = Date.now()
  await ahead.pooling.ingest(users.map((user) => eventOf(user, 'i', startMs)))
  await untilFresh(behind, users)
  for (const { pooling } of [ahead, behind]) {
    const readMs = Date.now()
    const { servedMs, models } = await pooling.read(users, ['m'])
    // Between the moments around it by this machine's clock, give or take less than either clock is off.
    const endMs = Date.now()
    expect(servedMs).toBeGreaterThan(readMs - 5_000)
    expect(servedMs).toBeLessThan(endMs + 5_000)
    for (const featureTimeMs of models[0].featureTimeMs) {
      expect(featureTimeMs).toBeGreaterThan(startMs - 5_000)
      expect(featureTimeMs).toBeLessThan(endMs + 5_000)
    }
  }
})

test("the queue's master is killed: reads go on, and no acknowledged event nor refresh is lost", async () => {
  const reader = await cluster.part(null)
  await cluster.part(encoderOf(3))
  const users = usersOf(40)
  const event = (user: string, round: number) => ({ ...eventOf(user, `i-${user}`, Date.now()), id: `${round}` })
  await reader.pooling.ingest(users.map((user) => event(user, 0)))
  await untilFresh(reader, users)
  const master = await cluster.servers.masterOfKey(taken)
  const replica = await cluster.servers.replicaOf(master)
  await master.kill()
  const atMs = reader.node.clock.now()
  const again = users.map((user) => event(user, 1))
  let isIngested = false
  const ingesting = until('the events are acknowledged', async () => {
    isIngested = await reader.pooling.ingest(again).then(
      () => true,
      () => false,
    )
    return isIngested
  })
  // Where one server is left nothing is acknowledged that it alone has: the other one must come back.
  const restarting = until('the replica has taken over', async () => {
    return (await replica.info('replication', 'role')) === 'master'
  }).then(() => master.restart())
  let reads = 0
  while (!isIngested) {
    const [{ status }] = (await reader.pooling.read(users, ['m'])).models
    expect(status).toHaveLength(40)
    reads++
  }
  expect(reads).toBeGreaterThan(0)
  await Promise.all([ingesting, restarting])
  await untilFresh(reader, users, atMs)
  const { states } = await reader.store.readStates('user', users)
  const events = states.map((state) => space.userHistory(userFeatures(space, state!)).eventCount)
  expect(events).toEqual(users.map(() => 2))
  expect(reader.node.offers.get('default')).toMatchObject({ dropped: 0 })
  await cluster.servers.settled()
})
