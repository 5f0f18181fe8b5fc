/** When a served embedding learns of what its user did. */

/**
 * - `synchronous`: computed in the read, from everything strictly earlier, by the latest snapshot
 * - `asynchronous`: an event offers a refresh, which can be read `refreshDelayMs` later, with the features as of then
 * - `batch`: all known users are computed at every multiple of `everyMs`, a day's is at midnight UTC
 */
export type ServingPolicy =
  | { readonly kind: 'synchronous' }
  | { readonly kind: 'asynchronous'; readonly refreshDelayMs: number }
  | { readonly kind: 'batch'; readonly everyMs: number }

/** As of when a batch computed at a boundary knows its users: strictly before the boundary's own events. */
export function batchFeatureMs(timeMs: number, everyMs: number): number {
  return Math.floor(timeMs / everyMs) * everyMs - 1
}
