/** One arm of an experiment: what is run, and all that decides its result. */
import type { GpuDevice } from '@headwater/gpu'
import type { Stages } from '../../main-job/stages.ts'
import type { ArmOutcome } from '../lab/arm-cache.ts'
import type { LabLog } from '../lab/lab-log.ts'
import type { Upstream, UpstreamPlan } from '../lab/upstream.ts'

export interface ArmContext {
  readonly device: GpuDevice
  readonly lab: LabLog
  readonly stages: Stages
  readonly signal: AbortSignal | undefined
}

export interface Arm {
  /** Stable, in the JSON. */
  readonly name: string
  /** In tables and plots. */
  readonly title: string
  readonly seed: number
  /** What decides its result beside the log, the seed, the upstream and the code. */
  readonly settings: unknown
  /** Trained before, where it serves a tower. */
  readonly upstream: UpstreamPlan | null
  run(context: ArmContext, upstream: Upstream | null): Promise<ArmOutcome>
}
