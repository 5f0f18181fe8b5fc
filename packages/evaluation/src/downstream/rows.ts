/** What a downstream model is given of a step's rows. Shape letters: R rows, D width of the served vector, U of an item's, F flags, T other tasks. */
import type { FeatureSpace, SideBatch, SideLayout } from '@headwater/features'
import type { EmbeddingLayout } from '@headwater/snapshot'
import { copyRow } from '../replay/copy-row.ts'
import type { RankingSettings } from './ranking-settings.ts'

/** Columns that tell a served vector's state: served at all, stale, and the log of its age. */
export type Flag = 'served' | 'served.stale' | 'served.age'

/** Of a replay that serves nothing stale. */
export const usualFlags: readonly Flag[] = ['served', 'served.age']

/** A vector as it is served to a row. */
export interface Served {
  /** [D] */
  readonly vector: Float32Array
  /** Of the vector's features. */
  readonly ageMs: number
  readonly stale?: boolean
  /** [U] of the row's item, from the vector's snapshot. */
  readonly item?: Float32Array
}

export interface DownstreamRows {
  readonly rows: number
  /** Bucket of the user's id, [R]. */
  readonly users: Uint32Array
  /** Item and context features. */
  readonly item: SideBatch
  /** [R, F] */
  readonly flags: Float32Array
  /** [R, D], 0 where nothing is served. */
  readonly vectors: Float32Array
  /** [R, U], likewise. */
  readonly itemVectors: Float32Array
  /** 0/1 [R] */
  readonly labels: Float32Array
  /** Labels 0/1 of other tasks, and their weights, 0 where a label is unknown: both [R, T]. */
  readonly others: { readonly labels: Float32Array; readonly weights: Float32Array }
}

/** Item vectors that coefficients in the served vector are multiplied by: given from its snapshot, or the model's own. */
export interface Meeting {
  readonly layout: EmbeddingLayout
  readonly vectors: 'snapshot' | 'own'
}

/** U of the vectors that a model is given. */
export const givenWidth = (meeting: Meeting | undefined): number =>
  meeting?.vectors === 'snapshot' ? meeting.layout.width : 0

/** What every model is made for. */
export interface DownstreamOptions {
  readonly userBuckets: number
  /** D; 0 for none. */
  readonly dim: number
  /** Flags of the served vector's state that it is given, F names. */
  readonly flags: readonly Flag[]
  readonly seed: number
  /** Of a ranking model: what the vector's coefficients meet. Default: nothing but what it learns of vectors and items. */
  readonly meeting?: Meeting
  /** Tasks beside its own that a model may learn from, T. Default none. */
  readonly others?: number
  /** Of the usual learning rate. Default 1. */
  readonly rateFactor?: number
  /** Of a ranking model. Default: the usual ones. */
  readonly ranking?: RankingSettings
}

/** Predictions of a step's rows that a model keeps until they are read. */
export const predictionsHeld = 128

/** A model that predicts rows and is trained on them, in this order: predictions never know the labels of their step. */
export interface DownstreamModel {
  /** Predicts and then trains. @param rows at most those that the model was made for; read until it has settled */
  step(rows: DownstreamRows): Promise<void>
  /** The first half of `step`, without labels. */
  predict(rows: DownstreamRows): Promise<void>
  /** The second half of `step`, on rows that may have been predicted long before. */
  train(rows: DownstreamRows): Promise<void>
  /** Keeps the weights of this moment beside those that training goes on with, until the next call. */
  hold(): void
  /** As `predict`, with the weights of the last `hold`. */
  predictHeld(rows: DownstreamRows): Promise<void>
  /** Logits of the predictions since the last call, in their order: of `predictionsHeld` at most. */
  logits(): Promise<Float32Array>
  dispose(): void
}

/** A buffer of rows that is filled one by one. */
export class RowBuffer {
  readonly dim: number
  readonly users: Uint32Array
  readonly item: SideBatch
  readonly flags: Float32Array
  readonly vectors: Float32Array
  readonly itemVectors: Float32Array
  readonly labels: Float32Array
  readonly others: DownstreamRows['others']
  readonly #layout: SideLayout
  readonly #flagNames: readonly Flag[]
  readonly #itemWidth: number
  rows = 0

  /** @param others T @param itemWidth U */
  constructor(space: FeatureSpace, capacity: number, dim: number, flags: readonly Flag[], others = 0, itemWidth = 0) {
    this.#layout = space.item
    this.#flagNames = flags
    this.dim = dim
    this.item = space.allocate('item', capacity)
    this.users = new Uint32Array(capacity)
    this.flags = new Float32Array(capacity * flags.length)
    this.vectors = new Float32Array(capacity * dim)
    this.#itemWidth = itemWidth
    this.itemVectors = new Float32Array(capacity * itemWidth)
    this.labels = new Float32Array(capacity)
    this.others = { labels: new Float32Array(capacity * others), weights: new Float32Array(capacity * others) }
  }

  /** @param served null where nothing is @returns the row, whose labels of other tasks are as they were */
  push(user: number, item: SideBatch, itemRow: number, served: Served | null, label: number): number {
    const row = this.rows++
    this.users[row] = user
    this.labels[row] = label
    copyRow(this.#layout, item, itemRow, this.item, row)
    this.#flagNames.forEach((flag, f) => {
      this.flags[row * this.#flagNames.length + f] = served === null ? 0 : flagOf(flag, served)
    })
    if (served === null) this.vectors.fill(0, row * this.dim, (row + 1) * this.dim)
    else this.vectors.set(served.vector, row * this.dim)
    const width = this.#itemWidth
    if (width > 0 && served?.item) this.itemVectors.set(served.item, row * width)
    else this.itemVectors.fill(0, row * width, (row + 1) * width)
    return row
  }

  get view(): DownstreamRows {
    const { rows, users, item, flags, vectors, itemVectors, labels, others } = this
    return { rows, users, item: { ...item, rows }, flags, vectors, itemVectors, labels, others }
  }
}

function flagOf(flag: Flag, { ageMs, stale }: Served): number {
  if (flag === 'served') return 1
  if (flag === 'served.stale') return stale ? 1 : 0
  return Math.log1p(ageMs / 1000) / 16
}
