/** Users' states as of a time: from the store, where they have no later events, or from a log's events before that time. */
import { readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { type FeatureSpace, Replay, StateError } from '@headwater/features'
import type { EmbeddingStore, TransferStages } from '@headwater/store'
import { CommandError } from '../../arguments/command-error.ts'
import { sayWarnings } from '../../arguments/log-options.ts'
import type { BackfillCounts } from './checkpoint.ts'

/** Gives the state of each user, undefined for users that are passed over, which it counts. */
export type StatesAsOf = (
  users: readonly string[],
  counts: BackfillCounts,
) => Promise<readonly (Uint8Array | undefined)[]>

/** States of the store. A user whose state has events of `atMs` or later is passed over: a vector of it would be a leak. */
export async function statesOfStore(store: EmbeddingStore, space: FeatureSpace, atMs: number): Promise<StatesAsOf> {
  const { userFeatures } = await import('@headwater/pooling')
  return async (users, counts) => {
    const { states } = await store.readStates('user', users)
    return states.map((stored) => {
      if (stored === undefined) {
        counts.unknown++
        return undefined
      }
      const state = userFeatures(space, stored)
      try {
        if ((space.newestMs(state) ?? Number.NEGATIVE_INFINITY) < atMs) return state
        counts.later++
      } catch (error) {
        if (!(error instanceof StateError)) throw error
        counts.unreadable++
      }
      return undefined
    })
  }
}

/**
 * States made of a log's events before `atMs`, in the order of their times. Events up to a user's forgetting are left out.
 *
 * @param store has the tombstones
 * @param data a file, a glob, or a directory of files of one kind, and what is joined to it
 * @throws CommandError, LogError, ReplayMemoryError
 */
export async function statesOfLog(
  store: EmbeddingStore,
  { data, join }: { readonly data: string; readonly join: readonly string[] },
  space: FeatureSpace,
  atMs: number,
  stages: TransferStages,
  signal: AbortSignal,
): Promise<StatesAsOf> {
  const [{ openLog }, { sinceForgetting }] = await Promise.all([
    import('@headwater/datasets'),
    import('@headwater/pooling'),
  ])
  const log = await openLog({ data: filesOf(data), schema: space.schema, join, oneClass: true, signal })
  sayWarnings(log)
  try {
    const replay = new Replay(space)
    const known = new Set<string>()
    let rows = 0
    stages.begin('events', log.rows)
    for await (const events of log.events({ to: atMs })) {
      const since = await sinceForgetting(events, (users) => store.forgottenAtMs(users))
      const kept = events.filter((_, i) => since[i])
      replay.ingest(kept)
      for (const { user } of kept) known.add(user)
      rows += events.length
      stages.advance(rows)
    }
    stages.end()
    return async (users, counts) =>
      users.map((user) => {
        if (known.has(user)) return replay.userState(user)
        counts.unknown++
        return undefined
      })
  } finally {
    await log.close()
  }
}

/** @throws CommandError */
function filesOf(data: string): string {
  if (!statSync(data, { throwIfNoEntry: false })?.isDirectory()) return data
  const names = readdirSync(data).filter((name) => /^[^.].*\.(parquet|csv|jsonl|ndjson)$/.test(name))
  const endings = new Set(names.map((name) => extname(name)))
  if (endings.size === 1) return join(data, `*${[...endings][0]}`)
  const what = endings.size === 0 ? 'no files of events' : `files that end on ${[...endings].sort().join(' and on ')}`
  throw new CommandError(`--events: ${data} has ${what}; name a directory of one kind, or a glob.`)
}
