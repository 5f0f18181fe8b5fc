/** Two readers over a real cluster of 3 + 3, one of whose servers says nothing for a while: whom that stops. */
import { setTimeout as wait } from 'node:timers/promises'
import { dim, encoderOf, space, startMs } from '@headwater/pooling/testing/towers'
import { createServer } from '@headwater/service'
import { scrape } from '@headwater/service/testing/scraped-metrics'
import { partitionOf, until, type ValkeyNode } from '@headwater/testkit/valkey'
import { expect, onTestFinished, test } from 'vitest'
import { openPart } from '../../testing/cluster-parts.ts'
import { TestCluster, untilFresh } from '../../testing/test-cluster.ts'
import { queueKeys } from '../queue/shared-queue.ts'

const cluster = new TestCluster()

const writersOfEach = 4
/** So many that each keeps the ids of all its events. */
const items = 240
/** A write waits for 3 s at this timeout. */
const parameters = 'durability=replica&timeout=200'

/** One user's client: it sends event after event, each until it is acknowledged. */
interface Writer {
  readonly user: string
  acknowledged: number
  /** What came instead: status and Retry-After. */
  readonly refused: (readonly [number, string | null])[]
}

async function startReaders(seeds: readonly ValkeyNode[]) {
  const url = `valkey://${seeds.map(({ address }) => address).join()}?${parameters}`
  const parts = [await openPart(url, null), await openPart(url, null)]
  const worker = await openPart(url, encoderOf(3))
  const servers = parts.map(({ store, pooling }) =>
    createServer({
      tenants: new Map([['default', { store, pooling }]]),
      space,
      models: [{ name: 'm', dim }],
      auth: 'loopback',
      // Both share their event loop with their callers.
      limits: { targetDelayMs: 60_000, drainMs: 1 },
    }),
  )
  onTestFinished(async () => {
    for (const server of servers) await server.close()
    for (const part of [...parts, worker]) await part.close()
  })
  const urls = await Promise.all(servers.map((server) => server.listen({ host: '127.0.0.1', port: 0 })))
  return { parts, urls, storeUrl: url }
}

type Readers = Awaited<ReturnType<typeof startReaders>>

