/**
 * What the console costs the thread that answers reads, whether or not anybody looks (`npx nx run service:console-cost`): a
 * tick of a tenant's histories, a look at a panel, a request of a page, and a drift map with the longest that it holds the
 * thread up. A store in memory, 256 users of 192 values, 4 snapshots each.
 */

import { createPooling } from '@headwater/pooling'
import { space } from '@headwater/pooling/testing/towers'
import { seededRandom } from '@headwater/statistics'
import { openStore } from '@headwater/store'
import { driftMap } from '../src/console/drift-map.ts'
import { Panel } from '../src/console/panel.ts'
import { recentStepMs, TenantWatch } from '../src/console/tenant-watch.ts'
import { BucketCounts } from '../src/figures/histograms.ts'
import { Reservoir } from '../src/figures/reservoir.ts'
import { createServer } from '../src/index.ts'
import { ReadFigures } from '../src/metrics/read-figures.ts'

const dim = 192
const users = Array.from({ length: 256 }, (_, i) => `user-${i}`)

const store = await openStore('memory:')
const random = seededRandom(1)
const model = { name: 'm', dim, policy: { count: 1, slots: 1, slot: 'snapshot' } } as const
const pooling = createPooling({ store, space, models: [model], clock: Date })
const reservoir = new Reservoir(users.length, 1)
reservoir.served(users)
const panel = new Panel(reservoir, pooling, ['m'])

/** Median, and the longest, of milliseconds. */
function told(what: string, times: readonly number[]): void {
  const sorted = [...times].sort((a, b) => a - b)
  const [median, most] = [sorted[sorted.length >> 1], sorted.at(-1)!].map((ms) => (1_000 * ms).toFixed(0))
  process.stdout.write(`${what.padEnd(52)} ${median.padStart(8)} µs   longest of ${times.length}: ${most} µs\n`)
}

const looks: number[] = []
for (let snapshot = 1; snapshot <= 4; snapshot++) {
  await store.append({
    ...{ model: 'm', dim, users, snapshot, frame: 1, writtenMs: snapshot, policy: model.policy },
    vectors: Float32Array.from({ length: users.length * dim }, () => random.nextNormal()),
    featureTimeMs: new Float64Array(users.length).fill(snapshot),
  })
  for (let i = 0; i < 50; i++) {
    const startMs = performance.now()
    await panel.look()
    looks.push(performance.now() - startMs)
  }
}

const durations = new BucketCounts(Float64Array.from({ length: 24 }, (_, i) => 1e-4 * 1.6 ** i))
const ages = new BucketCounts(Float64Array.from({ length: 11 }, (_, i) => 4 ** i))
const reads = new ReadFigures(durations, new Map([['m', ages]]), reservoir)
const watch = new TenantWatch({ pooling, reads, freshness: durations, sharedWaiting: null }, 0)
const ticks: number[] = []
for (let tick = 1; tick <= 5_000; tick++) {
  const startMs = performance.now()
  watch.look(tick * recentStepMs)
  ticks.push(performance.now() - startMs)
}
told('a tick of a tenant, every 2 s', ticks.slice(500))
told('a look at a panel of 256 users, every 30 s', looks.slice(20))

const tenants = new Map([['default', { store, pooling }]])
const server = createServer({ tenants, space, models: [{ name: 'm', dim }], auth: 'loopback' })
const requests: number[] = []
let body = ''
for (let i = 0; i < 300; i++) {
  const startMs = performance.now()
  body = (await server.inject({ url: `/console/data?recent=${Date.now()}&day=${Date.now()}` })).body
  requests.push(performance.now() - startMs)
}
told(`a request of a page, every 2 s (${body.length} bytes)`, requests.slice(50))

const maps: number[] = []
const held: number[] = []
for (let i = 0; i < 20; i++) {
  let isOver = false
  let lastMs = performance.now()
  const watchThread = () => {
    const nowMs = performance.now()
    held.push(nowMs - lastMs)
    lastMs = nowMs
    if (!isOver) setImmediate(watchThread)
  }
  setImmediate(watchThread)
  const startMs = performance.now()
  await driftMap('m', panel.positions('m'))
  maps.push(performance.now() - startMs)
  isOver = true
}
told('a drift map of noise, which takes the most steps', maps.slice(3))
told('  of it, the thread at a stretch', held)
await server.close()
await pooling.close()
await store.close()
