/**
 * A small network for little data: no id of the user, one hidden layer.
 *   x = [item's dense | flags | served vector / √D];  h = ReLU(x W + b);  logit = h w + Σ w_id + c
 * Shape letters: D served width, N inputs, H hidden units.
 */
import type { SideLayout } from '@headwater/features'
import { AdagradBlock } from './adagrad.ts'
import { type DownstreamRows, flagNames, type HeldModel, type PatientModel } from './downstream-rows.ts'

export interface SmallMlpOptions {
  readonly dim: number
  readonly flags: boolean
  readonly seed: number
  /** Of the usual learning rate. Default 1. */
  readonly rateFactor?: number
}

const smallMlpDefaults = { hidden: 16, rate: 0.05, idPenalty: 0.02 } as const

interface Weights {
  readonly first: Float32Array
  readonly biases: Float32Array
  readonly last: Float32Array
  /** By bag. */
  readonly ids: readonly Float32Array[]
}

export class SmallMlp implements PatientModel, HeldModel {
  readonly stepsHeld = Number.POSITIVE_INFINITY
  readonly #layout: SideLayout
  readonly #options: SmallMlpOptions
  readonly #rate: number
  readonly #inputs: number
  /** [N, 1 + H]: linear weights in column 0. */
  readonly #first: AdagradBlock
  /** b, [1, 1 + H], c in column 0. */
  readonly #biases: AdagradBlock
  /** w, [1, H] */
  readonly #last: AdagradBlock
  readonly #ids: readonly AdagradBlock[]
  readonly #x: Float64Array
  readonly #hidden: Float64Array
  readonly #gradient: Float64Array
  readonly #lastGradient: Float64Array
  #logits: number[] = []
  readonly #live: Weights
  /** That it predicts with while it is held. */
  #held: Weights | null = null

  constructor(layout: SideLayout, options: SmallMlpOptions) {
    const { hidden } = smallMlpDefaults
    const { dim, flags, seed } = options
    this.#layout = layout
    this.#options = options
    this.#rate = (options.rateFactor ?? 1) * smallMlpDefaults.rate
    this.#inputs = layout.dense.length + (flags ? flagNames.length : 0) + dim
    this.#first = new AdagradBlock(this.#inputs, 1 + hidden, 1 / Math.sqrt(this.#inputs), seed * 103)
    this.#biases = new AdagradBlock(1, 1 + hidden, 0, seed)
    this.#last = new AdagradBlock(1, hidden, 0.1, seed * 103 + 1)
    this.#ids = layout.bags.map(({ buckets }) => new AdagradBlock(buckets, 1, 0, seed))
    this.#x = new Float64Array(this.#inputs)
    this.#hidden = new Float64Array(1 + hidden)
    this.#gradient = new Float64Array(1 + hidden)
    this.#lastGradient = new Float64Array(hidden)
    for (let i = 0; i < this.#inputs; i++) this.#first.values[i * (1 + hidden)] = 0
    this.#live = {
      first: this.#first.values,
      biases: this.#biases.values,
      last: this.#last.values,
      ids: this.#ids.map(({ values }) => values),
    }
  }

  async step(rows: DownstreamRows): Promise<void> {
    this.predict(rows)
    this.train(rows)
  }

  predict(rows: DownstreamRows): void {
    for (let row = 0; row < rows.rows; row++) this.#logits.push(this.#predict(rows, row, this.#held ?? this.#live))
  }

  train(rows: DownstreamRows): void {
    for (let row = 0; row < rows.rows; row++) this.#train(rows, row)
  }

  hold(): void {
    const { first, biases, last, ids } = this.#live
    const copy = (values: Float32Array) => values.slice()
    this.#held = { first: copy(first), biases: copy(biases), last: copy(last), ids: ids.map(copy) }
  }

  async logits(): Promise<Float32Array> {
    const logits = Float32Array.from(this.#logits)
    this.#logits = []
    return logits
  }

  dispose(): void {}

  #read(rows: DownstreamRows, row: number): void {
    const { dense } = this.#layout
    const { dim, flags } = this.#options
    const x = this.#x
    let at = 0
    for (let i = 0; i < dense.length; i++) x[at++] = rows.item.dense[row * dense.length + i]
    if (flags) for (let i = 0; i < flagNames.length; i++) x[at++] = rows.flags[row * flagNames.length + i]
    const scale = dim > 0 ? 1 / Math.sqrt(dim) : 0
    for (let i = 0; i < dim; i++) x[at++] = scale * rows.vectors[row * dim + i]
  }

  #predict(rows: DownstreamRows, row: number, { first, biases, last, ids }: Weights): number {
    this.#read(rows, row)
    const width = this.#hidden.length
    const hidden = this.#hidden
    hidden.set(biases)
    for (let i = 0; i < this.#inputs; i++) {
      const value = this.#x[i]
      if (value === 0) continue
      for (let k = 0; k < width; k++) hidden[k] += value * first[i * width + k]
    }
    let logit = hidden[0]
    for (let k = 1; k < width; k++) logit += Math.max(0, hidden[k]) * last[k - 1]
    this.#eachId(rows, row, (b, id, share) => {
      logit += share * ids[b][id]
    })
    return logit
  }

  #train(rows: DownstreamRows, row: number): void {
    const { idPenalty } = smallMlpDefaults
    const rate = this.#rate
    const error = 1 / (1 + Math.exp(-this.#predict(rows, row, this.#live))) - rows.labels[row]
    const width = this.#hidden.length
    this.#gradient[0] = error
    for (let k = 1; k < width; k++) {
      const isOn = this.#hidden[k] > 0
      this.#gradient[k] = isOn ? error * this.#last.values[k - 1] : 0
      this.#lastGradient[k - 1] = isOn ? error * this.#hidden[k] : 0
    }
    this.#last.step(0, this.#lastGradient, 1, rate)
    this.#biases.step(0, this.#gradient, 1, rate)
    for (let i = 0; i < this.#inputs; i++) if (this.#x[i] !== 0) this.#first.step(i, this.#gradient, this.#x[i], rate)
    const own = Float64Array.of(error)
    this.#eachId(rows, row, (b, id, share) => this.#ids[b].step(id, own, share, rate, idPenalty))
  }

  /** @param each of the ids of the row's bags, by number */
  #eachId(rows: DownstreamRows, row: number, each: (bag: number, id: number, share: number) => void): void {
    for (const [b, { maxValues }] of this.#layout.bags.entries()) {
      const { ids, lengths } = rows.item.bags[b]
      for (let i = 0; i < lengths[row]; i++) each(b, ids[row * maxValues + i], 1 / lengths[row])
    }
  }
}
