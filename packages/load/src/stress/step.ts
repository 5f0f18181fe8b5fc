/** One step of a stress: a load of one rate, as seen by the load itself, by the service's figures and by its threads. */
import { LatencyRecord } from '../open-loop/latency-record.ts'
import { type OpenLoopEnd, runOpenLoop } from '../open-loop/open-loop.ts'
import { type LoadTarget, readMetrics, type StartCall } from '../open-loop/service-calls.ts'
import { ServiceFigures, serviceEvidence } from './service-figures.ts'
import { readThreads, threadCpu } from './threads.ts'

export interface StepPlan {
  readonly target: LoadTarget
  readonly start: StartCall
  readonly perSecond: number
  readonly seconds: number
  readonly connections: number
  readonly seed: number
  /** Process of the service, null where its threads cannot be seen. */
  readonly pid: number | null
  readonly signal: AbortSignal
}

/** Longest that answers are waited for after a step. */
const drainMs = 3_000
/** A step may take this much longer than its arrivals. */
export const stepOverheadSeconds = drainMs / 1_000
/** A second's calls that wait are more than a service makes up for within a step. */
const waitingSeconds = 1
const leastWaiting = 200

/** What is known of a step: seen by the load itself, by the service's `/metrics` and by its threads. */
export type StepEvidence = Awaited<ReturnType<typeof runStep>>

export async function runStep(plan: StepPlan) {
  const { target, start, perSecond, seconds, connections, seed, pid, signal } = plan
  // The scrape before also resets the delay of the service's event loop.
  const textBefore = await readMetrics(target)
  const threadsBefore = pid === null ? null : readThreads(pid)
  const record = new LatencyRecord()
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  const end: OpenLoopEnd = await runOpenLoop({
    arrivals: { perSecond, seconds, kind: 'poisson', seed },
    slots: connections,
    maxWaiting: Math.max(leastWaiting, waitingSeconds * perSecond),
    drainMs,
    signal,
    send: start,
    observer: record,
  })
  const wallMs = performance.now() - startMs
  const cpu = process.cpuUsage(cpuBefore)
  /** Null where the service runs elsewhere, or the system does not say. */
  const threads = threadsBefore && threadCpu(threadsBefore, readThreads(pid!), wallMs)
  const textAfter = textBefore === null ? null : await readMetrics(target)
  const { lateP99Ms, ...seen } = record.figures()
  const load = {
    offeredPerSecond: perSecond,
    /** Answers that were asked for within the step, a second of it. */
    answeredPerSecond: wallMs === 0 ? 0 : (1_000 * seen.answered) / Math.max(wallMs, end.offeredMs),
    ...seen,
    /** Due, and not answered when an overrun step was ended: their latencies count as what they were by then. */
    abandoned: end.by === 'stopped' ? 0 : end.unanswered + end.unsent,
    /** Calls that waited for a connection, at most. */
    waitingAtMost: end.waitingAtMost,
    /** Of the load's process: processors that it was busy with, and how much later than due it noticed an arrival. */
    client: { cpu: (cpu.user + cpu.system) / 1_000 / wallMs, lateP99Ms },
    by: end.by,
  }
  /** Null where `/metrics` could not be read. */
  const service =
    textBefore === null || textAfter === null
      ? null
      : serviceEvidence(new ServiceFigures(textBefore), new ServiceFigures(textAfter), wallMs)
  return { load, service, threads }
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
