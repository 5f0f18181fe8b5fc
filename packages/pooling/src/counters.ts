/** Sums since the start. `reads`, `hits`, `stale` and `default` count rows: one a user and model. */
export interface PoolingCounters {
  reads: number
  /** Rows served from the store, stale ones among them. */
  hits: number
  stale: number
  default: number
  /** Events ingested. */
  events: number
  /** Offers that joined the user's waiting refresh. */
  coalesced: number
  /** Offers refused as the queue was full. */
  shed: number
  /** Embeddings that landed, one a user and model. */
  refreshes: number
  /** Embeddings that landed too late: the store held a newer one. */
  superseded: number
  /** Embeddings that the store refused, say for a NaN. */
  refused: number
  /** Embeddings lost to an encoder's or the store's failure. */
  failed: number
}

export function zeroCounters(): PoolingCounters {
  return {
    reads: 0,
    hits: 0,
    stale: 0,
    default: 0,
    events: 0,
    coalesced: 0,
    shed: 0,
    refreshes: 0,
    superseded: 0,
    refused: 0,
    failed: 0,
  }
}
