import { PoolingConfigError } from '@headwater/pooling'

/** What a server refuses, so that no request can take more than its share of memory or time. */
export interface ServerLimits {
  /** Of a read. Default 1,000. */
  readonly maxUsers: number
  /** Of a read. Default 16. */
  readonly maxModels: number
  /** Of an answer: users times the dims of the models. Default 2^21. */
  readonly maxVectorValues: number
  /** Of one request, or outcomes. Default 1,000. */
  readonly maxEvents: number
  /** Values of one body, the entries of lists among them. Default 2^17. */
  readonly maxEventValues: number
  /** Default 1 MiB. */
  readonly maxBodyBytes: number
  /** Requests under way, their bodies' arrival included; beyond, 429. Default 256. */
  readonly maxConcurrent: number
  /** Open connections; beyond, they are closed at once. Default 4,096. */
  readonly maxConnections: number
  /** Longest that a request may take to arrive, headers and body. Default 10 s. */
  readonly arrivalTimeoutMs: number
  /** Deadline of a request that names none, and the longest that one may name. Default 10 s. */
  readonly maxDeadlineMs: number
  /** Of one token, or of one address where there are no tokens or none that lets in; beyond, 429. Default 0: no limit. */
  readonly requestsPerSecond: number
  /** Requests that may come at once after a pause. Default 0: a second's worth. */
  readonly burst: number
  /** How far an event may lie ahead of the server's clock. Default 60 s. */
  readonly maxFutureMs: number
}

export const defaultLimits: ServerLimits = {
  maxBodyBytes: 2 ** 20,
  maxUsers: 1_000,
  maxModels: 16,
  maxVectorValues: 2 ** 21,
  maxEvents: 1_000,
  maxEventValues: 2 ** 17,
  maxConcurrent: 256,
  maxConnections: 4_096,
  arrivalTimeoutMs: 10_000,
  maxDeadlineMs: 10_000,
  requestsPerSecond: 0,
  burst: 0,
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
