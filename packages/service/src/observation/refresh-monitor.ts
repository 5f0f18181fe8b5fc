import type { PoolingObserver } from '@headwater/pooling'
import type { Span } from '@opentelemetry/api'
import { isStoreFailure } from '../failures/failure.ts'
import type { Figures } from '../figures/figures.ts'
import { type BucketCounts, Histograms } from '../figures/histograms.ts'
import { RefreshSpans } from './refresh-spans.ts'

const durationBounds = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10]
const freshnessBounds = [5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800]
const missedBounds = [0.1, 0.5, 1, 5, 10, 60, 300, 1_800, 3_600, 21_600, 86_400, 604_800]
const rowBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]

/**
 * Figures and spans of refreshes. Poolings are made with its observers, one a tenant, and the server over them is given it.
 */
export class RefreshMonitor {
  readonly #freshness = new Histograms(
    'headwater_refresh_freshness_seconds',
    'Time from the arrival of the event, features or read that asked for a refresh until it was written.',
    freshnessBounds,
  )
  readonly #missedFreshness = new Histograms(
    'headwater_refresh_missed_freshness_seconds',
    'Time from the arrival of an event or features whose refresh was shed or given up until the next was written.',
    missedBounds,
  )
  readonly #encode = new Histograms(
    'headwater_refresh_encode_duration_seconds',
    'Time that a batch of refreshes took in the encoder.',
    durationBounds,
    ['model'],
  )
  readonly #append = new Histograms(
    'headwater_refresh_append_duration_seconds',
    'Time that a batch of refreshes took to be written.',
    durationBounds,
    ['model'],
  )
  readonly #rows = new Histograms('headwater_refresh_batch_rows', 'Users of a batch of refreshes.', rowBounds, [
    'model',
  ])
  /** By tenant. */
  readonly #written = new Map<string, BucketCounts>()
  readonly #spans = new RefreshSpans()
  /** Batches that the store failed. */
  storeErrors = 0

  /** Seconds that a tenant's refreshes took until they were written, those that were missed before left out; null where its pooling tells nothing. */
  freshnessOf(tenant: string): BucketCounts | null {
    return this.#written.get(tenant) ?? null
  }

  /** What a tenant's pooling tells. */
  observer(tenant: string): PoolingObserver {
    const written = this.#written.get(tenant) ?? this.#freshness.part()
    this.#written.set(tenant, written)
    const missed = this.#missedFreshness.of()
    return {
      refreshed: (batch) => {
        this.#encode.of(batch.model).add(batch.encodeMs / 1000)
        this.#append.of(batch.model).add(batch.appendMs / 1000)
        this.#rows.of(batch.model).add(batch.rows)
        this.#spans.refreshed(tenant, batch)
      },
      written: (freshnessMs, wasMissed) => (wasMissed ? missed : written).add(freshnessMs / 1000),
      failed: (batch) => {
        if (isStoreFailure(batch.error)) this.storeErrors++
        this.#spans.failed(tenant, batch)
      },
      forgotten: (user) => this.#spans.forget(tenant, user),
    }
  }

  /** The refreshes that a request asks for are linked to its span. */
  offeredBy(tenant: string, users: readonly string[], span: Span | undefined): void {
    if (span?.isRecording()) this.#spans.offered(tenant, users, span.spanContext())
  }

  register(figures: Figures): void {
    for (const histograms of [this.#freshness, this.#missedFreshness, this.#encode, this.#append, this.#rows])
      figures.add(histograms)
  }
}
