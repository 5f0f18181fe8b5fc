/** Services in a process of their own, each with one known bottleneck; tells their URLs on stdout, as JSON. */
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { compileFeatures } from '@headwater/features'
import { createPooling, startRefreshing } from '@headwater/pooling'
import { createServer, RefreshMonitor } from '@headwater/service'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { clickSchema } from './click-log.ts'

const kinds = ['none', 'limit', 'store', 'encode', 'event loop'] as const
export type KnownBottleneck = (typeof kinds)[number]
/** Of all services, by kind. */
export type StressedUrls = { readonly [kind in KnownBottleneck]: string }

const users = Array.from({ length: 1_000 }, (_, user) => `user-${user}`)
const space = compileFeatures(clickSchema)
/** Whether two of a kind go on at once does not matter to the other kinds: a stress is of one at a time. */
const started = await Promise.all(kinds.map(async (kind) => [kind, await start(kind)] as const))
process.stdout.write(`${JSON.stringify(Object.fromEntries(started.map(([kind, { url }]) => [kind, url])))}\n`)
await once(process, 'SIGTERM')
await Promise.all(started.map(([, { close }]) => close()))

async function start(kind: KnownBottleneck) {
  const dim = 8
  const store = await openStore('memory:')
  await store.append({
    ...{ model: 'sum', dim, users, snapshot: 1, frame: 1, writtenMs: 2 },
    vectors: new Float32Array(users.length * dim).fill(0.5),
    featureTimeMs: new Float64Array(users.length).fill(1),
    policy: { slots: 3, count: 3, slot: 'snapshot' },
  })
  // 33 reads a second are all it does.
  if (kind === 'store') readOneAfterAnother(store, 30)
  const refreshes = new RefreshMonitor()
  const pooling = createPooling({
    store,
    space,
    models: [{ name: 'sum', dim, policy: { count: 3, slot: 'snapshot' } }],
    clock: Date,
    refreshDelayMs: 0,
    observer: refreshes.observer('default'),
    ...(kind === 'encode' && { batchSize: 2, maxQueue: 8 }),
    // 20 reads a second are all that the thread does: so few that a load beside it has next to nothing to do.
    ...(kind === 'event loop' && { onServed: () => holdThread(50) }),
  })
  await pooling.publish('sum', {
    snapshot: 2,
    frame: 1,
    dataCutoffMs: 0,
    dim,
    encode: async ({ rows }) => {
      if (kind === 'encode') await wait(200)
      return new Float32Array(rows * dim)
    },
  })
  const refresher = startRefreshing(pooling)
  const server = createServer({
    tenants: new Map([['default', { store, pooling }]]),
    space,
    models: [{ name: 'sum', dim }],
    auth: 'loopback',
    limits: kind === 'limit' ? { requestsPerSecond: 30, burst: 5 } : {},
    refreshes,
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const close = async () => {
    await server.close()
    await refresher.stop()
    await pooling.close()
    await store.close()
  }
  return { url, close }
}

function holdThread(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** Has a store read for one caller at a time, and take its time. */
function readOneAfterAnother(store: EmbeddingStore, readMs: number): void {
  const read = store.read.bind(store)
  let last: Promise<unknown> = Promise.resolve()
  store.read = (...args) => {
    const turn = last.then(async () => {
      await wait(readMs)
      return read(...args)
    })
    last = turn.catch(() => {})
    return turn
  }
}
