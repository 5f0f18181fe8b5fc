import { performance } from 'node:perf_hooks'

/** A loop that has slept for longer had nothing to do: a look that finds something at once takes a part of this. */
const sleepMs = 0.1
/** Of a turn in the average. */
const smoothing = 1 / 16

/**
 * How long a request may have waited for the event loop. Until the loop comes to it, it lies in its connection, where nobody sees
 * it; but the loop takes all that has come at once, turn by turn, so it came after the turn before had begun, and where the loop has
 * slept since then, just now.
 */
export class LoopWait {
  /** When the last turn that came to a request began. */
  #startMs = performance.now()
  /** What the loop comes to in this turn came later. */
  #sinceMs = this.#startMs
  /** Of the loop since its start, as of the end of that turn. */
  #idleMs = 0
  #isTurn = false
  #letIn = 0
  #serviceMs = 0

  /** How long the loop has been busy for a request that was let in, on average over the last turns. */
  get serviceMs(): number {
    return this.#serviceMs
  }

  /** Requests of this turn that were let in. */
  get letInCount(): number {
    return this.#letIn
  }

  letIn(): void {
    this.#letIn++
  }

  /** When the turn began in which the loop came to a request last: by then it was there. */
  get turnMs(): number {
    return this.#startMs
  }

  /** At most so long, of a request that the loop comes to now. @param nowMs by `performance.now()` */
  waitedMs(nowMs: number): number {
    if (!this.#isTurn) this.#begin(nowMs)
    return nowMs - this.#sinceMs
  }

  #begin(nowMs: number): void {
    this.#sinceMs = performance.nodeTiming.idleTime - this.#idleMs > sleepMs ? nowMs : this.#startMs
    this.#startMs = nowMs
    this.#isTurn = true
    setImmediate(this.#end)
  }

  /** Immediates come once the loop is through with all that it found. */
  readonly #end = () => {
    this.#isTurn = false
    this.#idleMs = performance.nodeTiming.idleTime
    if (this.#letIn === 0) return
    const serviceMs = (performance.now() - this.#startMs) / this.#letIn
    this.#serviceMs += smoothing * (serviceMs - this.#serviceMs)
    this.#letIn = 0
  }
}
