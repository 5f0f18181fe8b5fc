import { PoolingConfigError } from '@headwater/pooling'

/** What a server refuses, so that no request can take more than its share of memory or time. */
export type ServerLimits = { readonly [Name in keyof typeof defaultLimits]: number }

export const defaultLimits = {
  /** Of a read. */
  maxUsers: 1_000,
  /** Of a read. */
  maxModels: 16,
  /** Of one request for item vectors. */
  maxItems: 1_000,
  /** Of an answer: users times the dims of the models, or items times the width of their vectors. */
  maxVectorValues: 2 ** 21,
  /** Of one request, or outcomes. */
  maxEvents: 1_000,
  /** Values of one body, the entries of lists among them. */
  maxEventValues: 2 ** 17,
  maxBodyBytes: 2 ** 20,
  /** Requests that are worked on; beyond, 503. And bodies that arrive; beyond, the one that is the longest in coming is cut off. */
  maxConcurrent: 256,
  /** Requests of one tenant that are worked on; beyond, 429. 0: three quarters of `maxConcurrent`, all where it is alone. */
  maxConcurrentPerTenant: 0,
  /** Where all requests of .1 s have waited for longer, and for longer than 8 take, what is too much is shed with 503. */
  targetDelayMs: 20,
  /** Open connections; beyond, the one that is idle for the longest is closed. */
  maxConnections: 4_096,
  /** Open connections from one address; beyond, the one of them that is idle for the longest is closed. 0: three quarters of all. */
  maxConnectionsPerAddress: 0,
  /** Longest that a request may take to arrive, headers and body. */
  arrivalTimeoutMs: 10_000,
  /** Deadline of a request that names none, and the longest that one may name. */
  maxDeadlineMs: 10_000,
  /** How long a server that stops goes on to listen, to have callers close their connections, if there are any. */
  drainMs: 250,
  /** Of one token, or of one address where there are no tokens or none that lets in; beyond, 429. 0: no limit. */
  requestsPerSecond: 0,
  /** Requests that may come at once after a pause. 0: a second's worth. */
  burst: 0,
  /** How far an event may lie ahead of the server's clock. */
  maxFutureMs: 60_000,
}

/** @throws PoolingConfigError */
export function limitsOf(given: Partial<ServerLimits>): ServerLimits {
  const limits = { ...defaultLimits, ...given }
  for (const [name, value] of Object.entries(limits)) {
    const atLeast = defaultLimits[name as keyof ServerLimits] === 0 ? 0 : 1
    if (!Number.isInteger(value) || value < atLeast || value > 2 ** 31 - 1) {
      throw new PoolingConfigError(`limit ${name} is ${value}; give a whole number of at least ${atLeast}`)
    }
  }
  return limits
}
