import type { ServedBatch } from '../contracts/served-batch.ts'

/** What one read wants. U = users. */
export interface ReadOptions {
  /** The newest embedding beside the pooled one. Default: not. */
  readonly latest?: boolean
  /** The pooled vectors as `halves`, which is how the store holds them. Default: not. */
  readonly halves?: boolean
  /** Synchronous mode: how long computing may hold up the read. Default: the pooling's `deadlineMs`. */
  readonly deadlineMs?: number | undefined
  /** [U] values of the models' `segmentField`, by which users of whom nothing is held get their default; null: unknown. */
  readonly segments?: readonly (string | null)[] | undefined
  /** Names the read in the served log, so that outcomes can be joined with what was served. */
  readonly request?: string | undefined
  /** A batch that an earlier read gave, of as many users, the same models and options: it is filled anew and given again. */
  readonly into?: ServedBatch | undefined
}
