import type { LogEvent, Schema } from '@headwater/features'
import type { BadRow } from './log-error.ts'

/** Times in milliseconds since 1970: `from` is included, `to` is not. */
export interface TimeRange {
  from?: number
  to?: number
}

/** A validated log of events in time order; equal times keep the order of the files and of the rows in them. */
export interface Log {
  readonly name: string
  readonly schema: Schema
  /** Number of events; skipped rows do not count. */
  readonly rows: number
  /** Bad rows that `maxBadRows` let pass. */
  readonly skippedRows: number
  /** The first of the skipped rows, ten at most. */
  readonly badRows: readonly BadRow[]
  /** What is legal and still may be a mistake, a sentence each: repeated rows, columns of one value, times far from all others. */
  readonly warnings: readonly string[]
  /** Times of the first and the last event. */
  readonly timeRange: { readonly firstMs: number; readonly lastMs: number }
  /**
   * Streams the events of a time range in chunks of at most 2,048. Any number of streams may run side by side, and
   * leaving a loop over one early releases what it holds.
   * @throws LogError once the log is closed
   */
  events(range?: TimeRange): AsyncIterable<LogEvent[]>
  /** Releases memory and temporary files. Idempotent. */
  close(): Promise<void>
}

/** Events in a chunk, at most. */
export const maxChunkEvents = 2048
