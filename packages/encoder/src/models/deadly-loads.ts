import { EncoderDiedError, SnapshotRefusedError } from '@headwater/pooling'

/** In a row; a process may die once for reasons that are none of the snapshot's. */
const mostDeaths = 3

/**
 * Loads with which the encoder's process ended. That process computes the served snapshot too, so one with which it ends
 * each time is not tried for ever.
 */
export class DeadlyLoads {
  #snapshot: number | null = null
  #deaths = 0

  /** The error that a failed load is reported as: its cause, or that the snapshot is refused for having ended the process too often. */
  judge(snapshot: number, cause: unknown): unknown {
    if (!(cause instanceof EncoderDiedError)) return cause
    this.#deaths = snapshot === this.#snapshot ? this.#deaths + 1 : 1
    this.#snapshot = snapshot
    if (this.#deaths < mostDeaths) return cause
    this.#snapshot = null
    return new SnapshotRefusedError(
      `snapshot ${snapshot} ended the encoder ${mostDeaths} times in a row when it was loaded (${cause.message}), and is not tried again; the one before is served on. Publish another, or start the server again to try it once more.`,
    )
  }
}
