/** One arm of an experiment: what is run, and all that decides its result. */
import type { GpuDevice } from '@headwater/gpu'
import type { Stages } from '../../progress/stages.ts'
import type { ServingPolicy } from '../../replay/serving-policy.ts'
import type { LabLog } from '../log/lab-log.ts'
import type { Upstream, UpstreamPlan } from '../upstream/upstream.ts'

/** What an arm leaves behind. */
export interface ArmOutcome {
  /** Numbers by row, such as logits of a downstream model's test rows. */
  readonly columns: Readonly<Record<string, Float32Array>>
  /** Numbers of the arm as a whole. */
  readonly figures: Readonly<Record<string, number>>
  /** What to know before trusting them. */
  readonly warnings?: readonly string[]
}

/** An arm whose settings are its kind and all of its plan but what is asked of every arm. What runs it stands in the file KIND-arm beside this. */
export function armOf<Plan extends Pick<Arm, 'name' | 'title'> & Partial<Pick<Arm, 'seed' | 'upstream'>>>(
  kind: string,
  plan: Plan,
  run: Arm['run'],
): Arm {
  const { name, title, seed = 0, upstream = null, ...settings } = plan
  const module = import.meta.url.replace(/arm(\.[jt]s)$/, `${kind}-arm$1`)
  return { name, title, seed, module, settings: { kind, ...settings }, upstream, run }
}

/** Columns of an outcome, of numbers by name. */
export function floatColumns(columns: Readonly<Record<string, ArrayLike<number>>>): ArmOutcome['columns'] {
  return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, Float32Array.from(values)]))
}

export interface ArmContext {
  readonly device: GpuDevice
  readonly lab: LabLog
  readonly stages: Stages
  readonly signal: AbortSignal | undefined
}

/** An arm's own run. */
export interface ArmRun extends ArmContext {
  /** The arm's own, empty or not there yet: for what is too much to be held. */
  readonly directory: string
}

/** What decides how an arm serves along the log, and what it is called. */
export interface ServedArmPlan {
  readonly name: string
  readonly title: string
  readonly policy: ServingPolicy
  /** From the first scored row on nothing is computed any more. */
  readonly frozen: boolean
}

export interface Arm {
  /** Stable, in the JSON. */
  readonly name: string
  /** In tables and plots. */
  readonly title: string
  readonly seed: number
  /** URL of what runs it: the code that it needs is part of its place in the cache. */
  readonly module: string
  /** What decides its result beside the log, the seed, the upstream and the code. */
  readonly settings: unknown
  /** Trained before, where it serves a tower. */
  readonly upstream: UpstreamPlan | null
  run(run: ArmRun, upstream: Upstream | null): Promise<ArmOutcome>
}
