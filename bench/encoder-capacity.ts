/** What an encoder can do, as the time tells that its batches take: a machine's speed changes from second to second. */

/** What it does that always has work. */
export interface Saturated {
  readonly refreshesPerSecond: number
  /** Of the encoder's time for a batch, which takes as long however many rows of it are filled. */
  readonly batchMs: number
}

/** Refreshes a second of an encoder that always has work, where its batches take so long. */
export function capacityAt(batchMs: number, saturated: Saturated): number {
  return (saturated.refreshesPerSecond * saturated.batchMs) / batchMs
}

/** So many a second; or such a share of what the encoder can do, as its last batches tell. */
export type EventRate = { readonly perSecond: number } | { readonly share: number; readonly of: Saturated }
