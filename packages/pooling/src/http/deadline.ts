import type { IncomingHttpHeaders } from 'node:http'
import { WireError } from '../wire/wire-error.ts'

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
  /** By `performance.now()`. */
  readonly endMs: number
  /** What is told at the deadline. */
  late(error: WireError): void
}

/** One timer for all that waits: most work is done long before its deadline, and a timer each would cost more than it. */
class Deadlines {
  /** With what becomes of the work. */
  readonly #waiting = new Map<Waiting, string>()
  #timer: NodeJS.Timeout | undefined
  /** When the timer fires: never after the first of the deadlines. */
  #wakeMs = Number.POSITIVE_INFINITY

  /**
   * Until it is deleted, `waiting` is told of its deadline, once.
   *
   * @param left what becomes of the work, for the message
   * @throws WireError `deadline_exceeded` where it has passed
   */
  add(waiting: Waiting, left: string): void {
    if (waiting.endMs <= performance.now()) {
      throw new WireError('deadline_exceeded', 'the deadline had passed before the work began; nothing was done')
    }
    this.#waiting.set(waiting, left)
    if (waiting.endMs < this.#wakeMs) this.#wakeAt(waiting.endMs)
  }

  delete(waiting: Waiting): void {
    this.#waiting.delete(waiting)
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
    for (const [waiting, left] of this.#waiting) {
      if (waiting.endMs > nowMs) {
        firstMs = Math.min(firstMs, waiting.endMs)
        continue
      }
      this.#waiting.delete(waiting)
      waiting.late(new WireError('deadline_exceeded', `the deadline has passed; ${left}`))
    }
    this.#wakeAt(firstMs)
  }
}

export const deadlines = new Deadlines()

/**
 * What work gives, or an error at the deadline; the work goes on then, and its result is dropped.
 *
 * @param endMs by `performance.now()`
 * @param left what becomes of it, for the message
 * @throws WireError `deadline_exceeded`; what the work throws
 */
export function byDeadline<T>(endMs: number, left: string, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const waiting: Waiting = { endMs, late: reject }
    deadlines.add(waiting, left)
    void work()
      .finally(() => deadlines.delete(waiting))
      .then(resolve, reject)
  })
}
