/** Figures of poolings and of the store beneath, summed over the tenants. */
import type { PoolingCounters } from '@headwater/pooling'
import type { Figures } from '../figures/figures.ts'
import type { ServedTenant } from '../options/server-options.ts'

export function addPoolingFigures(figures: Figures, tenants: readonly ServedTenant[]): void {
  const poolings = tenants.map(({ pooling }) => pooling)
  const sum = (of: (counters: Readonly<PoolingCounters>) => number) =>
    poolings.reduce((total, { counters }) => total + of(counters), 0)
  figures.counters(
    'headwater_rows_served_total',
    'Rows served, one a user and model, by how they were found.',
    ['status'],
    () => [
      [['fresh'], sum(({ hits, stale }) => hits - stale)],
      [['stale'], sum(({ stale }) => stale)],
      // Rows that were unavailable were answered with the default, too.
      [['default'], sum((counters) => counters.default - counters.unavailable)],
      [['unavailable'], sum(({ unavailable }) => unavailable)],
    ],
  )
  figures.counters(
    'headwater_refreshes_total',
    'Refreshed embeddings, one a user and model, by what became of them.',
    ['outcome'],
    () => [
      [['landed'], sum(({ refreshes }) => refreshes)],
      [['superseded'], sum(({ superseded }) => superseded)],
      [['refused'], sum(({ refused }) => refused)],
      [['failed'], sum(({ failed }) => failed)],
    ],
  )
  const counters = [
    ['headwater_events_total', 'Events ingested.', 'events'],
    ['headwater_events_repeated_total', 'Events passed over, as their ids were known.', 'repeated'],
    ['headwater_offers_shed_total', 'Refreshes refused as the queue was full.', 'shed'],
    ['headwater_offers_coalesced_total', 'Offers that joined a waiting refresh of their user.', 'coalesced'],
    ['headwater_refreshes_retried_total', 'Refreshes that were put back after a failure.', 'retried'],
  ] as const
  for (const [name, help, key] of counters) figures.counter(name, help, () => sum((each) => each[key]))
  figures.gauge('headwater_refresh_queue_users', 'Users that wait for a refresh.', () =>
    poolings.reduce((total, { waiting }) => total + waiting, 0),
  )
  figures.gauge(
    'headwater_refresh_queue_oldest_age_seconds',
    'How long the user waits who waits longest; 0: none.',
    () =>
      poolings.reduce(
        (longest, { oldestOfferMs, clock }) => Math.max(longest, (clock.now() - (oldestOfferMs ?? clock.now())) / 1000),
        0,
      ),
  )
  figures.gauge('headwater_refreshes_due', 'Refreshes that should have been written by now.', () =>
    poolings.reduce((total, { due }) => total + due, 0),
  )
  // All tenants share one store.
  const { store } = tenants[0]
  if (store.sizeBytes() !== null) {
    figures.gauge('headwater_store_bytes', 'What the store takes, of all tenants.', () => Number(store.sizeBytes()))
  }
}
