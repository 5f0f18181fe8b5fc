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
  const takeLine = { info: lineBudget(maxLinesPerSecond), error: lineBudget(maxLinesPerSecond) }
  return (request, { route, status, ms, principal, error }) => {
    const isOwn = error !== null && isServersOwn(error)
    const isCutOff = status === 0
    const level = isOwn ? 'error' : error !== null || isCutOff || ms > slowMs ? 'info' : 'debug'
    if (!logger.isLevelEnabled(level)) return
    const told = level === 'debug' ? { url: request.url } : takeLine[level]()
    if (told === null) return
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
        ...told,
      },
      level === 'debug' ? 'request' : error !== null ? 'request failed' : isCutOff ? 'request cut off' : 'slow request',
    )
  }
}

/**
 * Keeps a flood of refused requests from becoming one of lines.
 *
 * @returns takes a line of the second, and says what it is to tell: how many were left out since the last; null: none is left
 */
function lineBudget(perSecond: number): () => { readonly leftOut?: number } | null {
  let second = -1
  let taken = 0
  let leftOut = 0
  return () => {
    const nowSecond = Math.floor(performance.now() / 1_000)
    if (nowSecond !== second) taken = 0
    second = nowSecond
    if (taken >= perSecond) {
      leftOut++
      return null
    }
    taken++
    const told = leftOut === 0 ? {} : { leftOut }
    leftOut = 0
    return told
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
