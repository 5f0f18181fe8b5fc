/** Sums since the start. `reads`, `hits`, `stale` and `default` count rows: one a user and model. */
export interface PoolingCounters {
  reads: number
  /** Rows served from the store, stale ones among them. */
  hits: number
  stale: number
  default: number
  /** Rows served with the default as no server of those that may hold them answered; part of `default`. */
  unavailable: number
  /** Rows computed in the read itself; part of `hits`. */
  computed: number
  /** Events ingested. */
  events: number
  /** Events passed over as their user's state holds their id. */
  repeated: number
  /** Offers that joined the user's waiting refresh. */
  coalesced: number
  /** Refreshes given up as the queue was full, those of the freshest users first; and users of synchronous reads, once a model. */
  shed: number
  /** Embeddings that were written, one a user and model. */
  refreshes: number
  /** Embeddings that came too late: the store held a newer one. */
  superseded: number
  /** Embeddings that the store refused, say for a NaN. */
  refused: number
  /** Embeddings that an encoder or the store failed to give; the user may be tried again. */
  failed: number
  /** Users put back into the queue after a failure. */
  retried: number
}

export function zeroCounters(): PoolingCounters {
  return {
    reads: 0,
    hits: 0,
    stale: 0,
    default: 0,
    unavailable: 0,
    computed: 0,
    events: 0,
    repeated: 0,
    coalesced: 0,
    shed: 0,
    refreshes: 0,
    superseded: 0,
    refused: 0,
    failed: 0,
    retried: 0,
  }
}
