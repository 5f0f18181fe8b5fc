/**
 * Awaited pooled reads of one user in the process that serves, over the store in memory, against the `get` of a bare slab of
 * typed arrays in the same run, rounds of both alternating; and the time of single reads.
 */
import { compileFeatures } from '@headwater/features'
import { createPooling, type ServedBatch } from '@headwater/pooling'
import { nearestRankPercentiles, seededRandom } from '@headwater/statistics'
import { openStore } from '@headwater/store'
import { BareSlab } from './bare-slab.ts'
import { type Spread, spread } from './report.ts'

export interface InProcessFigures {
  readonly users: number
  /** Reads a second, of one user each; into memory of the caller's, and into new memory each. */
  readonly ours: Spread
  readonly oursInNewMemory: Spread
  /** Of the pooled vector's bytes. */
  readonly bare: Spread
  /** Of ours to `bare`, round by round. */
  readonly ratio: Spread
  readonly ratioInNewMemory: Spread
  readonly ratioAtLeast: number
  readonly singleUs: {
    readonly p50: number
    readonly p99: number
    readonly bareP99: number
    readonly p99AtMost: number
  }
}

const model = 'home'
const dim = 192
const slots = 3
const recordBytes = 24 + 2 * dim + slots * (24 + 2 * dim)
const policy = { count: slots, slots, slot: 'snapshot' } as const
const rounds = 21
const readsARound = 50_000

/** Reads come to nothing but the store, so any schema does. */
const space = compileFeatures({
  version: 1,
  name: 'bench',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [{ name: 'liked', of: 'outcome', type: 'float' }],
  tasks: [{ name: 'liked', field: 'liked', atLeast: 1 }],
  aggregations: [{ name: 'events', of: 'user', kind: 'count' }],
})

/** @param users 1 M for the figures */
export async function benchInProcess(users: number, progress: (line: string) => void): Promise<InProcessFigures> {
  const random = seededRandom(1)
  const keys = Array.from({ length: users }, (_, u) => `user-${String(u).padStart(7, '0')}`)
  progress(`pooling in process: loading ${users.toLocaleString('en')} users, ${slots} vectors of ${dim}`)
  const store = await openStore('memory:')
  for (let snapshot = 1; snapshot <= slots; snapshot++) await append(store, keys, snapshot)
  const bare = new BareSlab(recordBytes, users)
  const record = new Uint8Array(recordBytes)
  for (const key of keys) bare.put(key, record)
  const pooling = createPooling({ store, space, models: [{ name: model, dim, policy }], clock: Date })
  const models = [model]
  try {
    progress('pooling in process: reads of one user')
    const into = await pooling.read([keys[0]], models)
    const bytes = new Uint8Array(2 * dim)
    const contestants = {
      ours: async (wanted: readonly string[]) => {
        for (const key of wanted) await pooling.read([key], models, { into })
      },
      oursInNewMemory: async (wanted: readonly string[]) => {
        for (const key of wanted) await pooling.read([key], models)
      },
      bare: async (wanted: readonly string[]) => {
        for (const key of wanted) if (!bare.get(key, bytes)) throw new Error(`the bare slab does not hold ${key}`)
      },
    }
    const order = ['ours', 'bare', 'oursInNewMemory'] as const
    const rates = { ours: [] as number[], oursInNewMemory: [] as number[], bare: [] as number[] }
    for (let round = 0; round <= rounds; round++) {
      const wanted = Array.from({ length: readsARound }, () => keys[random.nextBelow(users)])
      for (const name of round % 2 === 0 ? order : [...order].reverse()) {
        const startMs = performance.now()
        await contestants[name](wanted)
        // The first round warms up.
        if (round > 0) rates[name].push((1_000 * readsARound) / (performance.now() - startMs))
      }
    }

    progress('pooling in process: the time of single reads')
    const singles: number[] = []
    const bareSingles: number[] = []
    let served: ServedBatch = into
    for (let i = -20_000; i < 300_000; i++) {
      const key = keys[random.nextBelow(users)]
      const other = keys[random.nextBelow(users)]
      const startMs = performance.now()
      served = await pooling.read([key], models, { into: served })
      const middleMs = performance.now()
      bare.get(other, bytes)
      const endMs = performance.now()
      if (i < 0) continue
      singles.push(1_000 * (middleMs - startMs))
      bareSingles.push(1_000 * (endMs - middleMs))
    }
    const [p50, p99] = nearestRankPercentiles(singles, [50, 99])
    const [bareP99] = nearestRankPercentiles(bareSingles, [99])
    return {
      users,
      ours: spread(rates.ours),
      oursInNewMemory: spread(rates.oursInNewMemory),
      bare: spread(rates.bare),
      ratio: spread(rates.ours.map((rate, r) => rate / rates.bare[r])),
      ratioInNewMemory: spread(rates.oursInNewMemory.map((rate, r) => rate / rates.bare[r])),
      ratioAtLeast: 0.18,
      singleUs: { p50, p99, bareP99, p99AtMost: 10 },
    }
  } finally {
    await pooling.close()
    await store.close()
  }
}

async function append(
  store: Awaited<ReturnType<typeof openStore>>,
  keys: readonly string[],
  snapshot: number,
): Promise<void> {
  const random = seededRandom(snapshot)
  const rows = 1_000
  const vectors = Float32Array.from({ length: rows * dim }, () => random.nextFloat() - 0.5)
  for (let from = 0; from < keys.length; from += rows) {
    const users = keys.slice(from, from + rows)
    await store.append({
      model,
      dim,
      users,
      vectors: vectors.subarray(0, users.length * dim),
      snapshot,
      frame: 0,
      featureTimeMs: new Float64Array(users.length).fill(snapshot),
      writtenMs: snapshot,
      policy,
    })
  }
}
