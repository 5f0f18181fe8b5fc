/** What a downstream model is given of a step's rows. Shape letters: R rows, D width of the served vector. */
import type { FeatureSpace, SideBatch, SideLayout } from '@headwater/features'
import { copyRow } from '../replay/side-rows.ts'

/** Columns that tell a served vector's state: served at all, and the log of its age. */
export const flagNames = ['served', 'served.age'] as const

export interface DownstreamRows {
  readonly rows: number
  /** Bucket of the user's id, [R]. */
  readonly users: Uint32Array
  /** Item and context features. */
  readonly item: SideBatch
  /** [R, flags]; of a model without a served vector they are not read. */
  readonly flags: Float32Array
  /** [R, D], 0 where nothing is served. */
  readonly vectors: Float32Array
  /** 0/1 [R] */
  readonly labels: Float32Array
}

/** A model that predicts rows and is trained on them, in this order: predictions never know the labels of their step. */
export interface DownstreamModel {
  /** Predicts and then trains. @param rows at most those that the model was made for; read until it has settled */
  step(rows: DownstreamRows): Promise<void>
  /** Logits of the rows since the last call, in their order. */
  logits(): Promise<Float32Array>
  /** Steps between two calls of `logits`, at most. */
  readonly stepsHeld: number
  dispose(): void
}

/** A model that can wait for labels between predicting and training. */
export interface PatientModel extends DownstreamModel {
  /** @param rows read until what is returned has settled, as those of `train` */
  predict(rows: DownstreamRows): Promise<void> | void
  train(rows: DownstreamRows): Promise<void> | void
}

/** A model whose predictions can stay behind its training, as those of one that is deployed now and then. */
export interface HeldModel extends DownstreamModel {
  /** From now on it predicts with the weights of this moment, until the next call; training goes on beside. */
  hold(): void
}

/** A buffer of rows that is filled one by one. */
export class RowBuffer {
  readonly dim: number
  readonly users: Uint32Array
  readonly item: SideBatch
  readonly flags: Float32Array
  readonly vectors: Float32Array
  readonly labels: Float32Array
  readonly #layout: SideLayout
  rows = 0

  constructor(space: FeatureSpace, capacity: number, dim: number) {
    this.#layout = space.item
    this.dim = dim
    this.item = space.allocate('item', capacity)
    this.users = new Uint32Array(capacity)
    this.flags = new Float32Array(capacity * flagNames.length)
    this.vectors = new Float32Array(capacity * dim)
    this.labels = new Float32Array(capacity)
  }

  /** @param vector null where nothing is served @param ageMs of the vector's features */
  push(
    user: number,
    item: SideBatch,
    itemRow: number,
    vector: Float32Array | null,
    ageMs: number,
    label: number,
  ): void {
    const row = this.rows++
    this.users[row] = user
    this.labels[row] = label
    copyRow(this.#layout, item, itemRow, this.item, row)
    this.flags[row * flagNames.length] = vector === null ? 0 : 1
    this.flags[row * flagNames.length + 1] = vector === null ? 0 : Math.log1p(ageMs / 1000) / 16
    if (vector === null) this.vectors.fill(0, row * this.dim, (row + 1) * this.dim)
    else this.vectors.set(vector, row * this.dim)
  }

  get view(): DownstreamRows {
    const { rows, users, item, flags, vectors, labels } = this
    return { rows, users, item: { ...item, rows }, flags, vectors, labels }
  }
}
