/** When a served embedding learns of what its user did. */

/**
 * - `synchronous`: computed in the read, from everything strictly earlier, by the latest snapshot
 * - `asynchronous`: an event offers a refresh, which lands `refreshDelayMs` later with the features as of then
 * - `batch`: all known users are computed at every multiple of `everyMs`, a day's is at midnight UTC
 */
export type ServingPolicy =
  | { readonly kind: 'synchronous' }
  | { readonly kind: 'asynchronous'; readonly refreshDelayMs: number }
  | { readonly kind: 'batch'; readonly everyMs: number }

export interface ServingOptions {
  readonly policy: ServingPolicy
  /** From this time on nothing is computed any more: what is held is served for good. Default: never. */
  readonly frozenFromMs?: number
  /** Embeddings of different snapshots that are kept a user, the newest first. */
  readonly slots: number
}

/** As of when a batch computed at a boundary knows its users: strictly before the boundary's own events. */
export function batchFeatureMs(timeMs: number, everyMs: number): number {
  return Math.floor(timeMs / everyMs) * everyMs - 1
}
