/** Users' states as of a time: from the store, where they have no later events, or from a log's events before that time. */
import { readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { type FeatureSpace, Replay, StateError } from '@headwater/features'
import type { EmbeddingStore, TransferStages } from '@headwater/store'
import { CommandError } from '../../arguments/command-error.ts'
import { openedLog, sayWarnings } from '../../arguments/log-options.ts'
import type { BackfillCounts } from './counts.ts'

/** States that are read and written together. */
const stateRows = 500

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

/** A log, and how it is read. */
export interface LogOfUsers {
  /** A name, a file, a glob, or a directory of files of one kind. */
  readonly data: string
  readonly join: readonly string[]
  readonly maxBadRows?: number
  /** Named in messages. */
  readonly option: string
}

/**
 * States made of a log's events before `atMs`, in the order of their times. Events up to a user's forgetting are left out.
 *
 * @param store has the tombstones
 * @throws CommandError, LogError, ReplayMemoryError
 */
export async function statesOfLog(
  store: EmbeddingStore,
  log: LogOfUsers,
  space: FeatureSpace,
  atMs: number,
  stages: TransferStages,
  signal: AbortSignal,
): Promise<StatesAsOf> {
  const { replay, users } = await replayOf(store, log, space, atMs, stages, signal)
  return async (some, counts) =>
    some.map((user) => {
      if (users.has(user)) return replay.userState(user)
      counts.unknown++
      return undefined
    })
}

/**
 * Gives users and items of a log their states where a store has none; those that it has stay, as they may know of more.
 *
 * @returns how many users were new
 * @throws CommandError, LogError, ReplayMemoryError; errors of the store
 */
export async function addStatesOfLog(
  store: EmbeddingStore,
  log: LogOfUsers,
  space: FeatureSpace,
  stages: TransferStages,
  signal: AbortSignal,
): Promise<number> {
  const { replay, users, items } = await replayOf(store, log, space, Number.POSITIVE_INFINITY, stages, signal)
  // An item whose users are not there yet does no harm; a user whose items are not there would never get them.
  await addStates(store, 'item', [...items], (item) => replay.itemState(item), signal)
  return addStates(
    store,
    'user',
    [...users.keys()],
    (user) => replay.userState(user),
    signal,
    (user) => users.get(user)!,
  )
}

async function addStates(
  store: EmbeddingStore,
  kind: 'user' | 'item',
  keys: readonly string[],
  stateOf: (key: string) => Uint8Array,
  signal: AbortSignal,
  featureTimeMs?: (key: string) => number,
): Promise<number> {
  const { writeOutcome } = await import('@headwater/store')
  let added = 0
  for (let from = 0; from < keys.length; from += stateRows) {
    signal.throwIfAborted()
    const some = keys.slice(from, from + stateRows)
    const { states } = await store.readStates(kind, some)
    const groups = some
      .filter((_, i) => states[i] === undefined)
      .map((key) => {
        const time = featureTimeMs && { featureTimeMs: featureTimeMs(key) }
        return [{ kind, key, expected: 0, state: stateOf(key), ...time }] as const
      })
    if (groups.length === 0) continue
    const outcomes = await store.compareAndSetStates(groups)
    added += outcomes.filter((outcome) => outcome === writeOutcome.written).length
  }
  await store.flushed()
  return added
}

/** Replays a log's events before `atMs`: states, users with the time of their first event, and items. */
async function replayOf(
  store: EmbeddingStore,
  { data, join, maxBadRows = 0, option }: LogOfUsers,
  space: FeatureSpace,
  atMs: number,
  stages: TransferStages,
  signal: AbortSignal,
) {
  const { sinceForgetting } = await import('@headwater/pooling')
  const settings = { schema: space.schema, join, maxBadRows, eventsOnly: true, signal }
  const path = filesOf(data, option)
  const log = await openedLog({ ...settings, data: path }, stages)
  sayWarnings(log)
  try {
    const replay = new Replay(space)
    const users = new Map<string, number>()
    const items = new Set<string>()
    let rows = 0
    stages.begin('events', log.rows)
    for await (const events of log.events({ to: atMs })) {
      const since = await sinceForgetting(events, (some) => store.forgottenAtMs(some))
      const kept = events.filter((_, i) => since[i])
      replay.ingest(kept)
      for (const { user, item, timeMs } of kept) {
        if (!users.has(user)) users.set(user, timeMs)
        items.add(item)
      }
      rows += events.length
      stages.advance(rows)
    }
    stages.end()
    return { replay, users, items }
  } finally {
    await log.close()
  }
}

/** @throws CommandError */
function filesOf(data: string, option: string): string {
  if (!statSync(data, { throwIfNoEntry: false })?.isDirectory()) return data
  const names = readdirSync(data).filter((name) => /^[^.].*\.(parquet|csv|jsonl|ndjson)$/.test(name))
  const endings = new Set(names.map((name) => extname(name)))
  if (endings.size === 1) return join(data, `*${[...endings][0]}`)
  const what = endings.size === 0 ? 'no files of events' : `files that end on ${[...endings].sort().join(' and on ')}`
  throw new CommandError(`${option}: ${data} has ${what}; name a directory of one kind, or a glob.`)
}
