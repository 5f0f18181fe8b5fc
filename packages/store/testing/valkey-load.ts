import { slotOf } from '../src/drivers/valkey/slots.ts'
import {
  createReadBuffer,
  type EmbeddingStore,
  readStatus,
  type StoreError,
  StoreUnavailableError,
  StoreWriteError,
} from '../src/index.ts'
import { digestOf } from '../src/record/tombstone.ts'

const dim = 8

/** Users whose hashes lie in one slot of a cluster; the first is given. */
export function usersOfOneSlot(first: string, count: number): string[] {
  const slot = slotOf(digestOf('default', first))
  const users = [first]
  for (let i = 0; users.length < count; i++) {
    if (slotOf(digestOf('default', `${first}-${i}`)) === slot) users.push(`${first}-${i}`)
  }
  return users
}

/** Appends to users round by round, reads all of them beside that, and knows what was acknowledged. */
export class Load {
  readonly users: readonly string[]
  /** [user] last round that was acknowledged, 0 for none. */
  readonly acknowledged: Uint32Array
  /** What writes were refused with, newest last. */
  readonly writeErrors: StoreError[] = []
  /** Reads that threw, and rows that were missing though acknowledged. */
  readonly readFaults: string[] = []
  /** Reads of all users, and rows that no server answered. */
  reads = 0
  unavailable = 0
  readonly #store: EmbeddingStore
  #round = 0
  #ended = false
  #loops: Promise<unknown> | null = null

  constructor(store: EmbeddingStore, users: readonly string[]) {
    this.#store = store
    this.users = users
    this.acknowledged = new Uint32Array(users.length)
  }

  start(): void {
    const loop = async (act: () => Promise<void>) => {
      while (!this.#ended) {
        await act()
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
    this.#loops = Promise.all([loop(() => this.write()), loop(() => this.read())])
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#loops
  }

  /** One round: an embedding a user, in small batches, as one that fails tells of none of its rows. */
  async write(): Promise<void> {
    const round = ++this.#round
    for (let from = 0; from < this.users.length; from += 5) {
      const users = this.users.slice(from, from + 5)
      try {
        await this.#store.append({
          model: 'm',
          dim,
          users,
          vectors: new Float32Array(users.length * dim).fill(round % 1_000),
          snapshot: round,
          frame: 0,
          featureTimeMs: new Float64Array(users.length).fill(round),
          writtenMs: round,
          policy: { slots: 3, count: 3, slot: 'snapshot' },
        })
        this.acknowledged.fill(round, from, from + users.length)
      } catch (error) {
        if (!(error instanceof StoreWriteError || error instanceof StoreUnavailableError)) throw error
        this.writeErrors.push(error)
      }
    }
  }

  /** Of all users. */
  async read(): Promise<void> {
    const before = Uint32Array.from(this.acknowledged)
    try {
      const { status } = await readAll(this.#store, this.users)
      this.reads++
      for (let u = 0; u < this.users.length; u++) {
        if (status[u] === readStatus.unavailable) this.unavailable++
        else if (status[u] !== readStatus.found && before[u] > 0) this.readFaults.push(`${this.users[u]} is missing`)
      }
    } catch (error) {
      this.readFaults.push(String(error))
    }
  }

  /** Users of whom less is held than was acknowledged. */
  async lost(): Promise<string[]> {
    const { status, snapshot } = await readAll(this.#store, this.users)
    return this.users.filter((_, u) => status[u] !== readStatus.found || snapshot[u] < this.acknowledged[u])
  }

  /** Waits until every user was written once more. */
  async writtenAnew(): Promise<void> {
    const from = this.#round
    while (this.acknowledged.some((round) => round <= from)) await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function readAll(store: EmbeddingStore, users: readonly string[]) {
  const buffer = createReadBuffer(users.length, [{ model: 'm', dim }])
  await store.read({ users, models: [{ model: 'm' }] }, buffer)
  return buffer.models[0]
}
