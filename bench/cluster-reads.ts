/** Reads through a reader against the bare client, and how long an event takes to the other reader's answers. */
import { setTimeout as wait } from 'node:timers/promises'
import { loadCalls } from '@headwater/load'
import { interpolatedPercentiles, seededRandom } from '@headwater/statistics'
import { areFresh, failedOf, model, send, startReads, until, usersACall } from './cluster-load.ts'
import type { BenchCluster } from './cluster-processes.ts'
import { watchProcessors } from './cluster-processors.ts'
import { groupedHmget } from './grouped-hmget.ts'
import { type Spread, spread } from './report.ts'

const rounds = 7
const callsARound = 300
const callsAtOnce = 4
/** Until both workers have refreshed somebody. */
const warmUps = 30
const probes = 150

export const keyOf = (user: number) => `user-${String(user).padStart(9, '0')}`

/** Gives users embeddings of snapshot 1, without states: reads alone are asked of them. */
export async function loadUsers({ store, readers }: BenchCluster, users: readonly string[]): Promise<void> {
  const [{ dim }] = (await readers[0].read([users[0]], [model])).models
  for (let from = 0; from < users.length; from += 1_000) {
    const some = users.slice(from, from + 1_000)
    await store.append({
      ...{ model, dim, users: some, snapshot: 1, frame: 1, writtenMs: Date.now() },
      vectors: Float32Array.from({ length: some.length * dim }, (_, i) => Math.sin(i)),
      featureTimeMs: new Float64Array(some.length).fill(Date.now()),
      policy: { slot: 'snapshot', count: 3, slots: 3 },
    })
  }
}

/** Users a second, four calls at once; rounds of both alternate. */
export async function benchReads(cluster: BenchCluster, users: readonly string[]) {
  const grouped = await groupedHmget(await cluster.valkey.masters(), users, model)
  const start = loadCalls({
    ...{ target: { url: cluster.urls[0], token: null, tls: {} }, users, models: [model], usersACall },
    ...{ eventsShare: 0, seed: 1 },
  })
  const random = seededRandom(1)
  const contestants = {
    reader: () =>
      new Promise<void>((resolve, reject) =>
        start((failure) => (failure === null ? resolve() : reject(new Error(`a read failed: ${failure}`)))),
      ),
    bare: () => grouped.read(Array.from({ length: usersACall }, () => random.nextBelow(users.length))),
  }
  const rates: Record<keyof typeof contestants, number[]> = { reader: [], bare: [] }
  try {
    for (let round = 0; round <= rounds; round++)
      for (const name of round % 2 === 0 ? (['reader', 'bare'] as const) : (['bare', 'reader'] as const)) {
        let left = callsARound
        const beginMs = performance.now()
        await Promise.all(
          Array.from({ length: callsAtOnce }, async () => {
            while (left-- > 0) await contestants[name]()
          }),
        )
        // The first round warms up.
        if (round > 0) rates[name].push((1_000 * callsARound * usersACall) / (performance.now() - beginMs))
      }
  } finally {
    grouped.close()
  }
  const ratio: Spread = spread(rates.reader.map((rate, r) => rate / rates.bare[r]))
  return { reader: spread(rates.reader), bare: spread(rates.bare), ratio }
}

/**
 * From an event on one reader to the first read of the other that has it, while both answer half of what one can. Workers
 * that have refreshed nobody yet take longer: those are figures of their own.
 */
export async function benchFreshness(cluster: BenchCluster, users: readonly string[], callsPerSecond: number) {
  const { readers, urls } = cluster
  const [one, other] = readers
  const reads = startReads(urls, users, callsPerSecond / 2)
  const ms: number[] = []
  const firstMs: number[] = []
  await wait(1_000)
  let told = await watchProcessors(cluster)
  for (let probe = -warmUps; probe < probes; probe++) {
    const user = [`probe-${probe + warmUps}`]
    const atMs = Date.now()
    const startMs = performance.now()
    await send(one, user)
    await until('a refresh lands', () => areFresh(other, user, atMs))
    ;(probe < 0 ? firstMs : ms).push(performance.now() - startMs)
    if (probe === -1) told = await watchProcessors(cluster)
    await wait(20)
  }
  const processors = await told()
  const load = await reads.stop()
  const [p50Ms, p99Ms] = interpolatedPercentiles(ms, [50, 99])
  return {
    p50Ms,
    p99Ms,
    /** Of the first probes, left out above. */
    coldSlowestMs: Math.max(...firstMs),
    processors,
    slowestMs: Math.max(...ms),
    probes,
    loadCallsPerSecond: callsPerSecond / 2,
    load,
    failed: failedOf(load),
  }
}
