/**
 * Load on a server of this machine, from a process of its own. Open loop: requests start at times that were fixed before,
 * however slow the server is, and a latency counts from the time at which its request should have started; so a server that
 * stops for a second cannot hide it (no coordinated omission). Closed loop: each connection asks again once it is answered,
 * which finds the most that a server can do.
 */
import type { Arrivals as ArrivalTimes } from '@headwater/load'
import { forkPinned } from './pinned-process.ts'

export interface LoadPlan {
  readonly port: number
  /** Whole HTTP requests, sent in turn. */
  readonly requests: readonly Uint8Array[]
  readonly connections: number
  readonly seconds: number
  /** Answers that come later are failures, and latencies are of answers in time alone. Absent: all latencies count. */
  readonly deadlineMs?: number
  /** Absent: closed loop. */
  readonly arrivals?: Arrivals
}

export interface Arrivals extends Omit<ArrivalTimes, 'seconds'> {
  /**
   * Sleeps a tenth of a millisecond at a time, where the load has to share its processor, and is served before all others
   * there, as far as it may be. Default: it spins.
   */
  readonly sleeps?: boolean
  /** Uses all connections, one after the other. Default: the one that was free last. */
  readonly inTurn?: boolean
}

export interface LoadFigures {
  readonly answered: number
  /** Answers other than 200, or too late, and requests whose connection broke. */
  readonly failed: number
  readonly failures: { readonly [failure: string]: number }
  readonly perSecond: number
  /** Of a processor, that the load used. */
  readonly cpuShare: number
  /** Of an open loop from the intended start, of a closed one from the sending. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** Of an open loop: how late the load itself was, to start a request. Part of the latencies. */
  readonly lateP99Ms: number
}

export interface LoadProcess {
  run(plan: LoadPlan): Promise<LoadFigures>
  close(): Promise<void>
}

export function startLoad(processor = 1): LoadProcess {
  const child = forkPinned('load-process.ts', processor)
  return { run: (plan) => child.ask<LoadFigures>(plan), close: () => child.close() }
}
