/** One step of a stress: a load of one rate, as seen by the load itself, by the service's figures and by its threads. */
import { LatencyRecord } from '../open-loop/latency-record.ts'
import { type OpenLoopEnd, runOpenLoop } from '../open-loop/open-loop.ts'
import { type LoadTarget, readMetrics, type StartCall } from '../open-loop/service-calls.ts'
import type { LoadEvidence, StepEvidence } from './evidence.ts'
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

export async function runStep(plan: StepPlan): Promise<StepEvidence> {
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
  const threads = threadsBefore && threadCpu(threadsBefore, readThreads(pid!), wallMs)
  const textAfter = textBefore === null ? null : await readMetrics(target)
  const { lateP99Ms, ...seen } = record.figures()
  const load: LoadEvidence = {
    offeredPerSecond: perSecond,
    answeredPerSecond: wallMs === 0 ? 0 : (1_000 * seen.answered) / Math.max(wallMs, end.offeredMs),
    ...seen,
    abandoned: end.by === 'stopped' ? 0 : end.unanswered + end.unsent,
    waitingAtMost: end.waitingAtMost,
    client: { cpu: (cpu.user + cpu.system) / 1_000 / wallMs, lateP99Ms },
    by: end.by,
  }
  const service =
    textBefore === null || textAfter === null
      ? null
      : serviceEvidence(new ServiceFigures(textBefore), new ServiceFigures(textAfter), wallMs)
  return { load, service, threads }
}
