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
  /** Requests under way, their bodies' arrival included; beyond, 429. */
  maxConcurrent: 256,
  /** Open connections; beyond, they are closed at once. */
  maxConnections: 4_096,
  /** Longest that a request may take to arrive, headers and body. */
  arrivalTimeoutMs: 10_000,
  /** Deadline of a request that names none, and the longest that one may name. */
  maxDeadlineMs: 10_000,
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