/** Writers of users of one part of the store, and of the others. */
function startWriters({ parts: [{ store }], urls }: Readers, part: string) {
  let isOver = false
  const names = Array.from({ length: 400 }, (_, i) => `writer-${i}`)
  const take = (isOwn: boolean) =>
    names.filter((user) => (store.partOf(user) === part) === isOwn).slice(0, writersOfEach)
  const writerOf = (user: string): Writer => ({ user, acknowledged: 0, refused: [] })
  const struck = take(true).map(writerOf)
  const others = take(false).map(writerOf)
  const send = async (writer: Writer, place: number) => {
    for (let n = 0; !isOver || writer.acknowledged < n; ) {
      const { user } = writer
      // Items of all parts, the silent one among them.
      const event = {
        users: [user],
        items: [`i${(place + 7 * n) % items}`],
        timesMs: [startMs + n],
        ids: [`${user}-${n}`],
      }
      const answer = await fetch(`${urls[n % urls.length]}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...event, fields: { rating: [n % 10] } }),
      })
      await answer.arrayBuffer()
      if (answer.status === 200) {
        writer.acknowledged++
        n++
      } else writer.refused.push([answer.status, answer.headers.get('retry-after')])
      await wait(20)
      if (isOver) break
    }
  }
  const sending = Promise.all([...struck, ...others].map(send))
  return {
    struck,
    others,
    /** Resolves once each of them was acknowledged some more. */
    async go(writers: readonly Writer[], count: number) {
      const before = writers.map(({ acknowledged }) => acknowledged)
      await until('events of all are acknowledged', async () =>
        writers.every(({ acknowledged }, i) => acknowledged >= before[i] + count),
      )
    },
    async stop() {
      isOver = true
      await sending
    },
  }
}

type Writers = ReturnType<typeof startWriters>

/** While it lasts, users of the part are refused at once, and all others go on as if nothing were. */
async function expectRefusedAlone({ struck, others, go }: Writers, { parts, urls }: Readers): Promise<void> {
  await until('all users of the part are refused', async () => struck.every(({ refused }) => refused.length > 1))
  const atMs = Date.now()
  await go(others, 20)
  await untilFresh(
    parts[0],
    others.map(({ user }) => user),
    atMs,
  )
  await until('all users of the part are refused again', async () => struck.every(({ refused }) => refused.length > 3))
  for (const { user, refused } of struck) for (const each of refused) expect([user, ...each]).toEqual([user, 503, '1'])
  expect(others.flatMap(({ refused }) => refused)).toEqual([])
  for (const url of urls) {
    const { samples } = await scrape(url)
    expect(samples.get('headwater_store_errors_total{during="request"}')).toBeGreaterThan(0)
  }
}

/** All goes on, and what was acknowledged is in its user and its item, once. */
async function expectWhole({ parts }: Readers, writers: Writers): Promise<void> {
  const { struck, others, go, stop } = writers
  await go([...struck, ...others], 3)
  await stop()
  for (const { pooling } of parts) await until('items have their events', async () => pooling.lateItems.size === 0)
  for (const { pooling } of parts) expect(pooling.lateItems.dropped).toBe(0)
  const [{ store }] = parts
  const all = [...struck, ...others]
  const { states } = await store.readStates(
    'user',
    all.map(({ user }) => user),
  )
  const counts = states.map((state) => space.userHistory(state!.subarray(0, space.userStateBytes)).eventCount)
  for (const [w, { acknowledged }] of all.entries()) {
    // The last one may be there without its answer.
    expect([acknowledged, acknowledged + 1]).toContain(counts[w])
  }
  const names = Array.from({ length: items }, (_, i) => `i${i}`)
  const held = await store.readStates('item', names)
  // Eight bytes for each of an item's last 64 events.
  const eventsOfItem = held.states.map((state) => (state === undefined ? 0 : (state.length - space.itemStateBytes) / 8))
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
  expect(Math.max(...eventsOfItem)).toBeLessThan(64)
  expect(sum(eventsOfItem)).toBe(sum(counts))
}

/** A master that has no queue: refreshes go on while it is away. */
async function anyMaster(): Promise<ValkeyNode> {
  const [waiting] = queueKeys({ tenant: 'default', model: 'm' })
  const away = [await cluster.servers.masterOfKey(waiting), await cluster.servers.masterOfKey('hw:{model:m}')]
  return (await cluster.servers.masters()).find((master) => !away.includes(master))!
}

test('a master that is stopped stops its own users alone, until it is back', async () => {
  const master = await anyMaster()
  const readers = await startReaders(cluster.servers.nodes)
  const writers = startWriters(readers, master.address)
  await writers.go([...writers.struck, ...writers.others], 3)
  master.pause()
  try {
    await expectRefusedAlone(writers, readers)
  } finally {
    master.resume()
  }
  await expectWhole(readers, writers)
})

test('readers that are cut off from a master refuse its users alone, until they reach it again', async () => {
  await cluster.servers.settled()
  const master = await anyMaster()
  const partition = await partitionOf(cluster.servers, master)
  const readers = await startReaders(cluster.servers.nodes.filter((node) => node !== master))
  onTestFinished(() => partition.close())
  const [{ store }] = readers.parts
  const slotted = Array.from({ length: 400 }, (_, i) => `writer-${i}`)
  const own = new Set(slotted.map((user) => store.partOf(user)))
  const addresses = (await cluster.servers.masters()).map(({ address }) => address)
  const part = [...own].find((address) => !addresses.includes(address))!
  const writers = startWriters(readers, part)
  await writers.go([...writers.struck, ...writers.others], 3)
  partition.begin()
  try {
    await expectRefusedAlone(writers, readers)
    // Reads of them go on, from the replica.
    const [{ status }] = (await readers.parts[0].pooling.read([writers.struck[0].user], ['m'])).models
    expect(status[0]).toBeGreaterThanOrEqual(0)
  } finally {
    partition.end()
  }
  await expectWhole(readers, writers)
})

test('a replica that lags keeps its own users from being acknowledged, and nobody else', async () => {
  await cluster.servers.settled()
  const master = await anyMaster()
  const replica = await cluster.servers.replicaOf(master)
  const readers = await startReaders(cluster.servers.nodes)
  const writers = startWriters(readers, master.address)
  await writers.go([...writers.struck, ...writers.others], 3)
  replica.pause()
  try {
    await expectRefusedAlone(writers, readers)
  } finally {
    replica.resume()
  }
  await expectWhole(readers, writers)
})
