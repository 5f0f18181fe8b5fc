import type { FastifyRequest } from 'fastify'
import { WireError } from '../wire/wire-error.ts'

/** Milliseconds that the caller gives a request, counted from its arrival. */
export const deadlineHeader = 'x-deadline-ms'

/** @throws WireError `invalid_request` */
export function deadlineOf(request: FastifyRequest, maxDeadlineMs: number): number {
  const header = request.headers[deadlineHeader]
  if (header === undefined) return maxDeadlineMs
  const givenMs = Number(header)
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header) || givenMs < 1) {
    throw new WireError('invalid_request', `${deadlineHeader} is no number of milliseconds; give 1 or more`)
  }
  return Math.min(givenMs, maxDeadlineMs)
}

/**
 * What work gives, or an error at the deadline; the work goes on then, and its result is dropped.
 *
 * @param endMs by `performance.now()`
 * @param left what became of it, for the message
 * @throws WireError `deadline_exceeded`; what the work throws
 */
export async function byDeadline<T>(endMs: number, left: string, work: () => Promise<T>): Promise<T> {
  const leftMs = endMs - performance.now()
  if (leftMs <= 0)
    throw new WireError('deadline_exceeded', 'the deadline had passed before the work began; nothing was done')
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WireError('deadline_exceeded', `the deadline has passed; ${left}`)), leftMs)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
