import type { Driver } from '../../src/drivers/driver.ts'
import {
  type AppendPolicy,
  type AppendResult,
  createReadBuffer,
  type ModelColumns,
  type StateKind,
  type StoreLimits,
} from '../../src/index.ts'
import { EmbeddingStore } from '../../src/operations/embedding-store.ts'

export const dim = 5
export const policy: AppendPolicy = { slots: 3, count: 3, slot: 'snapshot' }

export const bytes = (...values: number[]) => Uint8Array.from(values)
export const vectorOf = (value: number) => Array.from({ length: dim }, (_, i) => value + i)

/** A driver under test, the store over it, and short words for what tests do with it. */
export class Subject {
  readonly driver: Driver
  readonly store: EmbeddingStore

  constructor(driver: Driver) {
    this.driver = driver
    this.store = new EmbeddingStore(driver, 'default')
  }

  /** Another store over the same driver. */
  with(limits: Partial<StoreLimits>): EmbeddingStore {
    return new EmbeddingStore(this.driver, 'default', limits)
  }

  /** One row a user, of model `m` and snapshot 1 where nothing else is said. */
  append(
    users: readonly string[],
    values: readonly number[],
    snapshot = 1,
    timeMs = 1_000,
    model = 'm',
    store = this.store,
  ): Promise<AppendResult> {
    return store.append({
      model,
      dim,
      users,
      vectors: Float32Array.from(values.flatMap(vectorOf)),
      snapshot,
      frame: snapshot >> 2,
      featureTimeMs: new Float64Array(users.length).fill(timeMs),
      writtenMs: timeMs + 1,
      policy,
    })
  }

  async read(
    users: readonly string[],
    models: readonly string[] = ['m'],
    expiredBeforeMs?: number,
    store = this.store,
  ): Promise<readonly ModelColumns[]> {
    const buffer = createReadBuffer(
      users.length,
      models.map((model) => ({ model, dim, latest: true })),
    )
    const expiry = expiredBeforeMs === undefined ? {} : { expiredBeforeMs }
    await store.read({ users, models: models.map((model) => ({ model, ...expiry })) }, buffer)
    return buffer.models
  }

  /** Status of one user and model `m`. */
  async statusOf(user: string): Promise<number> {
    return (await this.read([user]))[0].status[0]
  }

  /** Sets states that are not there yet, each in a group of its own. */
  async create(kind: StateKind, keys: readonly string[], state = bytes(1), store = this.store): Promise<void> {
    const done = await store.compareAndSetStates(keys.map((key) => [{ kind, key, expected: 0, state }]))
    if (done.some((each) => each !== 1)) throw new Error(`some of ${keys.length} states were there already`)
  }

  async versionOf(kind: StateKind, key: string): Promise<number> {
    return (await this.store.readStates(kind, [key])).versions[0]
  }

  async keysOf(kind: StateKind, store = this.store): Promise<string[]> {
    const keys: string[] = []
    for await (const key of store.keys(kind)) keys.push(key)
    return keys
  }

  /** One event a row, whose payload is its id. */
  appendEvents(
    rows: readonly (readonly [user: string, id: string, timeMs: number])[],
    store = this.store,
  ): Promise<AppendResult> {
    return store.appendEvents({
      users: rows.map(([user]) => user),
      eventIds: rows.map(([, id]) => id),
      timesMs: Float64Array.from(rows, ([, , timeMs]) => timeMs),
      payloads: rows.map(([, id]) => Buffer.from(id)),
      writtenMs: 10_000,
    })
  }

  /** Ids of users' events, newest last. */
  async eventsOf(users: readonly string[], store = this.store): Promise<string[][]> {
    const { offsets, payloads } = await store.readEvents(users)
    return users.map((_, u) =>
      payloads.slice(offsets[u], offsets[u + 1]).map((payload) => Buffer.from(payload).toString()),
    )
  }

  /** Records by table, as the driver lists them. */
  async tables(): Promise<Readonly<Record<string, number>>> {
    const { tables, faults } = await this.store.check()
    if (faults.length > 0) throw new Error(`${faults[0].address}: ${faults[0].error.message}`)
    return tables
  }
}

/** A driver that runs something once, between the read and the write of the call under way. */
export function interleaved(driver: Driver, between: () => Promise<unknown>): Driver {
  let ran = false
  return new Proxy(driver, {
    get(target, name) {
      // It has no between.
      if (name === 'updateRings') return undefined
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return async (...args: unknown[]) => {
        if (name === 'write' && !ran) {
          ran = true
          await between()
        }
        return member.apply(target, args)
      }
    },
  })
}
