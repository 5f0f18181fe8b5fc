import { contentTypeOf, formatOf, packMessage, parseJson, unpackMessage } from '../wire/formats.ts'
import { isErrorCode } from '../wire/wire-error.ts'
import { ClientError, DeadlineError, errorOf, OverloadedError, ProtocolError, UnavailableError } from './errors.ts'
import { RetryBudget } from './retry-budget.ts'

export interface TransportOptions {
  readonly url: string
  readonly token: string | undefined
  readonly fetch: typeof fetch
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly deadlineMs: number
  /** Whether it may be tried again: it changes nothing. */
  readonly idempotent: boolean
}

/** Answers are as large as the request asked for. */
const answerLimits = { maxDepth: 8, maxValues: 2 ** 24 }

/** Tries of one call. */
const maxTries = 3

/** Calls over `fetch`, which keeps connections alive by itself. */
export class Transport {
  readonly #options: TransportOptions
  readonly #budget = new RetryBudget()

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /** @throws ClientError */
  async call(call: Call): Promise<unknown> {
    const endMs = performance.now() + call.deadlineMs
    this.#budget.earn()
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(call, endMs)
      } catch (error) {
        const waitMs = waitBefore(error, attempt)
        const isFinal = !call.idempotent || waitMs === null || attempt === maxTries
        // A wait beyond the deadline would only turn a telling error into a late one.
        if (isFinal || performance.now() + waitMs >= endMs || !this.#budget.take()) throw error
        await new Promise((resolve) => setTimeout(resolve, waitMs))
      }
    }
  }

  async #attempt({ method, path, body, deadlineMs }: Call, endMs: number): Promise<unknown> {
    const leftMs = Math.floor(endMs - performance.now())
    if (leftMs < 1) throw new DeadlineError(`the deadline of ${deadlineMs} ms has passed`)
    const { url, token, fetch } = this.#options
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), leftMs)
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          accept: contentTypeOf.msgpack,
          'x-deadline-ms': String(leftMs),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': contentTypeOf.msgpack }),
        },
        body: body === undefined ? null : packMessage(body),
        signal: abort.signal,
      })
      return await contentOf(response)
    } catch (cause) {
      if (cause instanceof ClientError) throw cause
      if (abort.signal.aborted) throw new DeadlineError(`the deadline of ${deadlineMs} ms has passed`, { cause })
      const reason = (cause as Error).cause instanceof Error ? ((cause as Error).cause as Error).message : String(cause)
      throw new UnavailableError(`${url} cannot be reached: ${reason}`, { cause })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** @throws ClientError for an answer that is no success */
async function contentOf(response: Response): Promise<unknown> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  const content = decode(bytes, response)
  if (response.ok) return content
  const { code, message, details } = ((content as { error?: unknown } | null)?.error ?? {}) as Record<string, unknown>
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  const told = typeof message === 'string' ? message : `status ${response.status}`
  throw errorOf(told, {
    status: response.status,
    ...(isErrorCode(code) && { code }),
    retryAfterMs: Number.isFinite(retryAfter) ? 1000 * retryAfter : null,
    details,
  })
}

function decode(bytes: Uint8Array, response: Response): unknown {
  const format = formatOf(response.headers.get('content-type') ?? '')
  try {
    if (format === 'msgpack') return unpackMessage(bytes, answerLimits)
    if (format === 'json') return parseJson(bytes)
  } catch (cause) {
    throw new ProtocolError(`the answer cannot be read: ${(cause as Error).message}`, {
      status: response.status,
      cause,
    })
  }
  // A proxy between may answer an error in its own way.
  if (!response.ok) return null
  throw new ProtocolError('the answer is no MessagePack; check the URL', { status: response.status })
}

/** Milliseconds to wait before another try, with jitter; null for an error that another try does not mend. */
function waitBefore(error: unknown, attempt: number): number | null {
  if (!(error instanceof OverloadedError || error instanceof UnavailableError)) return null
  return Math.max(error.retryAfterMs ?? 0, 10 * 2 ** attempt * (0.5 + Math.random() / 2))
}
