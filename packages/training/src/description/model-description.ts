/**
 * What a model config comes to for given features, counted without a device. Shape letters: R rows, n tokens of d, T tasks.
 */
import type { SideLayout } from '@headwater/features'
import { type BindingLimits, TableSizeError } from '@headwater/kernels'
import {
  declareTower,
  describeLevels,
  type LevelDescription,
  type ModelConfig,
  measureUserPlan,
  type ParameterSet,
  ParameterSizeError,
  type PlanCost,
  type Tower,
  Weights,
} from '@headwater/runtime'
import { checkTrainingMemory, TrainingMemoryError } from '../memory/training-memory.ts'
import { measureScorer } from '../publication/scorer.ts'
import { measureStep } from '../step/train-step.ts'

/** A buffer, or part of one that is bound. */
export interface Sized {
  readonly label: string
  readonly sizeBytes: number
}

/** Training on a device of certain limits. */
export interface LimitsDescription {
  readonly device: string
  readonly maxBufferSize: number
  readonly maxStorageBufferBindingSize: number
  readonly largestBuffer: Sized | null
  readonly largestBinding: Sized | null
  /** Why the model cannot be trained there with so many rows; null where it can. */
  readonly refusal: string | null
}

export interface PlanDescription extends PlanCost {
  /** Of what a batch is uploaded into. */
  readonly inputBytes: number
}

export interface ModelDescription {
  /** R of the plans. */
  readonly rows: number
  /** d */
  readonly tokenWidth: number
  readonly levels: readonly LevelDescription[]
  /** Numbers of a user's embeddings, K · D. */
  readonly embeddingColumns: number
  readonly parameters: {
    /** Values of dense parameters, and of embedding tables. */
    readonly dense: number
    readonly tables: number
    /** By what they belong to, as in "user.level1.mlp": values of dense parameters. */
    readonly groups: readonly { readonly name: string; readonly values: number }[]
  }
  /**
   * An example's share, by the kernels' own counts, of the plans that run: forward of both towers, encoding of the user
   * tower alone, training of a whole step. The dense optimizer's share of a step falls as its rows grow.
   */
  readonly flops: { readonly forward: number; readonly encoding: number; readonly training: number }
  readonly bytes: {
    readonly weights: number
    readonly gradients: number
    /** Moments of dense parameters and accumulators of tables. */
    readonly optimizer: number
    readonly tables: number
  }
  readonly plans: { readonly training: PlanDescription; readonly encoding: PlanDescription }
  readonly limits: readonly LimitsDescription[]
}

/** What WebGPU grants everywhere, and what adapters of data-centre GPUs report. */
const devices: readonly (BindingLimits & { readonly device: string })[] = [
  { device: "WebGPU's default limits", ...limitsOf(2 ** 28, 2 ** 27) },
  { device: 'a data-centre GPU', ...limitsOf(2 ** 32 - 4, 2 ** 32 - 4) },
]
const unlimited = limitsOf(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)

function limitsOf(maxBufferSize: number, maxStorageBufferBindingSize: number): BindingLimits {
  return { maxBufferSize, maxStorageBufferBindingSize, minStorageBufferOffsetAlignment: 256 }
}

/**
 * @param rows R of the training plan and the encode plan
 * @throws ModelConfigError
 */
export function describeModel(
  config: ModelConfig,
  user: SideLayout,
  item: SideLayout,
  tasks: number,
  rows: number,
): ModelDescription {
  const tower = declareTower(user, item, tasks, config)
  const { set } = tower
  const weights = new Weights(null, set, true, unlimited)
  const training = measureStep(tower, weights, rows)
  const encoding = measureUserPlan({ tower: tower.user, weights, alignment: null }, rows).run
  const dense = set.parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0)
  const bytesOf = (pattern: RegExp) =>
    weights.sizes.reduce((sum, { label, sizeBytes }) => sum + (pattern.test(label) ? sizeBytes : 0), 0)
  return {
    rows,
    tokenWidth: config.user.tokenWidth,
    levels: describeLevels(config, user),
    embeddingColumns: tower.user.dim,
    parameters: { dense, tables: set.count - dense, groups: parameterGroups(set) },
    flops: {
      forward: measureScorer(tower, weights, rows).flops / rows,
      encoding: encoding.flops / rows,
      training: training.flops / rows,
    },
    bytes: {
      weights: bytesOf(/^parameters/),
      gradients: bytesOf(/^parameter gradients/),
      optimizer: bytesOf(/^(first|second) moments|^squares of /),
      tables: bytesOf(/^table /),
    },
    plans: { training, encoding },
    limits: devices.map((limits) => describeLimits(tower, limits, training, rows)),
  }
}

/** Parameters by the first part of their name; those of a level by the extractor too. */
function parameterGroups(set: ParameterSet): { name: string; values: number }[] {
  const groups = new Map<string, number>()
  for (const { name, rows, cols } of set.parameters) {
    const [side, part, within] = name.split('.')
    const group = part.startsWith('level') ? `${side}.${part}.${within}` : `${side}.${part}`
    groups.set(group, (groups.get(group) ?? 0) + rows * cols)
  }
  return [...groups].map(([name, values]) => ({ name, values }))
}

const larger = (a: Sized, b: Sized) => (b.sizeBytes > a.sizeBytes ? b : a)

function describeLimits(
  tower: Tower,
  { device, ...limits }: (typeof devices)[number],
  { largestBytes }: PlanDescription,
  rows: number,
): LimitsDescription {
  const { maxBufferSize, maxStorageBufferBindingSize } = limits
  const about = { device, maxBufferSize, maxStorageBufferBindingSize, refusal: refusalOf(tower, rows, limits) }
  let weights: Weights
  try {
    weights = new Weights(null, tower.set, true, limits)
  } catch (cause) {
    if (!(cause instanceof ParameterSizeError || cause instanceof TableSizeError)) throw cause
    return { ...about, largestBuffer: null, largestBinding: null }
  }
  const activations = { label: 'activations', sizeBytes: largestBytes }
  const bound = [
    // Optimizers go over a run of parameters at once.
    ...weights.runs.map(({ values }) => values.storage),
    ...tower.set.tables.flatMap((table) => weights.table(table).parts.map(({ values }) => values.storage)),
    activations,
  ]
  const { label, sizeBytes } = bound.reduce(larger)
  return {
    ...about,
    largestBuffer: [...weights.sizes, activations].reduce(larger),
    largestBinding: { label, sizeBytes },
  }
}

/** What a training says that is given such a device; null where it begins. */
function refusalOf(tower: Tower, rows: number, limits: BindingLimits): string | null {
  try {
    checkTrainingMemory(tower, rows, limits, Number.POSITIVE_INFINITY, false)
    return null
  } catch (cause) {
    if (!(cause instanceof TrainingMemoryError)) throw cause
    return cause.message
  }
}
