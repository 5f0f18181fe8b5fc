/** A representation that learns along a replayed log, and what is held of each user as a service would compute it. */

import { floatToHalf, halfToFloat } from '@headwater/binary16'
import { bucketOf, type FeatureSpace, groupsByTime, happened, type LogEvent, schemaDefaults } from '@headwater/features'
import type { CaptureLearner } from '../replay/as-of-replay.ts'
import { HistoryAutoencoder } from './history-autoencoder.ts'
import { MatrixFactorization } from './matrix-factorization.ts'
import { PooledHistory } from './pooled-history.ts'
import type { Representation } from './representation.ts'
import { unitScale } from './unit-scale.ts'
import { eventId, UserHistories } from './user-histories.ts'

/** `events`: the history itself, for a model that reads it. */
export type LearnedKind = keyof typeof representations | 'events'

export interface LearnedPlan {
  readonly kind: LearnedKind
  /** W, numbers of a vector; of `events` their number. */
  readonly dim: number
  /** N, events of a history. */
  readonly events: number
  readonly rate: number
  readonly penalty: number
}

/** Events of a history where the schema has no sequence. */
const eventsOfNone = 32

/** N, as the tower's own sequence has it. */
export function historyLength({ schema }: FeatureSpace): number {
  return schema.sequence?.length ?? eventsOfNone
}

function itemBuckets({ schema }: FeatureSpace): number {
  return schema.itemBuckets ?? schemaDefaults.itemBuckets
}

export class LearnedSource implements CaptureLearner<Float32Array> {
  readonly dim: number
  readonly #space: FeatureSpace
  readonly #publishedMs: readonly number[]
  readonly #delayMs: number
  /** Null: histories are held as they are. */
  readonly #representation: Representation | null
  readonly #numbers = new Map<string, number>()
  readonly #histories: UserHistories
  /** By the user's number. */
  readonly #vectors: Float32Array[] = []
  /** Whose labels are not known yet. */
  readonly #waiting: LogEvent[] = []
  #scaled: ReturnType<typeof unitScale>
  #published = 0

  /** @param publishedMs time of the last event before each publication, ascending @param users of the log */
  constructor(space: FeatureSpace, plan: LearnedPlan, publishedMs: readonly number[], users: number, seed: number) {
    this.#space = space
    this.#publishedMs = publishedMs
    this.#delayMs = space.tasks[0].delayMs
    this.#histories = new UserHistories(plan.events)
    this.dim = plan.dim
    const options = { ...plan, users, items: itemBuckets(space), seed }
    this.#representation = plan.kind === 'events' ? null : new representations[plan.kind](options)
    this.#scaled = unitScale([], plan.dim)
  }

  ingest(group: readonly LogEvent[]): void {
    const { timeMs } = group[0]
    this.#publishUntil(this.#publishedMs.filter((ms) => ms < timeMs).length)
    this.#waiting.push(...group)
    const known = this.#waiting.findIndex((event) => event.timeMs + this.#delayMs > timeMs)
    const due = this.#waiting.splice(0, known < 0 ? this.#waiting.length : known)
    for (const own of groupsByTime(due)) this.#learn(own)
    if (this.#published === 0) return
    for (const user of new Set(group.map((event) => event.user))) this.#compute(this.#numberOf(user))
  }

  take(snapshot: number, user: string): Float32Array {
    this.#publishUntil(snapshot + 1)
    return this.#vectors[this.#numberOf(user)] ?? new Float32Array(this.dim)
  }

  dispose(): void {}

  /** Of the first publication, all known users are computed. */
  #publishUntil(count: number): void {
    if (this.#published >= count) return
    const first = this.#published === 0
    const representation = this.#representation
    this.#published = count
    if (representation !== null) {
      representation.publish()
      const vectors = [...this.#numbers.values()].map((user) => representation.embed(user, this.#histories.of(user)))
      this.#scaled = unitScale(vectors, this.dim)
    }
    if (first) for (const user of this.#numbers.values()) this.#compute(user)
  }

  /** Rows of one time are not earlier than one another. */
  #learn(group: readonly LogEvent[]): void {
    const examples = group.map((event) => {
      const user = this.#numberOf(event.user)
      const item = bucketOf('item', event.item, itemBuckets(this.#space))
      return {
        user,
        item,
        history: this.#histories.of(user),
        label: this.#space.rankedLabel(event),
        isTaken: happened(event),
      }
    })
    for (const { label, isTaken: _, ...example } of examples)
      if (label !== null) this.#representation?.learn({ ...example, label })
    for (const { user, item, label, isTaken } of examples)
      if (isTaken) this.#histories.push(user, eventId(item, label ?? 1))
  }

  #compute(user: number): void {
    const history = this.#histories.of(user)
    this.#vectors[user] =
      this.#representation === null
        ? paddedEvents(history, this.dim)
        : stored(this.#scaled(this.#representation.embed(user, history)))
  }

  #numberOf(name: string): number {
    const found = this.#numbers.get(name) ?? this.#numbers.size
    if (found === this.#numbers.size) this.#numbers.set(name, found)
    return found
  }
}

const representations = { factors: MatrixFactorization, pooled: PooledHistory, autoencoder: HistoryAutoencoder }

/** As the store holds a vector: in half precision. */
function stored(vector: Float64Array): Float32Array {
  return Float32Array.from(vector, (value) => halfToFloat(floatToHalf(value)))
}

/** Event ids + 1, the latest first, 0 where there is none: an id of less than 2²⁴ is exact. */
export function paddedEvents(history: Uint32Array, dim: number): Float32Array {
  const padded = new Float32Array(dim)
  for (let i = 0; i < Math.min(dim, history.length); i++) padded[i] = history[i] + 1
  return padded
}
