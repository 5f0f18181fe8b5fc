/** Sums since the start. `reads`, `hits`, `stale` and `default` count rows: one a user and model. */
export type PoolingCounters = ReturnType<typeof zeroCounters>

export function zeroCounters() {
  return {
    reads: 0,
    /** Rows served from the store, stale ones among them. */
    hits: 0,
    stale: 0,
    default: 0,
    /** Rows served with the default as no server of those that may hold them answered; part of `default`. */
    unavailable: 0,
    /** Rows computed in the read itself; part of `hits`. */
    computed: 0,
    /** Events ingested. */
    events: 0,
    /** Events passed over as their user's state holds their id. */
    repeated: 0,
    /** Offers that joined the user's waiting refresh. */
    coalesced: 0,
    /** Refreshes given up as the queue was full, those of the freshest users first; and users of synchronous reads, once a model. */
    shed: 0,
    /** Embeddings that were written, one a user and model. */
    refreshes: 0,
    /** Embeddings that came too late: the store held a newer one. */
    superseded: 0,
    /** Embeddings that the store refused, say for a NaN. */
    refused: 0,
    /** Embeddings that an encoder or the store failed to give; the user may be tried again. */
    failed: 0,
    /** Users put back into the queue after a failure. */
    retried: 0,
  }
}
