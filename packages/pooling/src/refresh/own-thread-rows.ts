import { batchRows, type FeatureSpace } from '@headwater/features'
import { RowError } from '@headwater/features/workers'
import type { RowEncoder } from '../contracts/row-encoder.ts'

/**
 * Encodes on the calling thread, in memory that it keeps: of two calls, so that one is read while the other is written.
 *
 * @param mostRows rows of a call at most
 */
export function ownThreadRows(space: FeatureSpace, mostRows: number): RowEncoder {
  let next = space.allocate('user', mostRows)
  let other = space.allocate('user', mostRows)
  return {
    async encodeUsers(states, nowMs) {
      const memory = next
      for (const [row, state] of states.entries())
        try {
          space.encodeUser(memory, row, state, nowMs[row])
        } catch (cause) {
          throw new RowError(row, cause as Error)
        }
      next = other
      other = memory
      return batchRows(space.user, memory, 0, states.length)
    },
  }
}
