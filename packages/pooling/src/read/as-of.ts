import { AsOfError } from '../contracts/errors.ts'
import { type ServedBatch, servedStatus } from '../contracts/served-batch.ts'

/**
 * Checks that everything served was known strictly before a time: each vector's feature time, and its snapshot's data
 * cut-off. Scores are a poor guard against leaks; this is the guard.
 *
 * @param dataCutoffMs cut-off of a model's snapshot; undefined where it is not known, which is an error too
 * @throws AsOfError
 */
export function assertAsOf(
  served: ServedBatch,
  beforeMs: number,
  dataCutoffMs: (model: string, snapshot: number) => number | undefined,
): void {
  for (const { model, status, snapshot, featureTimeMs } of served.models) {
    for (let row = 0; row < served.users.length; row++) {
      if (status[row] === servedStatus.default) continue
      const cutoffMs = dataCutoffMs(model, snapshot[row])
      const where = `model "${model}", row ${row}, snapshot ${snapshot[row]}`
      if (!(featureTimeMs[row] < beforeMs)) {
        throw new AsOfError(`${where}: features of ${featureTimeMs[row]} are not strictly before ${beforeMs}`)
      }
      // A cut-off is exclusive: events before it, at most, were trained on.
      if (cutoffMs === undefined || cutoffMs > beforeMs) {
        throw new AsOfError(`${where}: data cut-off ${cutoffMs ?? 'unknown'} is not known to be by ${beforeMs}`)
      }
    }
  }
}
