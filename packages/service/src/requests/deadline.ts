import type { IncomingHttpHeaders } from 'node:http'
import { WireError } from '@headwater/client/wire'

/** Milliseconds that the caller gives a request, counted from its arrival. */
export const deadlineHeader = 'x-deadline-ms'

/** @throws WireError `invalid_request` */
export function deadlineOf(headers: IncomingHttpHeaders): number | undefined {
  const header = headers[deadlineHeader]
  if (header === undefined) return undefined
  const givenMs = Number(header)
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header) || givenMs < 1) {
    throw new WireError('invalid_request', `${deadlineHeader} is no number of milliseconds; give 1 or more`)
  }
  return givenMs
}

/** Work that has a deadline. */
export abstract class Waiting {
  /** Its neighbours in the list of all that waits; null while it does not. */
  before: Waiting | null = null
  after: Waiting | null = null
  /** What becomes of the work. */
  fate = ''
  /** By `performance.now()`. */
  abstract readonly endMs: number
  /** Called at the deadline. */
  abstract late(error: WireError): void
}

/** Begins and ends the list, which is a ring, so that all that waits has neighbours. */
class Ends extends Waiting {
  readonly endMs = Number.POSITIVE_INFINITY
  late(): void {}
}

/** One timer for all that waits: most work is done long before its deadline, and a timer each would cost more than it. */
class Deadlines {
  readonly #ends: Waiting = new Ends()
  #timer: NodeJS.Timeout | undefined
  /** When the timer fires: never after the first of the deadlines. */
  #wakeMs = Number.POSITIVE_INFINITY

  constructor() {
    this.#ends.before = this.#ends
    this.#ends.after = this.#ends
  }

  /**
   * Until it is deleted, `waiting.late` is called at its deadline, once.
   *
   * @param fate what becomes of the work, for the message
   * @param nowMs by `performance.now()`
   * @throws WireError `deadline_exceeded` where it has passed
   */
  add(waiting: Waiting, fate: string, nowMs: number): void {
    if (waiting.endMs <= nowMs) {
      throw new WireError('deadline_exceeded', 'the deadline had passed before the work began; nothing was done')
    }
    const last = this.#ends.before!
    waiting.fate = fate
    waiting.before = last
    waiting.after = this.#ends
    last.after = waiting
    this.#ends.before = waiting
    if (waiting.endMs < this.#wakeMs) this.#wakeAt(waiting.endMs)
  }

  /** Nothing where it does not wait. */
  delete(waiting: Waiting): void {
    const { before, after } = waiting
    if (before === null || after === null) return
    before.after = after
    after.before = before
    waiting.before = null
    waiting.after = null
  }

  #wakeAt(endMs: number): void {
    clearTimeout(this.#timer)
    this.#wakeMs = endMs
    if (endMs === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, Math.ceil(endMs - performance.now())))
    // What waits holds a connection, which keeps the process alive.
    this.#timer.unref()
  }

  #wake(): void {
    const nowMs = performance.now()
    let firstMs = Number.POSITIVE_INFINITY
    const late: Waiting[] = []
    for (let waiting = this.#ends.after!; waiting !== this.#ends; waiting = waiting.after!) {
      if (waiting.endMs > nowMs) firstMs = Math.min(firstMs, waiting.endMs)
      else late.push(waiting)
    }
    for (const waiting of late) {
      if (waiting.after === null) continue
      this.delete(waiting)
      waiting.late(new WireError('deadline_exceeded', `the deadline has passed; ${waiting.fate}`))
    }
    this.#wakeAt(firstMs)
  }
}

export const deadlines = new Deadlines()

class WaitingPromise extends Waiting {
  readonly endMs: number
  readonly late: (error: WireError) => void

  constructor(endMs: number, late: (error: WireError) => void) {
    super()
    this.endMs = endMs
    this.late = late
  }
}

/**
 * What work gives, or an error at the deadline; the work goes on then, and its result is dropped.
 *
 * @param endMs by `performance.now()`
 * @param left what becomes of it, for the message
 * @throws WireError `deadline_exceeded`; what the work throws
 */
export function byDeadline<T>(endMs: number, left: string, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const waiting = new WaitingPromise(endMs, reject)
    deadlines.add(waiting, left, performance.now())
    void work()
      .finally(() => deadlines.delete(waiting))
      .then(resolve, reject)
  })
}
