import type { FeatureSpace, Schema } from '@headwater/features'
import { type AppendPolicy, checkPolicy, type EmbeddingStore, RequestError } from '@headwater/store'
import { zeroCounters } from '../contracts/counters.ts'
import { PoolingConfigError } from '../contracts/errors.ts'
import type { EventLog } from '../contracts/event-log.ts'
import type { PoolingObserver } from '../contracts/observer.ts'
import type { RowEncoder } from '../contracts/row-encoder.ts'
import type { ServedBatch } from '../contracts/served-batch.ts'

/** Milliseconds since 1970: the wall's time in service, the log's in a replay. */
export interface Clock {
  now(): number
}

export interface PoolingPolicy {
  /** Newest embeddings of one frame that are averaged. */
  readonly count: number
  /** [`count`] what they weigh, the newest first: positive numbers, of any sum. Default: all weigh the same. */
  readonly weights?: readonly number[]
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
  /**
   * [dim] served to users of whom nothing is held. Default: what the latest snapshot's tower makes of a user without
   * events, and zeros before one is published.
   */
  readonly defaultVector?: Float32Array
  /** User's `id` field of the schema: each value of it gets a default of its own. Not together with `defaultVector`. */
  readonly segmentField?: string
}

export interface PoolingOptions {
  readonly store: EmbeddingStore
  /** Whose part of the store that is. Default: not known, so that any tenant's forgotten user is dropped from the queue. */
  readonly tenant?: string
  readonly space: FeatureSpace
  readonly models: readonly PoolingModel[]
  readonly clock: Clock
  /**
   * `asynchronous`: refreshes are computed off the read path. `synchronous`: a read computes its users with the latest
   * snapshot, and serves what the store holds where that takes too long. `stored`: nothing is computed but by `backfill`.
   * Default `asynchronous`.
   */
  readonly mode?: 'asynchronous' | 'synchronous' | 'stored'
  /** Synchronous mode: how long computing may hold up a read, by the wall's clock. Default 50. */
  readonly deadlineMs?: number
  /** What makes a user's refresh in asynchronous mode. Default `event`. */
  readonly refreshOn?: 'event' | 'read' | 'both'
  /** Time from an offer to the time as of which its features are read. Default 1,000. */
  readonly refreshDelayMs?: number
  /** Users a call of an encoder. Default 256. */
  readonly batchSize?: number
  /** Makes rows of users' states, `batchSize` of them at most. Default: the calling thread does. */
  readonly rowEncoder?: RowEncoder
  /** Users that may wait for a refresh; beyond, those whose embeddings are freshest are shed. Default 100,000. */
  readonly maxQueue?: number
  /** Times that a user's refresh is tried again after a failure, while the budget lasts. Default 3. */
  readonly maxRetries?: number
  /**
   * Given each offer, where refreshes are computed in other processes: nothing waits here then. It must not throw.
   *
   * @param servedMs feature time of the embedding that is held, about; −Infinity where none is, or it is not known
   * @param askedMs arrival of the event, the features or the read that asks for it, by `performance.now()`
   */
  readonly refreshElsewhere?: (user: string, servedMs: number, askedMs: number) => void
  readonly observer?: PoolingObserver
  /** Keeps events before they are applied. Default: nothing does. */
  readonly eventLog?: EventLog
  /**
   * Called with every batch served, before `read` resolves. The batch is the reader's: copy what is kept.
   *
   * @param request the read's, where it has one
   */
  readonly onServed?: (served: ServedBatch, request?: string) => void
}

/** A model with all defaults filled in. */
export interface ModelRule {
  readonly name: string
  readonly dim: number
  readonly maxAgeMs: number
  readonly timeToLiveMs: number
  readonly append: AppendPolicy
  /** Null: the tower's own. */
  readonly defaultVector: Float32Array | null
  readonly segmentField: string | null
}

/** @throws PoolingConfigError */
export function rulesOf(models: readonly PoolingModel[], schema: Schema): ReadonlyMap<string, ModelRule> {
  const rules = new Map<string, ModelRule>()
  for (const { name, dim, policy, defaultVector = null, segmentField = null } of models) {
    if (rules.has(name)) throw new PoolingConfigError(`model "${name}" is declared twice; give each its own name`)
    if (defaultVector !== null && defaultVector.length !== dim) {
      throw new PoolingConfigError(
        `model "${name}": defaultVector has ${defaultVector.length} values; give dim, ${dim}`,
      )
    }
    if (segmentField !== null) checkSegmentField(name, segmentField, defaultVector, schema)
    const { count, weights, slot, slots = Math.max(3, count), maxLagMs = Infinity } = policy
    const { maxAgeMs = Infinity, timeToLiveMs = Infinity } = policy
    const append = { slots, count, slot, maxLagMs, ...(weights && { weights }) }
    checkAppend(name, append)
    rules.set(name, { name, dim, defaultVector, segmentField, maxAgeMs, timeToLiveMs, append })
  }
  return rules
}

function checkAppend(model: string, policy: AppendPolicy): void {
  try {
    checkPolicy(policy)
  } catch (cause) {
    if (!(cause instanceof RequestError)) throw cause
    throw new PoolingConfigError(`model "${model}": ${cause.message}`, { cause })
  }
}

function checkSegmentField(model: string, name: string, defaultVector: Float32Array | null, schema: Schema): void {
  const fields = schema.fields.filter(({ of, type }) => of === 'user' && type === 'id').map((field) => field.name)
  if (!fields.includes(name)) {
    throw new PoolingConfigError(
      `model "${model}": segmentField "${name}" is no id field of the user; the schema has ${fields.join(', ') || 'none'}`,
    )
  }
  if (defaultVector !== null) {
    throw new PoolingConfigError(
      `model "${model}": segmentField and defaultVector exclude each other; give one of them`,
    )
  }
}

/** A pooling's options, checked and with all defaults filled in, and its counters: what its parts share. */
export type Settings = ReturnType<typeof settingsOf>

/** @throws PoolingConfigError */
export function settingsOf(options: PoolingOptions) {
  const { store, space, models, clock, mode = 'asynchronous', refreshOn = 'event', observer = {} } = options
  return {
    store,
    space,
    clock,
    mode,
    observer,
    rules: rulesOf(models, space.schema),
    tenant: options.tenant ?? null,
    refreshesOnEvent: mode === 'asynchronous' && refreshOn !== 'read',
    refreshesOnRead: mode === 'asynchronous' && refreshOn !== 'event',
    deadlineMs: checkDuration('deadlineMs', options.deadlineMs ?? 50),
    refreshDelayMs: checkDuration('refreshDelayMs', options.refreshDelayMs ?? 1_000),
    batchSize: checkCount('batchSize', options.batchSize ?? 256),
    maxQueue: checkCount('maxQueue', options.maxQueue ?? 100_000),
    maxRetries: checkDuration('maxRetries', options.maxRetries ?? 3),
    rowEncoder: options.rowEncoder ?? null,
    refreshElsewhere: options.refreshElsewhere ?? null,
    eventLog: options.eventLog ?? null,
    onServed: options.onServed ?? null,
    counters: zeroCounters(),
  }
}

function checkCount(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new PoolingConfigError(`${name} is ${value}; give an integer of at least 1`)
}

function checkDuration(name: string, valueMs: number): number {
  if (Number.isFinite(valueMs) && valueMs >= 0) return valueMs
  throw new PoolingConfigError(`${name} is ${valueMs}; give milliseconds, 0 or more`)
}
