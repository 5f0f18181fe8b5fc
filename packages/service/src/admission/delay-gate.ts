/** Requests of whose time a queue is no overload: at 70 % of what a thread can do one in a thousand waits for as many. */
export const fewRequests = 8
/** How long a queue has to stand before it is one: shorter ones are bursts, which pass. */
export const intervalMs = 100

/** Of the target, that a turn's work may take while it is shed. */
const turnShare = 0.5

/**
 * Whether a request is let in, by how long it has waited. As in CoDel (RFC 8289) a wait is no overload while some request of an
 * interval waits for less than the target. Where none does, the queue stands, and nothing but latency comes of it. Then as much is
 * shed as there is too much, not a few packets as there, since callers do not slow down for it (Maurer, "Fail at Scale", ACM Queue
 * 13(8), 2015): each turn of the event loop does half a target's worth of work, and eight requests at least, and refuses what else has
 * come. So no turn waits for long for the one before it; and few callers that each wait for their answers are never refused, also
 * where others take the processor. It ends once all that came in an interval was let in.
 */
export class DelayGate {
  /** Since when all have waited for longer; infinite where one has not. */
  #overSinceMs = Number.POSITIVE_INFINITY
  #lastRefusedMs = Number.NEGATIVE_INFINITY
  #isShedding = false

  /** @param nowMs by `performance.now()` @param turnMs of the event loop's turn that lie behind @param letIn in this turn */
  letsIn(waitedMs: number, targetMs: number, nowMs: number, turnMs: number, letIn: number): boolean {
    if (nowMs - this.#lastRefusedMs > intervalMs) this.#isShedding = false
    if (!this.#isShedding) {
      this.#overSinceMs = waitedMs <= targetMs ? Number.POSITIVE_INFINITY : Math.min(this.#overSinceMs, nowMs)
      if (nowMs - this.#overSinceMs < intervalMs) return true
      this.#isShedding = true
      this.#overSinceMs = Number.POSITIVE_INFINITY
      this.#lastRefusedMs = nowMs
    }
    if (turnMs < turnShare * targetMs || letIn < fewRequests) return true
    this.#lastRefusedMs = nowMs
    return false
  }
}
