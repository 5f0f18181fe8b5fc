/** The ramp: steps of rising rates until one breaks, then between, within bounds of rate and time. */
import { type LoadTarget, loadCalls, readMetrics, type StartCall } from '../open-loop/service-calls.ts'
import { nameBottleneck } from './bottleneck.ts'
import { nextRate } from './ramp.ts'
import {
  conclude,
  formatRate,
  type StressEnd,
  type StressResult,
  type StressSettings,
  type StressStep,
  stepsByRate,
} from './result.ts'
import { startSeconds } from './service-figures.ts'
import { breach, runStep, stepOverheadSeconds } from './step.ts'
import { listeningOn } from './threads.ts'

/** Gets the progress of a stress. */
export interface StressStages {
  begin(step: string, total: number): void
  end(): void
}

export interface StressRun {
  readonly settings: StressSettings
  readonly target: LoadTarget
  readonly users: readonly string[]
  readonly stages: StressStages
  readonly signal: AbortSignal
}

const seed = 1
/** The first rate is this part of the highest. */
const firstPart = 64
/** Before the first step, unjudged: connections are made, and both sides compile what they run. */
const warmUpSeconds = 1
/** Longest that the calls of a step which broke are waited for before the next. */
const settleMs = 10_000

export async function runStress({ settings, target, users, stages, signal }: StressRun): Promise<StressResult> {
  const { models, usersACall, eventsShare, maxPerSecond, maxSeconds, stepSeconds, connections, p99Ms } = settings
  const startedAt = new Date().toISOString()
  const startMs = performance.now()
  const pid = await serviceProcess(target)
  const calls = new Calls(loadCalls({ target, users, models, usersACall, eventsShare, seed }))
  const plan = { maxRate: maxPerSecond, firstRate: Math.max(1, Math.round(maxPerSecond / firstPart)) }
  const step = (perSecond: number, seconds: number) =>
    runStep({ target, start: calls.start, perSecond, seconds, connections, seed, pid, signal })
  const hasTimeFor = (seconds: number) =>
    seconds + stepOverheadSeconds <= maxSeconds - (performance.now() - startMs) / 1_000
  const run = async (perSecond: number): Promise<StressStep> => {
    stages.begin(`${formatRate(perSecond)}/s`, 0)
    try {
      const found = await step(perSecond, stepSeconds)
      return { ...found, breach: breach(found, p99Ms), tries: 1 }
    } finally {
      stages.end()
      await calls.settled(settleMs, signal)
    }
  }
  stages.begin('warm-up', 0)
  await step(plan.firstRate, Math.min(warmUpSeconds, stepSeconds))
  stages.end()
  const steps: StressStep[] = []
  let end: StressEnd | null = null
  while (end === null) {
    const perSecond = nextRate(plan, steps.map(rampStep))
    if (signal.aborted) end = 'stopped'
    else if (perSecond === null) end = steps.some(({ breach }) => breach !== null) ? 'broken' : 'held'
    else if (!hasTimeFor(stepSeconds)) end = 'out of time'
    else {
      const first = await run(perSecond)
      // One slow moment of the machine would end the ramp.
      const isSlowAlone = first.breach !== null && first.load.by === 'time' && first.load.p99Ms > p99Ms
      const goesAgain = isSlowAlone && hasTimeFor(stepSeconds) && !signal.aborted
      steps.push(goesAgain ? { ...(await run(perSecond)), tries: 2 } : first)
    }
  }
  return {
    settings,
    startedAt,
    seconds: (performance.now() - startMs) / 1_000,
    node: process.version,
    steps,
    end,
    ...conclude(steps, settings),
    bottleneck: bottleneckOf(steps, p99Ms),
    warnings: warningsOf(steps),
  }
}

const rampStep = ({ load, breach }: StressStep) => ({ perSecond: load.offeredPerSecond, hasBroken: breach !== null })

function bottleneckOf(steps: readonly StressStep[], p99Ms: number) {
  const broken = steps.find(({ breach }) => breach !== null)
  if (broken === undefined) return null
  const calm = stepsByRate(steps).find(({ breach }) => breach === null) ?? null
  return nameBottleneck({ broken, calm, p99Ms })
}

/** Served mostly defaults, a service has less to do than with users that it knows. */
const mostlyDefaults = 0.5

function warningsOf(steps: readonly StressStep[]): string[] {
  const warnings: string[] = []
  if (steps.some(({ service }) => service === null))
    warnings.push(
      'The service does not show its /metrics: give a token with the scope metrics, to tell its parts apart.',
    )
  if (steps.some(({ threads }) => threads !== null))
    warnings.push('The load ran on the machine of the service and took processor time from it.')
  const defaults = Math.max(0, ...steps.map(({ service }) => service?.defaultShare ?? 0))
  if (defaults > mostlyDefaults)
    warnings.push(
      `${Math.round(100 * defaults)} % of the rows were defaults, as nothing is held of their users: name users that the ` +
        'service knows by --keys.',
    )
  return warnings
}

/** Null where the service runs elsewhere, or its start or its threads are not known. */
async function serviceProcess(target: LoadTarget): Promise<number | null> {
  const text = await readMetrics(target)
  const started = text === null ? null : startSeconds(text)
  if (started === null) return null
  const { port, protocol } = new URL(target.url)
  return listeningOn(Number(port || (protocol === 'https:' ? 443 : 80)), started)
}

/** Counts calls that are under way, those that an ended step has left behind too. */
class Calls {
  readonly start: StartCall
  #underWay = 0

  constructor(start: StartCall) {
    this.start = (onEnd) => {
      this.#underWay++
      start((failure) => {
        this.#underWay--
        onEnd(failure)
      })
    }
  }

  async settled(longestMs: number, signal: AbortSignal): Promise<void> {
    const endMs = performance.now() + longestMs
    while (this.#underWay > 0 && performance.now() < endMs && !signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
