/** One step of a stress: a load of one rate, what the load saw of it, and what the service and its threads tell. */
import { build } from 'hdr-histogram-js'
import { type OpenLoopEnd, runOpenLoop } from '../open-loop/open-loop.ts'
import { type LoadTarget, readMetrics, type StartCall } from '../open-loop/service-calls.ts'
import type { LoadEvidence, StepEvidence } from './evidence.ts'
import { ServiceFigures, serviceEvidence } from './service-figures.ts'
import { readThreads, type ServiceThreads, threadCpu } from './threads.ts'

export interface StepPlan {
  readonly target: LoadTarget
  readonly start: StartCall
  readonly perSecond: number
  readonly seconds: number
  readonly connections: number
  readonly seed: number
  readonly threads: ServiceThreads | null
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
  const { target, start, perSecond, seconds, connections, seed, signal } = plan
  // The scrape before also resets the delay of the service's event loop.
  const textBefore = await readMetrics(target)
  const threadsBefore = plan.threads && readThreads(plan.threads)
  const latencies = histogram()
  const lateness = histogram()
  const failures: Record<string, number> = {}
  let answered = 0
  let wireMs = 0
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  const end: OpenLoopEnd = await runOpenLoop({
    arrivals: { perSecond, seconds, kind: 'poisson', seed },
    slots: connections,
    maxWaiting: Math.max(leastWaiting, waitingSeconds * perSecond),
    drainMs,
    signal,
    send: start,
    ended: (intendedMs, sentMs, endMs, failure) => {
      latencies.recordValue(microseconds(endMs - intendedMs))
      if (failure === null) {
        answered++
        wireMs += endMs - sentMs
      } else failures[failure] = (failures[failure] ?? 0) + 1
    },
    abandoned: (intendedMs, endMs) => latencies.recordValue(microseconds(endMs - intendedMs)),
    noticed: (lateMs) => lateness.recordValue(microseconds(lateMs)),
  })
  const wallMs = performance.now() - startMs
  const cpu = process.cpuUsage(cpuBefore)
  const threads = plan.threads && threadsBefore && threadCpu(threadsBefore, readThreads(plan.threads), wallMs)
  const textAfter = textBefore === null ? null : await readMetrics(target)
  const atMs = (percentile: number) => latencies.getValueAtPercentile(percentile) / 1_000
  const load: LoadEvidence = {
    offeredPerSecond: perSecond,
    answeredPerSecond: wallMs === 0 ? 0 : (1_000 * answered) / Math.max(wallMs, end.offeredMs),
    answered,
    abandoned: end.by === 'stopped' ? 0 : end.unanswered + end.unsent,
    failures,
    p50Ms: atMs(50),
    p99Ms: atMs(99),
    p999Ms: atMs(99.9),
    maxMs: latencies.maxValue / 1_000,
    meanMs: latencies.mean / 1_000,
    wireMeanMs: answered === 0 ? 0 : wireMs / answered,
    waitingAtMost: end.waitingAtMost,
    client: {
      cpu: (cpu.user + cpu.system) / 1_000 / wallMs,
      lateP99Ms: lateness.getValueAtPercentile(99) / 1_000,
    },
    by: end.by,
  }
  const service =
    textBefore === null || textAfter === null
      ? null
      : serviceEvidence(new ServiceFigures(textBefore), new ServiceFigures(textAfter), wallMs)
  return { load, service, threads }
}

const microseconds = (ms: number) => Math.max(1, Math.round(1_000 * ms))

/** Microseconds, to three digits. */
function histogram() {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: 6e8, numberOfSignificantValueDigits: 3 })
}
