import { batchRows, type FeatureSpace, type SideBatch } from '@headwater/features'
import { RowError } from '@headwater/features/workers'

/** Turns users' states into rows of features. `RowWorkers` of `@headwater/features/workers` does so in threads of its own. */
export interface RowEncoder {
  /**
   * @param states R of them
   * @param nowMs [R] times as of which they are read, milliseconds since 1970
   * @returns R rows, in memory that the next call may use again
   * @throws RowError for the first row that cannot be encoded
   */
  encodeUsers(states: readonly Uint8Array[], nowMs: readonly number[]): Promise<SideBatch>
}

/** Encodes on the calling thread, in memory that it keeps. */
export class OwnThreadRows implements RowEncoder {
  readonly #space: FeatureSpace
  readonly #memory: SideBatch

  /** @param batchRows rows of a call at most */
  constructor(space: FeatureSpace, batchRows: number) {
    this.#space = space
    this.#memory = space.allocate('user', batchRows)
  }

  async encodeUsers(states: readonly Uint8Array[], nowMs: readonly number[]): Promise<SideBatch> {
    for (const [row, state] of states.entries())
      try {
        this.#space.encodeUser(this.#memory, row, state, nowMs[row])
      } catch (cause) {
        throw new RowError(row, cause as Error)
      }
    return batchRows(this.#space.user, this.#memory, 0, states.length)
  }
}
