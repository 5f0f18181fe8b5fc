/** `--backfill`: a server that gives every user an embedding before it answers. */
import type { FeatureSpace } from '@headwater/features'
import type { EmbeddingStore } from '@headwater/store'
import { CommandError } from '../../arguments/command-error.ts'
import { dataArgument } from '../../arguments/log-options.ts'
import { count } from '../../terminal/format.ts'
import { type Progress, progressOn } from '../../terminal/progress.ts'
import { computeUsers, countUsers } from '../backfill/compute-users.ts'
import { noneYet, passedOverLines } from '../backfill/counts.ts'
import { addStatesOfLog, statesOfStore } from '../backfill/states.ts'
import type { ServeModel } from './models.ts'
import type { ServeOptions } from './options.ts'
import type { Serving } from './report.ts'
import type { ServeTenant } from './tenants.ts'

/** Users whose embeddings are looked for together. */
const lookedUsers = 1_000

/** @throws CommandError */
export function checkBackfill({ backfill, role, join }: ServeOptions): void {
  if (backfill !== undefined && role === 'read')
    throw new CommandError('--backfill needs an encoder, which --role read has not; give it to the workers.')
  if (join.length > 0 && typeof backfill !== 'string')
    throw new CommandError("--join is of --backfill's log; name the log too, as in --backfill log.csv.")
}

/**
 * Gives each user without an embedding one, of all that the store has states of; with a log, its users get states first where
 * they have none. So it computes only what is missing, and a start after a stop or a crash goes on from there.
 *
 * @returns false where the server was stopped meanwhile
 * @throws CommandError, LogError, ReplayMemoryError; errors of the store
 */
export async function backfillTenants(
  serving: Serving,
  tenants: ReadonlyMap<string, ServeTenant>,
  models: ReadonlyMap<string, ServeModel>,
  space: FeatureSpace,
): Promise<boolean> {
  const { options, say, stopped } = serving
  const { backfill: log, join, maxBadRows } = options
  if (typeof log === 'string' && tenants.size > 1)
    throw new CommandError("--backfill: a log's users are of one tenant, and several are served; leave the log out.")
  const stages = progressOn(process.stdout)
  try {
    for (const tenant of tenants.values()) {
      if (typeof log === 'string') {
        const { data } = await dataArgument(log)
        const added = await addStatesOfLog(
          tenant.store,
          { data, join, maxBadRows, option: '--backfill' },
          space,
          stages,
          stopped,
        )
        if (added > 0) say(`${count(added)} users of ${log} are new to the store.`)
      }
      await backfillTenant(serving, tenant, models, space, stages)
    }
    return true
  } catch (error) {
    if (!stopped.aborted) throw error
    say('Stopped in the backfill: what was computed stays, and the same command goes on from there.')
    return false
  } finally {
    stages.close()
  }
}

async function backfillTenant(
  { say, stopped: signal }: Serving,
  { store, pooling }: ServeTenant,
  models: ReadonlyMap<string, ServeModel>,
  space: FeatureSpace,
  stages: Progress,
): Promise<void> {
  const atMs = pooling.clock.now()
  const counts = noneYet()
  const states = await statesOfStore(store, space, atMs)
  stages.begin('backfill', await countUsers(store))
  const users = usersWithout(store, models, (looked) => stages.advance(looked))
  await computeUsers({ pooling, store, users, atMs, states, counts, signal, onSlice: () => {} })
  stages.end()
  const { users: missing, refreshed } = counts
  say(missing === 0 ? 'Every user has an embedding.' : `${count(refreshed)} of ${count(missing)} users computed.`)
  for (const line of passedOverLines(counts)) say(line)
}

/** Users with a state who lack an embedding of one of the models. */
async function* usersWithout(
  store: EmbeddingStore,
  models: ReadonlyMap<string, ServeModel>,
  onLooked: (users: number) => void,
): AsyncGenerator<string> {
  const { createReadBuffer, readStatus } = await import('@headwater/store')
  const wanted = [...models].map(([model, { dim }]) => ({ model, dim }))
  let looked = 0
  const missing = async (users: readonly string[]) => {
    const buffer = createReadBuffer(users.length, wanted)
    await store.read({ users, models: wanted.map(({ model }) => ({ model })) }, buffer)
    looked += users.length
    onLooked(looked)
    return users.filter((_, u) => buffer.models.some(({ status }) => status[u] === readStatus.missing))
  }
  let slice: string[] = []
  for await (const user of store.keys('user')) {
    slice.push(user)
    if (slice.length < lookedUsers) continue
    yield* await missing(slice)
    slice = []
  }
  if (slice.length > 0) yield* await missing(slice)
}
