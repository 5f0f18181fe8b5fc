/** The work of a backfill: what `headwater backfill` and `headwater serve --backfill` have in common. */
import type { Pooling } from '@headwater/pooling'
import type { EmbeddingStore } from '@headwater/store'
import type { BackfillCounts } from './counts.ts'
import type { StatesAsOf } from './states.ts'

/** Users between two calls of `onSlice`, which come once all before them are on the disk. */
const sliceUsers = 4_096

export interface ComputeUsersOptions {
  /** Has an encoder of each of its models. */
  readonly pooling: Pooling
  /** The pooling's. */
  readonly store: EmbeddingStore
  readonly users: AsyncIterable<string>
  /** As of which they are known. */
  readonly atMs: number
  readonly states: StatesAsOf
  /** Counted up. */
  readonly counts: BackfillCounts
  readonly signal: AbortSignal
  onSlice(last: string): void
}

/** Computes users through a pooling's encoders, as of one time. @throws the signal's reason; RefreshError */
export async function computeUsers(options: ComputeUsersOptions): Promise<void> {
  let slice: string[] = []
  for await (const user of options.users) {
    slice.push(user)
    if (slice.length < sliceUsers) continue
    await computeSlice(slice, options)
    slice = []
  }
  if (slice.length > 0) await computeSlice(slice, options)
}

async function computeSlice(
  users: readonly string[],
  { pooling, store, atMs, states, counts, signal, onSlice }: ComputeUsersOptions,
): Promise<void> {
  const before = { ...pooling.counters }
  await pooling.backfill(users, atMs, {
    states: (some) => {
      signal.throwIfAborted()
      return states(some, counts)
    },
  })
  await store.flushed()
  counts.users += users.length
  counts.refreshed += pooling.counters.refreshes - before.refreshes
  counts.superseded += pooling.counters.superseded - before.superseded
  counts.refused += pooling.counters.refused - before.refused
  onSlice(users[users.length - 1])
}

export async function countUsers(store: EmbeddingStore): Promise<number> {
  let count = 0
  for await (const _ of store.keys('user')) count++
  return count
}
