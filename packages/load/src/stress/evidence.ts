/** What is known of a step of a stress: seen by the load itself, and by the service's `/metrics`. */
import type { LatencyFigures } from '../open-loop/latency-record.ts'

/** Seen by the load. */
export interface LoadEvidence extends Omit<LatencyFigures, 'lateP99Ms'> {
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

/** What happened in a service between two looks at its `/metrics`. Null where it does not say. */
export interface ServiceEvidence {
  /** Processors that its process was busy with, threads and all, encoder aside. */
  readonly cpu: number | null
  /** Delay of its event loop beyond the 10 ms that it is measured by, since the look before. */
  readonly loopDelayP99Ms: number | null
  /** Of the routes of the load, from the arrival to the end of the answer. */
  readonly requestMeanMs: number | null
  /** Store and pooling, without HTTP. */
  readonly readMeanMs: number | null
  /** At most so much, by the histogram's bounds; infinite beyond the last. */
  readonly readP99Ms: number | null
  /** Users who wait for a refresh, at the step's end and how many more than at its start. */
  readonly queueUsers: number | null
  readonly queueGrowth: number | null
  readonly offersShed: number | null
  /** Share of the time in which a batch was in the encoder; several at once count each. */
  readonly encodeBusy: number | null
  /** Share of the rows served that were a default, as nothing is held of the user. */
  readonly defaultShare: number | null
  /** Refusals and failures, by code. */
  readonly failures: { readonly [code: string]: number }
}

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
