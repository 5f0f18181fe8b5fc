/**
 * Open loop: calls start at times that were fixed before, however slow the service is, and a latency counts from the time at
 * which its call should have started; so a service that stops for a second cannot hide it (no coordinated omission).
 */
import { seededRandom } from '@headwater/statistics'

export interface Arrivals {
  readonly perSecond: number
  readonly seconds: number
  /** `poisson`: independent of one another, as those of many callers are. */
  readonly kind: 'poisson' | 'constant'
  readonly seed: number
}

/** What happens to the calls of a load; times by `performance.now()`. */
export interface LoadObserver {
  /** A call has ended. */
  ended(intendedMs: number, sentMs: number, endMs: number, failure: string | null): void
  /** The load has ended, other than by its signal, before a call that was due had its answer: its latency is longer than this. */
  abandoned(intendedMs: number, endMs: number): void
  /** An arrival was noticed so much later than it was due: what the load's own process adds. */
  noticed(lateMs: number): void
}

export interface OpenLoop {
  readonly arrivals: Arrivals
  /** Calls under way at once. Those beyond wait, first come first served, and their latency grows. */
  readonly slots: number
  /** Once more wait, the load ends: what would follow is known. */
  readonly maxWaiting: number
  /** How long answers are waited for after the last arrival. */
  readonly drainMs: number
  /** Ends the load where it stands. */
  readonly signal?: AbortSignal
  /**
   * Has `look` called once more, soon: it sends what has become due. Default: by a timer of a millisecond, as the load may
   * share its processor with the service.
   */
  readonly pause?: (look: () => void) => void
  /** Starts a call; `onEnd` is called once its whole answer is there, with what failed or null; later, not at once. */
  send(onEnd: (failure: string | null) => void): void
  readonly observer: LoadObserver
}

export interface OpenLoopEnd {
  /** `overrun`: more than `maxWaiting` waited, or answers were still missing after `drainMs`. */
  readonly by: 'time' | 'overrun' | 'stopped'
  readonly sent: number
  /** Calls that were due and never sent. */
  readonly unsent: number
  /** Calls that were sent and not answered when it ended. */
  readonly unanswered: number
  readonly waitingAtMost: number
  /** Of the arrivals: without the waiting for the last answers. */
  readonly offeredMs: number
}

const byTimer = (look: () => void) => void setTimeout(look, 1)

export function runOpenLoop(loop: OpenLoop): Promise<OpenLoopEnd> {
  return new Promise((resolve) => new Running(loop, resolve).turn())
}

class Running {
  readonly #loop: OpenLoop
  readonly #resolve: (end: OpenLoopEnd) => void
  readonly #gapMs: () => number
  readonly #startMs = performance.now()
  readonly #endMs: number
  #intendedMs: number
  /** Intended times of calls that wait. */
  readonly #waiting: number[] = []
  /** Intended times of calls that were sent and are not answered, each in an object of its own. */
  readonly #underWay = new Set<{ readonly intendedMs: number }>()
  #sent = 0
  #waitingAtMost = 0
  #hasEnded = false

  constructor(loop: OpenLoop, resolve: (end: OpenLoopEnd) => void) {
    const { perSecond, seconds, kind, seed } = loop.arrivals
    const random = seededRandom(seed)
    this.#loop = loop
    this.#resolve = resolve
    this.#gapMs = () => (1_000 / perSecond) * (kind === 'constant' ? 1 : -Math.log(1 - random.nextFloat()))
    this.#endMs = this.#startMs + 1_000 * seconds
    this.#intendedMs = this.#startMs + this.#gapMs()
  }

  turn(): void {
    const { slots, maxWaiting, drainMs, signal, pause = byTimer } = this.#loop
    const nowMs = performance.now()
    if (signal?.aborted) {
      this.#end('stopped', nowMs)
      return
    }
    for (; this.#intendedMs <= nowMs && this.#intendedMs < this.#endMs; this.#intendedMs += this.#gapMs()) {
      this.#loop.observer.noticed(nowMs - this.#intendedMs)
      if (this.#underWay.size < slots) this.#send(this.#intendedMs)
      else this.#waiting.push(this.#intendedMs)
    }
    const waiting = this.#waiting.length
    this.#waitingAtMost = Math.max(this.#waitingAtMost, waiting)
    if (waiting > maxWaiting || nowMs > this.#endMs + drainMs) this.#end('overrun', nowMs)
    else if (this.#intendedMs >= this.#endMs && this.#underWay.size === 0 && waiting === 0) this.#end('time', nowMs)
    else pause(() => this.turn())
  }

  #send(intendedMs: number): void {
    const sentMs = performance.now()
    const call = { intendedMs }
    this.#underWay.add(call)
    this.#sent++
    this.#loop.send((failure) => {
      // What comes after the end belongs to no figure.
      if (this.#hasEnded) return
      this.#underWay.delete(call)
      this.#loop.observer.ended(intendedMs, sentMs, performance.now(), failure)
      const next = this.#waiting.shift()
      if (next !== undefined) this.#send(next)
    })
  }

  #end(by: OpenLoopEnd['by'], nowMs: number): void {
    this.#hasEnded = true
    if (by !== 'stopped') {
      for (const { intendedMs } of this.#underWay) this.#loop.observer.abandoned(intendedMs, nowMs)
      for (const intendedMs of this.#waiting) this.#loop.observer.abandoned(intendedMs, nowMs)
    }
    this.#resolve({
      by,
      sent: this.#sent,
      unsent: this.#waiting.length,
      unanswered: this.#underWay.size,
      waitingAtMost: this.#waitingAtMost,
      offeredMs: by === 'time' ? 1_000 * this.#loop.arrivals.seconds : Math.min(nowMs, this.#endMs) - this.#startMs,
    })
  }
}
