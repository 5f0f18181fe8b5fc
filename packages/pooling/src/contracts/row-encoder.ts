import type { SideBatch } from '@headwater/features'

/** Turns users' states into rows of features. `RowWorkers` of `@headwater/features/workers` does so in threads of its own. */
export interface RowEncoder {
  /**
   * @param states R of them
   * @param nowMs [R] times as of which they are read, milliseconds since 1970
   * @returns R rows, in memory that the next but one call which returns may use again; in synchronous mode, whose calls do
   *   not wait for each other, in memory of their own
   * @throws RowError for the first row that cannot be encoded
   */
  encodeUsers(states: readonly Uint8Array[], nowMs: readonly number[]): Promise<SideBatch>
}
