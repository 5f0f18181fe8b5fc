/** A line a request, as JSON. Above `debug` no line holds a user's id: they are told apart by a keyed hash. */
import { createHmac, randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { isServersOwn } from '../failures/failure.ts'
import type { RequestObserver } from './request-observer.ts'

export interface RequestLogOptions {
  /** Requests that took longer are logged at `info`. Default 1,000. */
  readonly slowMs?: number
  /** Lines a second at `info`, and as many at `error`; the next one tells how many were left out. Default 100. */
  readonly maxLinesPerSecond?: number
  /** Of the users' hashes. Default: random, so that they are the same for as long as the process lives. */
  readonly key?: string | Buffer
}

/**
 * Failures and slow requests at `info`, the server's own failures with their stack at `error`, all others at `debug`, where the
 * path stands as it came.
 */
export function requestLog(
  logger: Logger,
  { slowMs = 1_000, maxLinesPerSecond = 100, key = randomBytes(32) }: RequestLogOptions = {},
): RequestObserver {
  // Refusals of callers must not crowd out the server's own failures.
  const budgets = { info: new LineBudget(maxLinesPerSecond), error: new LineBudget(maxLinesPerSecond) }
  return (request, { route, status, ms, principal, error }) => {
    const isOwn = error !== null && isServersOwn(error)
    const isCutOff = status === 0
    const level = isOwn ? 'error' : error !== null || isCutOff || ms > slowMs ? 'info' : 'debug'
    const budget = level === 'debug' ? null : budgets[level]
    if (!logger.isLevelEnabled(level) || budget?.take() === false) return
    const user = userOf(route, request.url ?? '')
    logger[level](
      {
        method: request.method,
        route,
        status,
        ms: Math.round(ms * 1_000) / 1_000,
        ...(principal !== null && { caller: principal.name, tenant: principal.tenant }),
        ...(user !== null && { user: hashedUser(user, key) }),
        ...(error !== null && { code: error.code }),
        ...(isOwn && { error: plainError(error.cause ?? error) }),
        ...(budget === null ? { url: request.url } : budget.leftOut()),
      },
      level === 'debug' ? 'request' : error !== null ? 'request failed' : isCutOff ? 'request cut off' : 'slow request',
    )
  }
}

/** Keeps a flood of refused requests from becoming one of lines. */
class LineBudget {
  readonly #perSecond: number
  #second = -1
  #taken = 0
  #leftOut = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  take(): boolean {
    const second = Math.floor(performance.now() / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    if (this.#taken >= this.#perSecond) {
      this.#leftOut++
      return false
    }
    this.#taken++
    return true
  }

  /** Lines since the last one, for the line that comes. */
  leftOut(): { readonly leftOut: number } | null {
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return leftOut === 0 ? null : { leftOut }
  }
}

/** What an error says, without what else it carries: a receipt names its user. */
function plainError(error: unknown) {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  return { type: name, message, stack }
}

/** The first 12 hexadecimal digits of the id's keyed SHA-256. */
function hashedUser(user: string, key: string | Buffer): string {
  return createHmac('sha256', key).update(user).digest('hex').slice(0, 12)
}

/** The user that a path names. */
function userOf(route: string, url: string): string | null {
  const [, given] = route.startsWith('/v1/users/:id') ? (/^\/v1\/users\/([^/?]*)/.exec(url) ?? []) : []
  if (given === undefined) return null
  try {
    return decodeURIComponent(given)
  } catch {
    return given
  }
}
