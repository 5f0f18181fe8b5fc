/**
 * Brings another store's tombstones into a store. They name users by digest, so that the store's users are gone through to
 * find those whom it holds still; a tombstone that is older than the store's own changes nothing.
 */
import type { Driver } from '../drivers/driver.ts'
import { digestOf, tombstoneTimeMs } from '../record/tombstone.ts'
import { tombstoneTimes } from './held-records.ts'
import type { TombstoneList } from './tombstone-list.ts'

export interface LaidTombstones {
  /** Set, where there was none or an earlier one. */
  laid: number
  /** Users whom the store held and who were forgotten by this. */
  usersForgotten: number
}

const batchDigests = 512
const scanRecords = 1_000

/** @param onDone called with the number of tombstones of the list that are done */
export async function layTombstones(
  target: Driver,
  tombstones: TombstoneList,
  signal: AbortSignal | undefined,
  onDone: (done: number) => void,
): Promise<LaidTombstones> {
  const counts = { laid: 0, usersForgotten: 0 }
  let done = 0
  for (const tenant of tombstones.tenants) {
    const all = tombstones.of(tenant)
    const news = new Map<string, Uint8Array>()
    for (const batch of batchesOf(all)) {
      signal?.throwIfAborted()
      const digests = batch.map(([digest]) => digest)
      const times = await tombstoneTimes(target, tenant, digests)
      for (const [i, [digest, record]] of batch.entries()) {
        if (times[i] < tombstoneTimeMs(record)) news.set(digest, record)
      }
    }
    counts.laid += news.size
    // Those who are there are forgotten first: each with its tombstone in one step, so that none is passed over when
    // this is stopped and done again.
    if (news.size > 0) counts.usersForgotten += await forgetHeld(target, tenant, news, signal)
    for (const batch of batchesOf(news)) {
      signal?.throwIfAborted()
      const laid = batch.map(([digest, record]) => target.forget(tenant, '', digest, new Uint8Array(record)))
      // A driver that finds users by digest may have had one written meanwhile.
      const removed = (await Promise.all(laid)).filter(({ rings, states, events }) => rings + states + events > 0)
      counts.usersForgotten += removed.length
    }
    done += all.size
    onDone(done)
  }
  return counts
}

/** Forgets users of the store whose digests are in `news`, and takes them out of it. */
async function forgetHeld(
  target: Driver,
  tenant: string,
  news: Map<string, Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const before = news.size
  for (const table of ['user', 'ring', 'events'] as const) {
    let cursor: string | null = null
    do {
      signal?.throwIfAborted()
      const found = new Map<string, string>()
      cursor = await target.scan(tenant, table, cursor, scanRecords, (user) => {
        const digest = digestOf(tenant, user)
        if (news.has(digest)) found.set(digest, user)
      })
      for (const [digest, user] of found) {
        await target.forget(tenant, user, digest, new Uint8Array(news.get(digest)!))
        news.delete(digest)
      }
    } while (cursor !== null)
  }
  return before - news.size
}

function* batchesOf<T>(all: ReadonlyMap<string, T>): Iterable<readonly (readonly [string, T])[]> {
  const entries = [...all]
  for (let from = 0; from < entries.length; from += batchDigests) yield entries.slice(from, from + batchDigests)
}
