/**
 * Logistic models on sparse ids whose interactions are dot products of fields' vectors:
 *   logit = b + Σ_f w_f + interaction(s₁ … s_F), each field's s_f and w_f a weighted sum of its features' rows.
 * - `fm`, a factorization machine (Rendle 2010) over fields: ½ (‖Σ s_f‖² − Σ ‖s_f‖²)
 * - `two-tower`: (Σ of the user's fields) · (Σ of the item's fields)
 * The user's fields are the id and the served vector; all others are the item's. Shape letters: D served width, K factors.
 */
import type { SideLayout } from '@headwater/features'
import { AdagradBlock } from './adagrad.ts'
import { type DownstreamRows, flagNames, type HeldModel, type PatientModel } from './downstream-rows.ts'

export interface FactorModelOptions {
  readonly interaction: 'fm' | 'two-tower'
  readonly userBuckets: number
  /** D; 0 for none. */
  readonly dim: number
  /** Whether it is told if something is served, and how old. */
  readonly flags: boolean
  readonly seed: number
  /** Of the usual learning rate. Default 1. */
  readonly rateFactor?: number
}

export const factorModelDefaults = { factors: 8, rate: 0.05, idPenalty: 0.02, sd: 0.05 } as const

/** A field: its rows' linear weights in column 0, their K factors behind. */
interface Field {
  readonly ofUser: boolean
  readonly block: AdagradBlock
  readonly penalty: number
}

export class FactorModel implements PatientModel, HeldModel {
  readonly stepsHeld = Number.POSITIVE_INFINITY
  readonly #layout: SideLayout
  readonly #options: FactorModelOptions
  readonly #fields: readonly Field[]
  /** Their values as training leaves them. */
  readonly #live: readonly Float32Array[]
  /** [F, 1 + K], sums of the row at hand. */
  readonly #sums: Float64Array
  readonly #gradient: Float64Array
  readonly #scale: number
  readonly #rate: number
  readonly #flags: number
  #bias = 0
  #biasSquares = 1
  #logits: number[] = []
  #held: { readonly bias: number; readonly values: readonly Float32Array[] } | null = null

