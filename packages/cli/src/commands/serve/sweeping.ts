/** Removes what has expired from tenants' parts of the store, beside the reads. */
import type { Sweeper, SweeperOptions } from '@headwater/store'
import type { ServeOptions } from './options.ts'
import type { ServeTenant } from './tenants.ts'

/**
 * Removes tombstones past their retention, and with `--time-to-live` embeddings that are no longer served. A server with
 * `--role read` leaves this to the workers.
 */
export async function startServeSweeping(
  { timeToLive, role }: ServeOptions,
  tenants: ReadonlyMap<string, ServeTenant>,
  models: Iterable<string>,
  { clock, onError }: Required<Pick<SweeperOptions, 'clock' | 'onError'>>,
  closers: (() => Promise<void>)[],
): Promise<readonly Sweeper[]> {
  if (role === 'read') return []
  const { startSweeping } = await import('@headwater/store')
  const expiring = timeToLive === undefined ? [] : [...models].map((model) => ({ model, timeToLiveMs: timeToLive }))
  const sweepers = [...tenants.values()].map(({ store }) => startSweeping(store, { models: expiring, clock, onError }))
  closers.push(async () => {
    await Promise.all(sweepers.map((sweeper) => sweeper.stop()))
  })
  return sweepers
}
