import { contentTypeOf, formatOf, packMessage, parseJson, unpackMessage } from '../codec/formats.ts'
import { isErrorCode } from '../codec/wire-error.ts'
import { ClientError, DeadlineError, errorOf, OverloadedError, ProtocolError, UnavailableError } from './errors.ts'
import type { Exchange, ExchangeAnswer, ExchangeRequest } from './exchange.ts'

export interface Call {
  readonly method: ExchangeRequest['method']
  readonly path: string
  readonly body?: unknown
  /** The caller's name of it. */
  readonly request?: string | null
  readonly deadlineMs: number
  /** Whether it may be tried again: done twice, it is as done once. */
  readonly idempotent: boolean
}

/** Answers are as large as the request asked for. */
const answerLimits = { maxDepth: 8, maxValues: 2 ** 24 }

const maxTries = 3
/**
 * Tries again that are saved at most, each call earning a tenth of one: so a server in trouble is not met with a multiple of
 * its load.
 */
const maxSaved = 10

/** Calls, each tried again within its deadline and the budget where that may help. */
export class Transport {
  readonly #url: string
  readonly #token: string | undefined
  readonly #exchange: Exchange
  #saved = maxSaved

  constructor(url: string, token: string | undefined, exchange: Exchange) {
    this.#url = url
    this.#token = token
    this.#exchange = exchange
  }

  /** @throws ClientError */
  async call(call: Call): Promise<unknown> {
    const endMs = performance.now() + call.deadlineMs
    const body = call.body === undefined ? null : packMessage(call.body)
    this.#saved = Math.min(maxSaved, this.#saved + 0.1)
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(call, body, endMs)
      } catch (error) {
        const waitMs = waitBefore(error, attempt)
        const isFinal = !call.idempotent || waitMs === null || attempt === maxTries
        // A wait beyond the deadline would only turn a telling error into a late one.
        if (isFinal || performance.now() + waitMs >= endMs || this.#saved < 1) throw error
        this.#saved--
        await new Promise((resolve) => setTimeout(resolve, waitMs))
      }
    }
  }

  async #attempt(call: Call, body: ExchangeRequest['body'], endMs: number): Promise<unknown> {
    const { method, path, request = null, deadlineMs } = call
    const leftMs = Math.floor(endMs - performance.now())
    if (leftMs < 1) throw new DeadlineError(`the deadline of ${deadlineMs} ms has passed`)
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), leftMs)
    const headers = {
      accept: contentTypeOf.msgpack,
      'x-deadline-ms': String(leftMs),
      ...(request !== null && { 'x-request-id': request }),
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
      ...(body !== null && { 'content-type': contentTypeOf.msgpack }),
    }
    try {
      return contentOf(await this.#exchange({ method, path, headers, body, signal: abort.signal }))
    } catch (cause) {
      if (cause instanceof ClientError) throw cause
      if (abort.signal.aborted) throw new DeadlineError(`the deadline of ${deadlineMs} ms has passed`, { cause })
      throw new UnavailableError(`${this.#url} cannot be reached: ${reasonOf(cause)}`, { cause })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** `fetch` tells why in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause !== undefined) return reasonOf(error.cause)
  // Where several addresses were tried there is no message.
  return error.message || (error as { readonly code?: string }).code || error.name
}

/** @throws ClientError for an answer that is no success */
function contentOf(answer: ExchangeAnswer): unknown {
  const { status, retryAfter } = answer
  const isSuccess = status >= 200 && status < 300
  const content = decode(answer, isSuccess)
  if (isSuccess) return content
  const { code, message, details } = ((content as { error?: unknown } | null)?.error ?? {}) as Record<string, unknown>
  const told = typeof message === 'string' ? message : `status ${status}`
  const retryAfterMs = retryAfter === null ? Number.NaN : 1000 * Number(retryAfter)
  throw errorOf(told, {
    status,
    ...(isErrorCode(code) && { code }),
    retryAfterMs: Number.isFinite(retryAfterMs) ? retryAfterMs : null,
    details,
  })
}

function decode({ status, contentType, body }: ExchangeAnswer, isSuccess: boolean): unknown {
  const format = formatOf(contentType)
  try {
    if (format === 'msgpack') return unpackMessage(body, answerLimits)
    if (format === 'json') return parseJson(body)
  } catch (cause) {
    throw new ProtocolError(`the answer cannot be read: ${(cause as Error).message}`, { status, cause })
  }
  // A proxy between may answer an error in its own way.
  if (!isSuccess) return null
  throw new ProtocolError('the answer is no MessagePack; check the URL', { status })
}

/** Milliseconds to wait before another try, with jitter; null for an error that another try does not mend. */
function waitBefore(error: unknown, attempt: number): number | null {
  if (!(error instanceof OverloadedError || error instanceof UnavailableError)) return null
  return Math.max(error.retryAfterMs ?? 0, 10 * 2 ** attempt * (0.5 + Math.random() / 2))
}