  constructor(layout: SideLayout, options: FactorModelOptions) {
    const { sd, idPenalty } = factorModelDefaults
    const { seed, dim, flags, userBuckets } = options
    const field = (rows: number, ofUser: boolean, first: number, penalty: number, place: number): Field => ({
      ofUser,
      penalty,
      block: new AdagradBlock(rows, width, first, seed * 101 + place),
    })
    this.#layout = layout
    this.#options = options
    this.#rate = (options.rateFactor ?? 1) * factorModelDefaults.rate
    this.#fields = [
      field(userBuckets, true, sd, idPenalty, 0),
      ...layout.bags.map(({ buckets }, b) => field(buckets, false, sd, idPenalty, 1 + b)),
      field(layout.dense.length + (flags ? flagNames.length : 0), false, sd, 0, 90),
      // From zero: a model that has long been trained without must not be shaken when the first vectors arrive.
      ...(dim > 0 ? [field(dim, true, 0, 0, 91)] : []),
    ]
    this.#live = this.#fields.map(({ block }) => block.values)
    this.#sums = new Float64Array(this.#fields.length * width)
    this.#gradient = new Float64Array(width)
    this.#flags = flags ? flagNames.length : 0
    this.#scale = dim > 0 ? 1 / Math.sqrt(dim) : 0
  }

  async step(rows: DownstreamRows): Promise<void> {
    this.predict(rows)
    this.train(rows)
  }

  predict(rows: DownstreamRows): void {
    for (let row = 0; row < rows.rows; row++)
      this.#logits.push(this.#predict(rows, row, this.#held?.values ?? this.#live, this.#held?.bias ?? this.#bias))
  }

  train(rows: DownstreamRows): void {
    for (let row = 0; row < rows.rows; row++) this.#train(rows, row)
  }

  hold(): void {
    this.#held = { bias: this.#bias, values: this.#live.map((values) => values.slice()) }
  }

  async logits(): Promise<Float32Array> {
    const logits = Float32Array.from(this.#logits)
    this.#logits = []
    return logits
  }

  dispose(): void {}

  /** Adds a field's weighted rows into its sums. */
  #addField(rows: DownstreamRows, row: number, f: number, values: Float32Array): void {
    const { bags, dense } = this.#layout
    const at = f * width
    if (f === 0) addRow(this.#sums, at, values, rows.users[row], 1)
    else if (f <= bags.length) {
      const { ids, lengths } = rows.item.bags[f - 1]
      const { maxValues } = bags[f - 1]
      for (let i = 0; i < lengths[row]; i++) addRow(this.#sums, at, values, ids[row * maxValues + i], 1 / lengths[row])
    } else if (f === bags.length + 1) {
      const count = dense.length
      for (let i = 0; i < count; i++) addRow(this.#sums, at, values, i, rows.item.dense[row * count + i])
      for (let i = 0; i < this.#flags; i++)
        addRow(this.#sums, at, values, count + i, rows.flags[row * flagNames.length + i])
    } else {
      const { dim } = this.#options
      for (let i = 0; i < dim; i++) addRow(this.#sums, at, values, i, this.#scale * rows.vectors[row * dim + i])
    }
  }

  /** Steps a field's rows against the gradient at hand. */
  #stepField(rows: DownstreamRows, row: number, f: number): void {
    const { bags, dense } = this.#layout
    const { block, penalty } = this.#fields[f]
    const rate = this.#rate
    const gradient = this.#gradient
    if (f === 0) block.step(rows.users[row], gradient, 1, rate, penalty)
    else if (f <= bags.length) {
      const { ids, lengths } = rows.item.bags[f - 1]
      const { maxValues } = bags[f - 1]
      for (let i = 0; i < lengths[row]; i++)
        block.step(ids[row * maxValues + i], gradient, 1 / lengths[row], rate, penalty)
    } else if (f === bags.length + 1) {
      const count = dense.length
      for (let i = 0; i < count; i++) block.step(i, gradient, rows.item.dense[row * count + i], rate)
      for (let i = 0; i < this.#flags; i++)
        block.step(count + i, gradient, rows.flags[row * flagNames.length + i], rate)
    } else {
      const { dim } = this.#options
      for (let i = 0; i < dim; i++) block.step(i, gradient, this.#scale * rows.vectors[row * dim + i], rate)
    }
  }

  #predict(rows: DownstreamRows, row: number, weights: readonly Float32Array[], bias: number): number {
    const sums = this.#sums
    const fields = this.#fields
    sums.fill(0)
    let logit = bias
    for (let f = 0; f < fields.length; f++) {
      this.#addField(rows, row, f, weights[f])
      logit += sums[f * width]
    }
    for (let k = 1; k < width; k++) {
      let [user, item, squares] = [0, 0, 0]
      for (let f = 0; f < fields.length; f++) {
        const s = sums[f * width + k]
        if (fields[f].ofUser) user += s
        else item += s
        squares += s * s
      }
      logit += this.#options.interaction === 'fm' ? ((user + item) ** 2 - squares) / 2 : user * item
    }
    return logit
  }

  #train(rows: DownstreamRows, row: number): void {
    const error = 1 / (1 + Math.exp(-this.#predict(rows, row, this.#live, this.#bias))) - rows.labels[row]
    this.#biasSquares += error * error
    this.#bias -= (this.#rate * error) / Math.sqrt(this.#biasSquares)
    const sums = this.#sums
    const fields = this.#fields
    const gradient = this.#gradient
    const isFm = this.#options.interaction === 'fm'
    for (let f = 0; f < fields.length; f++) {
      gradient[0] = error
      for (let k = 1; k < width; k++) {
        let others = 0
        for (let g = 0; g < fields.length; g++) {
          const meets = isFm ? g !== f : fields[g].ofUser !== fields[f].ofUser
          if (meets) others += sums[g * width + k]
        }
        gradient[k] = error * others
      }
      this.#stepField(rows, row, f)
    }
  }
}

/** A field's linear weight and its factors. */
const width = 1 + factorModelDefaults.factors

function addRow(sums: Float64Array, at: number, values: Float32Array, feature: number, value: number): void {
  if (value === 0) return
  for (let k = 0, from = feature * width; k < width; k++) sums[at + k] += value * values[from + k]
}
