/** What is known of a step of a stress: seen by the load itself, and by the service's `/metrics`. */
import type { LatencyRecord } from '../open-loop/latency-record.ts'
import type { serviceEvidence } from './service-figures.ts'

/** Seen by the load. */
export interface LoadEvidence extends Omit<ReturnType<LatencyRecord['figures']>, 'lateP99Ms'> {
  readonly offeredPerSecond: number
  /** Answers that were asked for within the step, a second of it. */
  readonly answeredPerSecond: number
  /** Due, and not answered when an overrun step was ended: their latencies count as what they were by then. */
  readonly abandoned: number
  /** Calls that waited for a connection, at most. */
  readonly waitingAtMost: number
  /** Of the load's process. */
  readonly client: {
    /** Processors that it was busy with. */
    readonly cpu: number
    /** How much later than due an arrival was noticed: its own event loop. */
    readonly lateP99Ms: number
  }
  readonly by: 'time' | 'overrun' | 'stopped'
}

export type ServiceEvidence = ReturnType<typeof serviceEvidence>

/** Busy shares of a service's threads, by name; where it runs on this machine. */
export type ThreadCpu = { readonly [thread: string]: number }

export interface StepEvidence {
  readonly load: LoadEvidence
  /** Null where `/metrics` could not be read. */
  readonly service: ServiceEvidence | null
  /** Null where the service runs elsewhere, or the system does not say. */
  readonly threads: ThreadCpu | null
}

/** Why a step broke, or null where it held. A step that was stopped is not judged. */
export function breach({ load, service }: StepEvidence, p99Ms: number): string | null {
  if (load.by === 'stopped') return null
  const failed = Object.entries(load.failures)
  if (failed.length > 0) return failed.map(([failure, count]) => `${count} × ${failure}`).join(', ')
  if (load.by === 'overrun') return 'calls came faster than they were answered'
  if (load.p99Ms > p99Ms) return `p99 ${load.p99Ms.toFixed(1)} ms`
  const shed = service?.offersShed ?? 0
  return shed > 0 ? `${shed} refreshes were shed` : null
}
