/**
 * Logistic models on sparse ids whose interactions are dot products of fields' vectors:
 *   logit = b + Σ_f w_f + interaction(s₁ … s_F), each field's s_f and w_f a weighted sum of its features' rows.
 * - `fm`, a factorization machine (Rendle 2010) over fields: ½ (‖Σ s_f‖² − Σ ‖s_f‖²)
 * - `two-tower`: (Σ of the user's fields) · (Σ of the item's fields)
 * The user's fields are the id and the served vector; all others are the item's. Shape letters: D served width, K factors.
 */
import type { SideLayout } from '@headwater/features'
import { AdagradBlock } from './adagrad.ts'
import { sigmoid } from './gradients.ts'
import { RowModel } from './row-model.ts'
import type { DownstreamOptions, DownstreamRows } from './rows.ts'

export interface FactorModelOptions extends DownstreamOptions {
  readonly interaction: 'fm' | 'two-tower'
}

export const factorModelDefaults = { factors: 8, rate: 0.05, idPenalty: 0.02, sd: 0.05 } as const

type EachFeature = (feature: number, value: number) => void

interface Field {
  readonly ofUser: boolean
  /** The features' linear weights in column 0, their K factors behind. */
  readonly block: AdagradBlock
  readonly penalty: number
  /** The row's features in this field, with their values. */
  readonly each: (rows: DownstreamRows, row: number, visit: EachFeature) => void
}

/** A field's linear weight and its factors. */
const width = 1 + factorModelDefaults.factors

export class FactorModel extends RowModel {
  protected readonly blocks: readonly AdagradBlock[]
  readonly #fields: readonly Field[]
  /** [1, 1] */
  readonly #bias = new AdagradBlock(1, 1, 0, 0, 1)
  readonly #isFm: boolean
  readonly #rate: number
  /** [F, 1 + K], sums of the row at hand. */
  readonly #sums: Float64Array
  readonly #gradient = new Float64Array(width)

  constructor({ bags, dense }: SideLayout, { interaction, seed, dim, flags, ...options }: FactorModelOptions) {
    super()
    const { sd, idPenalty, rate } = factorModelDefaults
    const block = (rows: number, first: number, place: number) =>
      new AdagradBlock(rows, width, first, seed * 101 + place)
    const scale = 1 / Math.sqrt(dim)
    this.#fields = [
      {
        ofUser: true,
        block: block(options.userBuckets, sd, 0),
        penalty: idPenalty,
        each: ({ users }, row, visit) => visit(users[row], 1),
      },
      ...bags.map(({ buckets, maxValues }, b) => ({
        ofUser: false,
        block: block(buckets, sd, 1 + b),
        penalty: idPenalty,
        each: ({ item }: DownstreamRows, row: number, visit: EachFeature) => {
          const { ids, lengths } = item.bags[b]
          for (let i = 0; i < lengths[row]; i++) visit(ids[row * maxValues + i], 1 / lengths[row])
        },
      })),
      {
        ofUser: false,
        block: block(dense.length + flags.length, sd, 90),
        penalty: 0,
        each: (rows, row, visit) => {
          for (let i = 0; i < dense.length; i++) visit(i, rows.item.dense[row * dense.length + i])
          for (let i = 0; i < flags.length; i++) visit(dense.length + i, rows.flags[row * flags.length + i])
        },
      },
    ]
    if (dim > 0)
      this.#fields = [
        ...this.#fields,
        {
          ofUser: true,
          // From zero: a model that has long been trained without must not be shaken when the first vectors arrive.
          block: block(dim, 0, 91),
          penalty: 0,
          each: ({ vectors }, row, visit) => {
            for (let i = 0; i < dim; i++) visit(i, scale * vectors[row * dim + i])
          },
        },
      ]
    this.blocks = [this.#bias, ...this.#fields.map((field) => field.block)]
    this.#isFm = interaction === 'fm'
    this.#rate = (options.rateFactor ?? 1) * rate
    this.#sums = new Float64Array(this.#fields.length * width)
  }

  logit(rows: DownstreamRows, row: number): number {
    const sums = this.#sums
    const fields = this.#fields
    sums.fill(0)
    let logit = this.#bias.values[0]
    for (const [f, { block, each }] of fields.entries()) {
      each(rows, row, (feature, value) => addRow(sums, f * width, block.values, feature, value))
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
      logit += this.#isFm ? ((user + item) ** 2 - squares) / 2 : user * item
    }
    return logit
  }

  learn(rows: DownstreamRows, row: number): void {
    const error = sigmoid(this.logit(rows, row)) - rows.labels[row]
    const sums = this.#sums
    const fields = this.#fields
    const gradient = this.#gradient
    gradient[0] = error
    this.#bias.step(0, gradient, 1, this.#rate)
    for (const [f, { ofUser, block, penalty, each }] of fields.entries()) {
      for (let k = 1; k < width; k++) {
        let others = 0
        for (let g = 0; g < fields.length; g++) {
          const meets = this.#isFm ? g !== f : fields[g].ofUser !== ofUser
          if (meets) others += sums[g * width + k]
        }
        gradient[k] = error * others
      }
      each(rows, row, (feature, value) => block.step(feature, gradient, value, this.#rate, penalty))
    }
  }
}

function addRow(sums: Float64Array, at: number, values: Float32Array, feature: number, value: number): void {
  if (value === 0) return
  for (let k = 0, from = feature * width; k < width; k++) sums[at + k] += value * values[from + k]
}
