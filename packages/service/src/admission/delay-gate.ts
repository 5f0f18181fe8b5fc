/** Requests of whose time a queue is no overload: at 70 % of what a thread can do one in a thousand waits for as many. */
export const fewRequests = 8
/** How long a queue has to stand before it is one: shorter ones are bursts, which pass. */
export const intervalMs = 100

/**
 * Whether a request is let in, by how long it has waited. As in CoDel (RFC 8289) a wait is no overload while some request of an
 * interval waits for less than the target. Where none does, the queue stands, and nothing but latency comes of it: then all that has
 * waited for longer is shed, not a few packets as there, since callers do not slow down for it (Maurer, "Fail at Scale", ACM Queue
 * 13(8), 2015), until an interval has passed in which none had. But each turn of the event loop begins with a target's worth of
 * work, and with eight requests, whatever they have waited: a wait is known to a turn alone, and in a turn that is long by its refusals
 * all would be too late. So few callers that each wait for their answers are never refused, also where others take the processor.
 */
export class DelayGate {
  /** Since when all have waited for longer; infinite where one has not. */
  #overSinceMs = Number.POSITIVE_INFINITY
  #lastOverMs = 0
  #isShedding = false

  /** @param nowMs by `performance.now()` @param turnMs of the event loop's turn that lie behind @param letIn in this turn */
  letsIn(waitedMs: number, targetMs: number, nowMs: number, turnMs: number, letIn: number): boolean {
    if (waitedMs <= targetMs) {
      this.#overSinceMs = Number.POSITIVE_INFINITY
      if (nowMs - this.#lastOverMs > intervalMs) this.#isShedding = false
      return true
    }
    this.#lastOverMs = nowMs
    this.#overSinceMs = Math.min(this.#overSinceMs, nowMs)
    if (nowMs - this.#overSinceMs >= intervalMs) this.#isShedding = true
    return !this.#isShedding || turnMs < targetMs || letIn < fewRequests
  }
}
