import type { LogEvent } from '@headwater/features'

/** Keeps events for training, in the order in which they are applied. */
export interface EventLog {
  /**
   * Resolves once the events are durable. An `ingest` that it is called from rejects where it does, with no event applied.
   * An event whose ingest failed afterwards comes again, with the same id where it has one.
   *
   * @param forgottenAtMs when users were last forgotten, −Infinity for those who were not. A log from which users are removed
   *   asks just before it writes, with no removal in between, and leaves out events of that time or before: a user who was
   *   forgotten since the call is not to get in behind the removal
   */
  append(events: readonly LogEvent[], forgottenAtMs: (users: readonly string[]) => Promise<Float64Array>): Promise<void>
  /** Rejects with what an append would meet now, as far as it can be told without one. Absent: it is not told. */
  checkWritable?(): Promise<void>
}
