/**
 * The store in memory against a bare slab of typed arrays (a hash of the string key, a probe, a copy of the bytes) in one run:
 * pooled reads to f32, the time of single reads, and the bytes that a user and model take. And the tier in front of LMDB
 * under Zipf-like traffic against LMDB alone. Rounds of both alternate.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { nearestRankPercentiles, seededRandom } from '@headwater/statistics'
import { createReadBuffer, EmbeddingStore, openDriver, openStore, tieredDriver } from '@headwater/store'
import { BareSlab } from './bare-slab.ts'
import { type Spread, spread } from './report.ts'

export interface SlabFigures {
  readonly users: number
  /** Users a second, in batches of 100; the bare slab copies the pooled vector's bytes, or the whole record's. */
  readonly ours: Spread
  readonly bare: Spread
  readonly bareWhole: Spread
  /** Of ours to `bare`, round by round. */
  readonly ratio: Spread
  readonly ratioAtLeast: number
  readonly ratioAim: number
  /** Of one user a call. */
  readonly singleUs: {
    readonly p50: number
    readonly p99: number
    readonly bareP99: number
    readonly p99AtMost: number
  }
  /** All typed arrays of the store by users, and that over N vectors and the pooled one. */
  readonly bytesAUser: { readonly held: number; readonly overVectors: number; readonly overVectorsAtMost: number }
}

export interface TierFigures {
  readonly users: number
  readonly capacityBytes: number
  readonly hitRate: number
  readonly hitRateAtLeast: number
  /** Users a second, in batches of 100. */
  readonly tiered: Spread
  readonly base: Spread
  readonly speedUp: Spread
}

const model = 'home'
const dim = 192
const slots = 3
/** Four vectors of 192 in fp16. */
const vectorBytes = 2 * dim * (slots + 1)
const recordBytes = 24 + 2 * dim + slots * (24 + 2 * dim)
const batchUsers = 100
const policy = { slots, count: slots, slot: 'snapshot' } as const

const keyOf = (user: number) => `user-${String(user).padStart(7, '0')}`

/** @param users 1 M for the figures */
export async function benchSlab(users: number, progress: (line: string) => void): Promise<SlabFigures> {
  const random = seededRandom(1)
  const keys = Array.from({ length: users }, (_, u) => keyOf(u))
  progress(`slab: loading ${users.toLocaleString('en')} users × 1 model, ${slots} vectors of ${dim}`)
  const emptyBytes = typedArrayBytes()
  const store = await openStore('memory:')
  for (let snapshot = 1; snapshot <= slots; snapshot++) await append(store, keys, snapshot)
  const held = (typedArrayBytes() - emptyBytes) / users
  const bare = new BareSlab(recordBytes, users)
  const record = new Uint8Array(recordBytes)
  for (const key of keys) bare.put(key, record)

  progress('slab: pooled reads')
  const buffer = createReadBuffer(batchUsers, [{ model, dim }])
  const models = [{ model }]
  const rates = { ours: [] as number[], bare: [] as number[], bareWhole: [] as number[] }
  for (let round = 0; round <= 21; round++) {
    const batches = Array.from({ length: 1_000 }, () =>
      Array.from({ length: batchUsers }, () => keys[random.nextBelow(users)]),
    )
    const contestants = {
      ours: async () => {
        for (const batch of batches) await store.read({ users: batch, models }, buffer)
      },
      bare: () => getAll(bare, batches, 2 * dim),
      bareWhole: () => getAll(bare, batches, recordBytes),
    }
    const order = ['ours', 'bare', 'bareWhole'] as const
    for (const name of round % 2 === 0 ? order : [...order].reverse()) {
      const startMs = performance.now()
      await contestants[name]()
      // The first round warms up.
      if (round > 0) rates[name].push((1_000 * batches.length * batchUsers) / (performance.now() - startMs))
    }
  }

  progress('slab: single reads')
  const one = createReadBuffer(1, [{ model, dim }])
  const into = new Uint8Array(2 * dim)
  const singles: number[] = []
  const bareSingles: number[] = []
  for (let i = -20_000; i < 300_000; i++) {
    const key = keys[random.nextBelow(users)]
    const other = keys[random.nextBelow(users)]
    const startMs = performance.now()
    await store.read({ users: [key], models }, one)
    const middleMs = performance.now()
    bare.get(other, into)
    const endMs = performance.now()
    if (i < 0) continue
    singles.push(1_000 * (middleMs - startMs))
    bareSingles.push(1_000 * (endMs - middleMs))
  }
  const [p50, p99] = nearestRankPercentiles(singles, [50, 99])
  const [bareP99] = nearestRankPercentiles(bareSingles, [99])
  await store.close()
  return {
    users,
    ours: spread(rates.ours),
    bare: spread(rates.bare),
    bareWhole: spread(rates.bareWhole),
    ratio: spread(rates.ours.map((rate, r) => rate / rates.bare[r])),
    ratioAtLeast: 0.28,
    ratioAim: 0.45,
    singleUs: { p50, p99, bareP99, p99AtMost: 5 },
    bytesAUser: { held, overVectors: held / vectorBytes, overVectorsAtMost: 1.15 },
  }
}

