import type { LogEvent } from '@headwater/features'
import type { Span } from '@opentelemetry/api'
import type { Registry } from 'prom-client'
import type { PoolingObserver } from '../observer.ts'
import { isStoreFailure } from './failure.ts'
import { Histograms } from './metrics/histograms.ts'
import { RefreshSpans } from './refresh-spans.ts'

const durationBounds = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10]
const freshnessBounds = [5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800]
const rowBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]

/**
 * Figures and spans of refreshes. Poolings are made with its observers, one a tenant, and the server over them is given it.
 */
export class RefreshMonitor {
  readonly #freshness = new Histograms({
    name: 'headwater_refresh_freshness_seconds',
    help: 'Time from the offer of a refresh to its landing in all models.',
    bounds: freshnessBounds,
  })
  readonly #encode = new Histograms({
    name: 'headwater_refresh_encode_duration_seconds',
    help: 'Time that a batch of refreshes took in the encoder.',
    labels: ['model'],
    bounds: durationBounds,
  })
  readonly #append = new Histograms({
    name: 'headwater_refresh_append_duration_seconds',
    help: 'Time that a batch of refreshes took to be written.',
    labels: ['model'],
    bounds: durationBounds,
  })
  readonly #rows = new Histograms({
    name: 'headwater_refresh_batch_rows',
    help: 'Users of a batch of refreshes.',
    labels: ['model'],
    bounds: rowBounds,
  })
  readonly #landed = this.#freshness.of()
  readonly #spans = new RefreshSpans()
  #storeErrors = 0

  /** Batches that the store failed. */
  get storeErrors(): number {
    return this.#storeErrors
  }

  /** What a tenant's pooling tells. */
  observer(tenant: string): PoolingObserver {
    return {
      refreshed: (batch) => {
        this.#encode.of(batch.model).add(batch.encodeMs / 1000)
        this.#append.of(batch.model).add(batch.appendMs / 1000)
        this.#rows.of(batch.model).add(batch.rows)
        this.#spans.refreshed(tenant, batch)
      },
      landed: (freshnessMs) => this.#landed.add(freshnessMs / 1000),
      failed: (_model, _rows, error) => {
        if (isStoreFailure(error)) this.#storeErrors++
      },
    }
  }

  /** The refreshes that these events offer are linked to the span of their request. */
  offeredBy(tenant: string, events: readonly LogEvent[], span: Span | undefined): void {
    if (span?.isRecording()) this.#spans.offered(tenant, events, span.spanContext())
  }

  register(registry: Registry): void {
    for (const histograms of [this.#freshness, this.#encode, this.#append, this.#rows]) histograms.register(registry)
  }
}
