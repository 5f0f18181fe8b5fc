import { batchRows, type FeatureSpace, type SideBatch } from '@headwater/features'
import { RowError } from '@headwater/features/workers'
import type { RowEncoder } from '../contracts/row-encoder.ts'

/** Encodes on the calling thread, in memory that it keeps: of two calls, so that one is read while the other is written. */
export class OwnThreadRows implements RowEncoder {
  readonly #space: FeatureSpace
  #next: SideBatch
  #other: SideBatch

  /** @param batchRows rows of a call at most */
  constructor(space: FeatureSpace, batchRows: number) {
    this.#space = space
    this.#next = space.allocate('user', batchRows)
    this.#other = space.allocate('user', batchRows)
  }

  async encodeUsers(states: readonly Uint8Array[], nowMs: readonly number[]): Promise<SideBatch> {
    const memory = this.#next
    for (const [row, state] of states.entries())
      try {
        this.#space.encodeUser(memory, row, state, nowMs[row])
      } catch (cause) {
        throw new RowError(row, cause as Error)
      }
    this.#next = this.#other
    this.#other = memory
    return batchRows(this.#space.user, memory, 0, states.length)
  }
}
