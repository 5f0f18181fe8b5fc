/** What a stress found; `--json` writes it as it stands. */
import type { Bottleneck } from './bottleneck.ts'
import type { StepEvidence } from './step.ts'

export interface StressSettings {
  readonly url: string
  /** File of users' keys, or null where they are made up. */
  readonly keys: string | null
  readonly users: number
  readonly models: readonly string[]
  readonly usersACall: number
  readonly eventsShare: number
  readonly p99Ms: number
  readonly maxPerSecond: number
  readonly maxSeconds: number
  readonly stepSeconds: number
  readonly connections: number
}

export interface StressStep extends StepEvidence {
  /** Why it broke, or null where it held. */
  readonly breach: string | null
  /** 2 where its p99 was too long at first, and the rate was tried once more: this is the second. */
  readonly tries: 1 | 2
}

/** Calls a second: whole, but for the lowest. */
export function formatRate(perSecond: number): string {
  return perSecond.toLocaleString('en', { maximumFractionDigits: perSecond < 10 ? 1 : 0 })
}

/** `broken`: the limit is found; `held`: the highest rate held; the others ended before. */
export type StressEnd = 'broken' | 'held' | 'out of time' | 'stopped'

export interface StressResult {
  readonly settings: StressSettings
  readonly startedAt: string
  readonly seconds: number
  readonly node: string
  /** In the order in which they ran. */
  readonly steps: readonly StressStep[]
  readonly end: StressEnd
  /** The highest rate that held, below all that broke. */
  readonly holds: { readonly perSecond: number; readonly usersPerSecond: number; readonly p99Ms: number } | null
  /** The lowest rate that broke. */
  readonly breaks: { readonly perSecond: number; readonly because: string } | null
  /** Of the first step that broke. */
  readonly bottleneck: Bottleneck | null
  /** What to know before the figures are trusted. */
  readonly warnings: readonly string[]
}

/** Steps by rate, those that were stopped left out. */
export const stepsByRate = (steps: readonly StressStep[]) =>
  steps
    .filter(({ load }) => load.by !== 'stopped')
    .toSorted((a, b) => a.load.offeredPerSecond - b.load.offeredPerSecond)

/** @param steps in the order in which they ran, each judged */
export function conclude(
  steps: readonly StressStep[],
  { usersACall, eventsShare }: StressSettings,
): Pick<StressResult, 'holds' | 'breaks'> {
  const byRate = stepsByRate(steps)
  const lowestBroken = byRate.find(({ breach }) => breach !== null)
  const below = lowestBroken?.load.offeredPerSecond ?? Number.POSITIVE_INFINITY
  const held = byRate.findLast(({ breach, load }) => breach === null && load.offeredPerSecond < below)
  return {
    holds: held
      ? {
          perSecond: held.load.offeredPerSecond,
          usersPerSecond: held.load.offeredPerSecond * (1 - eventsShare) * usersACall,
          p99Ms: held.load.p99Ms,
        }
      : null,
    breaks: lowestBroken ? { perSecond: below, because: lowestBroken.breach! } : null,
  }
}
