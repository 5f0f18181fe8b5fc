/** What has been swept out of a service's store. */
import type { Figures } from '../figures/figures.ts'

/**
 * Adds what was swept to the figures of a service, as its option `alsoMetrics` has it.
 *
 * @param sweepers of `startSweeping`, one a tenant
 */
export function registerSweepMetrics(figures: Figures, sweepers: Iterable<{ readonly removed: number }>) {
  figures.counter('headwater_store_swept_records_total', 'Records that were removed as their time was over.', () => {
    let removed = 0
    for (const sweeper of sweepers) removed += sweeper.removed
    return removed
  })
}