/** @param users 1 M for the figures: of fewer, the tenth that the tier holds draws a smaller share of Zipf's traffic */
export async function benchTier(users: number, progress: (line: string) => void): Promise<TierFigures> {
  const random = seededRandom(2)
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-'))
  const base = await openDriver(`lmdb:${join(directory, 'store')}`)
  try {
    const bare = new EmbeddingStore(base, 'default')
    progress(`tier: loading ${users.toLocaleString('en')} users into LMDB`)
    await append(
      bare,
      Array.from({ length: users }, (_, u) => keyOf(u)),
      1,
    )
    await bare.flushed()
    // Key, index and record of a ring of one vector: what a user takes in the slab.
    const userBytes = 16 + 12 + 12 + 24 + 2 * dim + 24 + 2 * dim + 22
    const capacityBytes = Math.ceil(users / 10) * userBytes
    const driver = tieredDriver(base, { capacityBytes })
    const tiered = new EmbeddingStore(driver, 'default')
    const buffer = createReadBuffer(batchUsers, [{ model, dim }])
    const request = zipfRequests(users, random.nextFloat.bind(random))
    const batchesOf = (count: number) =>
      Array.from({ length: count }, () => Array.from({ length: batchUsers }, () => keyOf(request())))
    const rate = async (store: EmbeddingStore, batches: readonly string[][]) => {
      const startMs = performance.now()
      for (const batch of batches) await store.read({ users: batch, models: [{ model }] }, buffer)
      return (1_000 * batches.length * batchUsers) / (performance.now() - startMs)
    }
    progress("tier: reading until the tier holds what it will, five requests a user's place in it and more")
    for (let i = 0; i < 40; i++) await rate(tiered, batchesOf(Math.ceil(users / 1_000)))
    progress('tier: reads of 100 users')
    const tieredRates: number[] = []
    const baseRates: number[] = []
    driver.hits = 0
    driver.misses = 0
    for (let round = 0; round < 20; round++) {
      const batches = batchesOf(Math.ceil(users / 1_000))
      if (round % 2 === 0) tieredRates.push(await rate(tiered, batches))
      baseRates.push(await rate(bare, batches))
      if (round % 2 === 1) tieredRates.push(await rate(tiered, batches))
    }
    return {
      users,
      capacityBytes,
      hitRate: driver.hits / (driver.hits + driver.misses),
      hitRateAtLeast: 0.8,
      tiered: spread(tieredRates),
      base: spread(baseRates),
      speedUp: spread(tieredRates.map((each, r) => each / baseRates[r])),
    }
  } finally {
    await base.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

function getAll(bare: BareSlab, batches: readonly string[][], sizeBytes: number): void {
  const into = new Uint8Array(sizeBytes)
  for (const batch of batches) {
    for (const key of batch) if (!bare.get(key, into)) throw new Error(`the bare slab does not hold ${key}`)
  }
}

async function append(store: EmbeddingStore, keys: readonly string[], snapshot: number): Promise<void> {
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

/** Users by Zipf's law of exponent 1, the frequent ones spread over all keys. */
function zipfRequests(users: number, nextFloat: () => number): () => number {
  const cumulative = new Float64Array(users)
  let sum = 0
  for (let rank = 0; rank < users; rank++) {
    sum += 1 / (rank + 1)
    cumulative[rank] = sum
  }
  // A prime that divides no number of users in use, so that each rank has a user of its own.
  const spreading = 611_953
  return () => {
    const drawn = nextFloat() * sum
    let low = 0
    let high = users - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulative[middle] < drawn) low = middle + 1
      else high = middle
    }
    return (low * spreading) % users
  }
}

function typedArrayBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  return process.memoryUsage().arrayBuffers
}
