/** What has been swept out of a service's store. */
import type { Registry } from 'prom-client'
import { Figures } from '../figures/figures.ts'

/**
 * Adds what was swept to the figures of a service, as its option `alsoMetrics` has it.
 *
 * @param sweepers of `startSweeping`, one a tenant
 */
export function registerSweepMetrics(registry: Registry, sweepers: Iterable<{ readonly removed: number }>) {
  const figure = {
    name: 'headwater_store_swept_records_total',
    help: 'Records that were removed as their time was over.',
  }
  new Figures(registry).counter(figure, () => {
    let removed = 0
    for (const sweeper of sweepers) removed += sweeper.removed
    return removed
  })
}
