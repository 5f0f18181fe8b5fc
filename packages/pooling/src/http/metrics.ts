import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Pooling } from '../pooling.ts'

/** A server's figures, in a registry of its own. Those of poolings are their sums over the tenants. */
export class Metrics {
  readonly registry = new Registry()
  readonly #read: Histogram
  readonly #request: Histogram<'route' | 'status'>
  readonly #rejected: Counter<'code'>

  constructor(poolings: readonly Pooling[], models: readonly string[], underWay: () => number) {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    this.#read = new Histogram({
      name: 'headwater_read_duration_seconds',
      help: 'Time of a pooled read, from the parsed request to the served batch.',
      buckets: [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5, 1],
      registers,
    })
    this.#request = new Histogram({
      name: 'headwater_request_duration_seconds',
      help: 'Time from the arrival of a request to the end of its answer.',
      labelNames: ['route', 'status'],
      buckets: [5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    })
    this.#rejected = new Counter({
      name: 'headwater_requests_failed_total',
      help: 'Requests that were answered with an error, by its code.',
      labelNames: ['code'],
      registers,
    })
    const sum = (of: (pooling: Pooling) => number) => poolings.reduce((total, pooling) => total + of(pooling), 0)
    const counter = (
      name: string,
      help: string,
      value: () => Readonly<Record<string, number>> | number,
      label = '',
    ) => {
      new Counter({
        name,
        help,
        labelNames: label === '' ? [] : [label],
        registers,
        collect() {
          this.reset()
          const now = value()
          if (typeof now === 'number') this.inc(now)
          else for (const [key, count] of Object.entries(now)) this.inc({ [label]: key }, count)
        },
      })
    }
    const gauge = (name: string, help: string, value: () => number) => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value())
        },
      })
    }
    counter(
      'headwater_rows_served_total',
      'Rows served, one a user and model, by how they were found.',
      () => ({
        fresh: sum(({ counters }) => counters.hits - counters.stale),
        stale: sum(({ counters }) => counters.stale),
        default: sum(({ counters }) => counters.default),
      }),
      'status',
    )
    counter(
      'headwater_refreshes_total',
      'Refreshed embeddings, one a user and model, by what became of them.',
      () => ({
        landed: sum(({ counters }) => counters.refreshes),
        superseded: sum(({ counters }) => counters.superseded),
        refused: sum(({ counters }) => counters.refused),
        failed: sum(({ counters }) => counters.failed),
      }),
      'outcome',
    )
    counter('headwater_events_total', 'Events ingested.', () => sum(({ counters }) => counters.events))
    counter('headwater_offers_shed_total', 'Refreshes refused as the queue was full.', () =>
      sum(({ counters }) => counters.shed),
    )
    counter('headwater_offers_coalesced_total', 'Offers that joined a waiting refresh of their user.', () =>
      sum(({ counters }) => counters.coalesced),
    )
    gauge('headwater_refresh_queue_users', 'Users that wait for a refresh.', () => sum(({ waiting }) => waiting))
    gauge('headwater_refreshes_due', 'Refreshes that should have landed by now.', () => sum(({ due }) => due))
    gauge('headwater_requests_under_way', 'Requests that are not answered yet.', underWay)
    new Gauge({
      name: 'headwater_snapshot',
      help: 'Number of the snapshot that refreshes go through.',
      labelNames: ['model'],
      registers,
      collect() {
        for (const model of models) {
          const snapshot = poolings[0]?.latest(model)?.snapshot
          if (snapshot !== undefined) this.set({ model }, snapshot)
        }
      },
    })
    new Gauge({
      name: 'headwater_snapshot_data_cutoff_timestamp_seconds',
      help: 'Time before which the events lie that the snapshot was trained on.',
      labelNames: ['model'],
      registers,
      collect() {
        for (const model of models) {
          const cutoffMs = poolings[0]?.latest(model)?.dataCutoffMs
          if (cutoffMs !== undefined) this.set({ model }, cutoffMs / 1000)
        }
      },
    })
  }

  readEnded(ms: number): void {
    this.#read.observe(ms / 1000)
  }

  requestEnded(route: string, status: number, ms: number): void {
    this.#request.observe({ route, status }, ms / 1000)
  }

  requestFailed(code: string): void {
    this.#rejected.inc({ code })
  }
}
