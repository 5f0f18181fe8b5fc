/**
 * The LMDB driver against lmdb itself, in one run on the same bytes under the same keys: pooled reads of 100 users, durable
 * appends in batches of 100, and the bytes that a user takes once the file is compacted. Rounds of both alternate.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compactLmdb, createReadBuffer, type EmbeddingStore, openStore } from '@headwater/store'
import { open } from 'lmdb'
import { type Spread, spread } from './report.ts'

export interface LmdbComparison {
  readonly name: string
  /** Users a second. */
  readonly ours: Spread
  readonly bare: Spread
  /** Of ours to the bare engine's, round by round. */
  readonly ratio: Spread
  readonly ratioAtLeast: number
}

export interface LmdbFigures {
  readonly users: number
  readonly comparisons: readonly LmdbComparison[]
  /** The file's bytes by users, over the bytes of N vectors and the pooled one. */
  readonly bytesAUser: {
    readonly loaded: number
    readonly compacted: number
    readonly overVectors: number
    readonly overVectorsAtMost: number
  }
}

export const model = 'home'
const dim = 192
const slots = 3
/** Four vectors of 192 in fp16. */
const vectorBytes = 2 * dim * (slots + 1)
const batchUsers = 100
const policy = { slots, count: slots, slot: 'snapshot' } as const

const keyOf = (user: number) => `user-${String(user).padStart(9, '0')}`
const addressOf = (key: string) => `default\0${key}\0${model}`

/** What the store gives lmdb for keys: their plain UTF-8. */
const keyEncoder = {
  writeKey: (key: string, target: Buffer, start: number) => start + target.write(key, start, 'utf8'),
  readKey: (source: Buffer, start: number, end: number) => source.toString('utf8', start, end),
}

/** @param users 1 M for the figures */
export async function benchLmdb(users: number, progress: (line: string) => void): Promise<LmdbFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-'))
  try {
    const path = join(directory, 'store')
    progress(`lmdb: loading ${users.toLocaleString('en')} users × 1 model, ${slots} vectors of ${dim}`)
    await loadUsers(path, users)
    const loaded = dataBytes(path) / users
    progress('lmdb: compacting')
    await compactLmdb(path)
    const compacted = dataBytes(path) / users
    const barePath = join(directory, 'bare')
    mkdirSync(barePath)
    copyFileSync(join(path, 'data.mdb'), join(barePath, 'data.mdb'))

    const store = await openStore(`lmdb:${path}`)
    const bare = openBare(barePath)
    try {
      progress('lmdb: pooled reads of 100 users')
      const reads = await compareReads(store, bare, users)
      progress('lmdb: durable appends of 100 users')
      const appends = [await compareAppends(store, bare, users, 1), await compareAppends(store, bare, users, 4)]
      const overVectors = compacted / vectorBytes
      return {
        users,
        comparisons: [reads, ...appends],
        bytesAUser: { loaded, compacted, overVectors, overVectorsAtMost: 1.3 },
      }
    } finally {
      await store.close()
      await bare.root.close()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

type Bare = ReturnType<typeof openBare>

export function openBare(path: string) {
  const encoding = { encoding: 'binary', keyEncoder } as const
  // The mode in which the store commits, so that both promise the same.
  const durability = { overlappingSync: false, eventTurnBatching: false } as const
  const root = open<Buffer, string>({ path, noSubdir: false, maxDbs: 6, ...encoding, ...durability })
  const rings = root.openDB<Buffer, string>({ name: 'rings', ...encoding })
  return { root, rings }
}

const dataBytes = (path: string) => statSync(join(path, 'data.mdb')).size

export async function loadUsers(path: string, users: number): Promise<void> {
  const store = await openStore(`lmdb:${path}`)
  const rows = 2_000
  const vectors = randomVectors(rows)
  for (let from = 0; from < users; from += rows) {
    const keys = Array.from({ length: Math.min(rows, users - from) }, (_, i) => keyOf(from + i))
    for (let snapshot = 1; snapshot <= slots; snapshot++) await append(store, keys, vectors, snapshot)
  }
  await store.close()
}

function append(store: EmbeddingStore, users: readonly string[], vectors: Float32Array, snapshot: number) {
  return store.append({
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

async function compareReads(store: EmbeddingStore, { rings }: Bare, users: number): Promise<LmdbComparison> {
  const buffer = createReadBuffer(batchUsers, [{ model, dim }])
  const models = [{ model }]
  return compareRounds('pooled reads of 100 users', 31, 0.8, async (which) => {
    const batches = Array.from({ length: 100 }, () => randomKeys(users))
    const addresses = batches.map((keys) => keys.map(addressOf))
    const startMs = performance.now()
    if (which === 'ours') for (const keys of batches) await store.read({ users: keys, models }, buffer)
    else
      for (const keys of addresses) for (const key of keys) if (rings.getBinary(key) === undefined) throw missing(key)
    return (1_000 * batches.length * batchUsers) / (performance.now() - startMs)
  })
}

/** @param inFlight callers that each wait for their batch to be on the disk before they append the next */
async function compareAppends(
  store: EmbeddingStore,
  { root, rings }: Bare,
  users: number,
  inFlight: number,
): Promise<LmdbComparison> {
  const record = rings.getBinary(addressOf(keyOf(0)))
  if (record === undefined) throw missing(keyOf(0))
  let snapshot = slots
  const vectors = randomVectors(batchUsers)
  const appendOurs = async (keys: readonly string[]) => {
    await append(store, keys, vectors, ++snapshot)
    await store.flushed()
  }
  const appendBare = async (keys: readonly string[]) => {
    const addresses = keys.map(addressOf)
    const records = keys.map(() => Buffer.from(record))
    await root.batch(() => {
      for (let i = 0; i < batchUsers; i++) void rings.put(addresses[i], records[i])
    })
  }
  const callers = inFlight === 1 ? 'one caller' : `${inFlight} callers`
  return compareRounds(`durable appends of 100 users, ${callers}`, 21, 0.8, async (which) => {
    const appendOne = which === 'ours' ? appendOurs : appendBare
    const batches = 20
    const startMs = performance.now()
    const caller = async () => {
      for (let b = 0; b < batches; b++) await appendOne(randomKeys(users))
    }
    await Promise.all(Array.from({ length: inFlight }, caller))
    return (1_000 * inFlight * batches * batchUsers) / (performance.now() - startMs)
  })
}

/** Rounds of both in turn, the first of each to warm up. */
export async function compareRounds(
  name: string,
  rounds: number,
  ratioAtLeast: number,
  round: (which: 'ours' | 'bare') => Promise<number>,
): Promise<LmdbComparison> {
  const ours: number[] = []
  const bare: number[] = []
  for (let r = 0; r <= rounds; r++) {
    const first = r % 2 === 0 ? await round('ours') : null
    bare.push(await round('bare'))
    ours.push(first ?? (await round('ours')))
  }
  ours.shift()
  bare.shift()
  return {
    name,
    ours: spread(ours),
    bare: spread(bare),
    ratio: spread(ours.map((rate, r) => rate / bare[r])),
    ratioAtLeast,
  }
}

function randomKeys(users: number): string[] {
  return Array.from({ length: batchUsers }, () => keyOf(Math.floor(users * Math.random())))
}

function randomVectors(rows: number): Float32Array {
  return Float32Array.from({ length: rows * dim }, () => Math.random() - 0.5)
}

function missing(key: string): Error {
  return new Error(`lmdb does not hold ${key}, which was loaded`)
}
