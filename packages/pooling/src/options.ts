import type { FeatureSpace } from '@headwater/features'
import type { AppendPolicy, EmbeddingStore } from '@headwater/store'
import { PoolingConfigError } from './errors.ts'
import type { RowEncoder } from './row-encoder.ts'
import type { ServedBatch, ServingRule } from './served-batch.ts'

/** Milliseconds since 1970: the wall's time in service, the log's in a replay. */
export interface Clock {
  now(): number
}

export interface PoolingPolicy {
  /** Newest embeddings of one frame that are averaged. */
  readonly count: number
  /** Embeddings kept, N. Default 3, or `count` where that is more. */
  readonly slots?: number
  /** One slot a snapshot, or one a refresh as the paper reads. */
  readonly slot: 'snapshot' | 'refresh'
  /** Embeddings whose features lie further behind the newest's are not averaged. Default: all are. */
  readonly maxLagMs?: number
  /** Rows older than this are flagged stale. Default: never. */
  readonly maxAgeMs?: number
  /** Rows older than this are not served; the default vector is. Default: never. */
  readonly timeToLiveMs?: number
}

export interface PoolingModel {
  readonly name: string
  readonly dim: number
  readonly policy: PoolingPolicy
  /** [dim] served to users of whom nothing is held. Default: zeros. */
  readonly defaultVector?: Float32Array
}

export interface PoolingOptions {
  readonly store: EmbeddingStore
  readonly space: FeatureSpace
  readonly models: readonly PoolingModel[]
  readonly clock: Clock
  /** What makes a user's refresh. Default `event`. */
  readonly refreshOn?: 'event' | 'read' | 'both'
  /** Time from an offer to the time as of which its features are read. Default 1,000. */
  readonly refreshDelayMs?: number
  /** Users a call of an encoder. Default 256. */
  readonly batchSize?: number
  /** Makes rows of users' states, `batchSize` of them at most. Default: the calling thread does. */
  readonly rowEncoder?: RowEncoder
  /** Users that may wait for a refresh; offers beyond are shed. Default 100,000. */
  readonly maxQueue?: number
  /** Told of every batch served, before `read` resolves. The batch is the reader's: copy what is kept. */
  readonly onServed?: (served: ServedBatch) => void
}

/** A model with all defaults filled in. */
export interface ModelRule extends ServingRule {
  readonly timeToLiveMs: number
  readonly append: AppendPolicy
}

/** @throws PoolingConfigError */
export function rulesOf(models: readonly PoolingModel[]): ReadonlyMap<string, ModelRule> {
  const rules = new Map<string, ModelRule>()
  for (const { name, dim, policy, defaultVector = new Float32Array(dim) } of models) {
    if (rules.has(name)) throw new PoolingConfigError(`model "${name}" is declared twice; give each its own name`)
    if (defaultVector.length !== dim) {
      throw new PoolingConfigError(
        `model "${name}": defaultVector has ${defaultVector.length} values; give dim, ${dim}`,
      )
    }
    const { count, slot, slots = Math.max(3, count), maxLagMs = Infinity } = policy
    const { maxAgeMs = Infinity, timeToLiveMs = Infinity } = policy
    rules.set(name, { name, dim, defaultVector, maxAgeMs, timeToLiveMs, append: { slots, count, slot, maxLagMs } })
  }
  return rules
}

/** @throws PoolingConfigError */
export function checkCount(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new PoolingConfigError(`${name} is ${value}; give an integer of at least 1`)
}

/** @throws PoolingConfigError */
export function checkDuration(name: string, valueMs: number): number {
  if (Number.isFinite(valueMs) && valueMs >= 0) return valueMs
  throw new PoolingConfigError(`${name} is ${valueMs}; give milliseconds, 0 or more`)
}
