/**
 * The Valkey driver on a real cluster of 3 + 3 against a grouped HMGET of the same fields by the same client: reads of 100
 * users, in one call and in four at a time. Rounds of both alternate. The servers share the machine with the client.
 */
import { seededRandom } from '@headwater/statistics'
import { createReadBuffer, openStore } from '@headwater/store'
import { startValkeyCluster } from '@headwater/testkit/valkey'
import { type GroupedHmget, groupedHmget } from './grouped-hmget.ts'
import { type Spread, spread } from './report.ts'

export interface ValkeyComparison {
  /** Calls under way at once. */
  readonly calls: number
  /** Users a second. */
  readonly ours: Spread
  readonly bare: Spread
  /** Of ours to the bare client's, round by round. */
  readonly ratio: Spread
  readonly ratioAtLeast: number
}

export interface ValkeyFigures {
  readonly users: number
  readonly comparisons: readonly ValkeyComparison[]
  /** Appends a second in batches of 1,000, acknowledged by the master alone. */
  readonly appends: number
}

const model = 'home'
const dim = 192
const slots = 3
const batchUsers = 100
const rounds = 7
const policy = { slots, count: slots, slot: 'snapshot' } as const

const keyOf = (user: number) => `user-${String(user).padStart(9, '0')}`

export async function benchValkey(users: number, progress: (line: string) => void): Promise<ValkeyFigures> {
  progress('valkey: starting a cluster of 3 + 3')
  const cluster = await startValkeyCluster()
  const store = await openStore(`valkey://${cluster.nodes.map(({ address }) => address).join(',')}?timeout=5000`)
  let hmget: GroupedHmget | null = null
  try {
    progress(`valkey: loading ${users.toLocaleString('en')} users × 1 model, ${slots} vectors of ${dim}`)
    const keys = Array.from({ length: users }, (_, user) => keyOf(user))
    const startMs = performance.now()
    for (let snapshot = 1; snapshot <= slots; snapshot++)
      for (let from = 0; from < users; from += 1000) {
        const some = keys.slice(from, from + 1000)
        await store.append({
          ...{ model, dim, users: some, snapshot, frame: 0, writtenMs: snapshot, policy },
          vectors: Float32Array.from({ length: some.length * dim }, (_, i) => Math.sin(i + snapshot)),
          featureTimeMs: new Float64Array(some.length).fill(snapshot),
        })
      }
    const appends = (1000 * slots * users) / (performance.now() - startMs)

    const grouped = await groupedHmget(await cluster.masters(), keys, model)
    hmget = grouped
    const random = seededRandom(1)
    const draw = () =>
      Array.from({ length: 400 }, () => Array.from({ length: batchUsers }, () => random.nextBelow(users)))

    const ours = (calls: number) => {
      const buffers = Array.from({ length: calls }, () => createReadBuffer(batchUsers, [{ model, dim }]))
      return async (batch: readonly number[]) => {
        const buffer = buffers.pop()!
        await store.read({ users: batch.map((user) => keys[user]), models: [{ model }] }, buffer)
        buffers.push(buffer)
      }
    }
    progress('valkey: reads of 100 users')
    const comparisons: ValkeyComparison[] = []
    for (const calls of [1, 4]) {
      const contestants = { ours: ours(calls), bare: grouped.read }
      const rates = { ours: [] as number[], bare: [] as number[] }
      for (let round = 0; round <= rounds; round++)
        for (const name of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)) {
          const batches = draw()
          const beginMs = performance.now()
          await inTurn(batches, calls, contestants[name])
          // The first round warms up.
          if (round > 0) rates[name].push((1000 * batches.length * batchUsers) / (performance.now() - beginMs))
        }
      comparisons.push({
        calls,
        ours: spread(rates.ours),
        bare: spread(rates.bare),
        ratio: spread(rates.ours.map((rate, r) => rate / rates.bare[r])),
        ratioAtLeast: 0.9,
      })
    }
    return { users, comparisons, appends }
  } finally {
    hmget?.close()
    await store.close()
    await cluster.close()
  }
}

/** Keeps so many calls under way until all batches were handled. */
async function inTurn<T>(batches: readonly T[], calls: number, handle: (batch: T) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: calls }, async () => {
      while (next < batches.length) await handle(batches[next++])
    }),
  )
}
