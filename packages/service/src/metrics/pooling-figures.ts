/** Figures of poolings and of the store beneath, summed over the tenants. */
import type { Pooling, PoolingCounters } from '@headwater/pooling'
import type { Figures } from '../figures/figures.ts'
import type { ServedTenant } from '../options/server-options.ts'

export function addPoolingFigures(figures: Figures, tenants: readonly ServedTenant[]): void {
  const sum = (of: (pooling: Pooling) => number) => tenants.reduce((total, { pooling }) => total + of(pooling), 0)
  const count = (of: (counters: Readonly<PoolingCounters>) => number) => sum(({ counters }) => of(counters))
  figures.counters(
    'headwater_rows_served_total',
    'Rows served, one a user and model, by how they were found.',
    ['status'],
    () => [
      [['fresh'], count(({ hits, stale }) => hits - stale)],
      [['stale'], count(({ stale }) => stale)],
      // Rows that were unavailable were answered with the default, too.
      [['default'], count((counters) => counters.default - counters.unavailable)],
      [['unavailable'], count(({ unavailable }) => unavailable)],
    ],
  )
  const outcomes = { landed: 'refreshes', superseded: 'superseded', refused: 'refused', failed: 'failed' } as const
  figures.counters(
    'headwater_refreshes_total',
    'Refreshed embeddings, one a user and model, by what became of them.',
    ['outcome'],
    () => Object.entries(outcomes).map(([outcome, key]) => [[outcome], count((counters) => counters[key])]),
  )
  const counters = [
    ['headwater_events_total', 'Events ingested.', 'events'],
    ['headwater_events_repeated_total', 'Events passed over, as their ids were known.', 'repeated'],
    ['headwater_offers_shed_total', 'Refreshes refused as the queue was full.', 'shed'],
    ['headwater_offers_coalesced_total', 'Offers that joined a waiting refresh of their user.', 'coalesced'],
    ['headwater_refreshes_retried_total', 'Refreshes that were put back after a failure.', 'retried'],
  ] as const
  for (const [name, help, key] of counters) figures.counter(name, help, () => count((each) => each[key]))
  figures.gauge('headwater_refresh_queue_users', 'Users that wait for a refresh.', () => sum(({ waiting }) => waiting))
  figures.gauge(
    'headwater_refresh_queue_oldest_age_seconds',
    'How long the user waits who waits longest; 0: none.',
    () => Math.max(...tenants.map(({ pooling }) => oldestSeconds(pooling))),
  )
  figures.gauge('headwater_refreshes_due', 'Refreshes that should have been written by now.', () =>
    sum(({ due }) => due),
  )
  figures.gauge(
    'headwater_late_item_events',
    'Events that their users have, and whose items wait for a server that takes no writes.',
    () => sum(({ lateItems }) => lateItems.size),
  )
  figures.counter('headwater_late_item_events_dropped_total', 'Such events that their items were never given.', () =>
    sum(({ lateItems }) => lateItems.dropped),
  )
  // All tenants share one store.
  const { store } = tenants[0]
  if (store.sizeBytes() !== null) {
    figures.gauge('headwater_store_bytes', 'What the store takes, of all tenants.', () => Number(store.sizeBytes()))
  }
}

/** How long the user waits who waits longest; 0 where none does. */
export function oldestSeconds({ clock, oldestOfferMs }: Pooling): number {
  return oldestOfferMs === undefined ? 0 : Math.max(0, clock.now() - oldestOfferMs) / 1000
}
