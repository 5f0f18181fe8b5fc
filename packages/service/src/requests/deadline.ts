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
export interface Waiting {
  /** Its neighbours in the ring of all that waits; null while it does not. */
  before: Waiting | null
  after: Waiting | null
  /** By `performance.now()`. */
  readonly endMs: number
  /** What becomes of the work, for the message. */
  readonly fate: string
  /** Called at the deadline. */
  late(error: WireError): void
}

/** One timer for all that waits: most work is done long before its deadline, and a timer each would cost more than it. */
class Deadlines {
  /** Begins and ends the ring, so that all that waits has neighbours: a set would take a tenth of a microsecond longer. */
  readonly #ends: Waiting = { before: null, after: null, endMs: Number.POSITIVE_INFINITY, fate: '', late: () => {} }
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
   * @param nowMs by `performance.now()`
   * @throws WireError `deadline_exceeded` where it has passed
   */
  add(waiting: Waiting, nowMs: number): void {
    if (waiting.endMs <= nowMs) {
      throw new WireError('deadline_exceeded', 'the deadline had passed before the work began; nothing was done')
    }
    waiting.before = this.#ends.before
    waiting.after = this.#ends
    this.#ends.before!.after = waiting
    this.#ends.before = waiting
    if (waiting.endMs < this.#wakeMs) this.#wakeAt(waiting.endMs)
  }

  /** Nothing where it does not wait. */
  delete(waiting: Waiting): void {
    if (waiting.after === null) return
    waiting.before!.after = waiting.after
    waiting.after.before = waiting.before
    waiting.before = null
    waiting.after = null
  }

  #wakeAt(endMs: number): void {
    clearTimeout(this.#timer)
    this.#wakeMs = endMs
    if (endMs === Number.POSITIVE_INFINITY) return
    // What waits holds a connection, which keeps the process alive.
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, Math.ceil(endMs - performance.now()))).unref()
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
      // One that was late may have ended another's wait.
      if (waiting.after === null) continue
      this.delete(waiting)
      waiting.late(new WireError('deadline_exceeded', `the deadline has passed; ${waiting.fate}`))
    }
    this.#wakeAt(firstMs)
  }
}

export const deadlines = new Deadlines()

/**
 * What work gives, or an error at the deadline; the work goes on then, and its result is dropped.
 *
 * @param endMs by `performance.now()`
 * @param fate what becomes of it, for the message
 * @param failedLate told of the error of work that failed behind its deadline, which no caller reads
 * @throws WireError `deadline_exceeded`; what the work throws
 */
export function byDeadline<T>(
  endMs: number,
  fate: string,
  work: () => Promise<T>,
  failedLate: (error: unknown) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const late = (error: WireError) => {
      isLate = true
      reject(error)
    }
    const waiting: Waiting = { before: null, after: null, endMs, fate, late }
    deadlines.add(waiting, performance.now())
    void work()
      .finally(() => deadlines.delete(waiting))
      .then(resolve, (error) => (isLate ? failedLate(error) : reject(error)))
  })
}
