/**
 * A small network for little data: no id of the user, one hidden layer.
 *   x = [item's dense | flags | served vector / √D];  h = ReLU(x W + b);  logit = h w + Σ w_id + c
 * Shape letters: D served width, N inputs, H hidden units.
 */
import type { SideLayout } from '@headwater/features'
import { AdagradBlock } from './adagrad.ts'
import { sigmoid } from './gradients.ts'
import { idsOf, RowModel } from './row-model.ts'
import type { DownstreamOptions, DownstreamRows } from './rows.ts'

const defaults = { hidden: 16, rate: 0.05, idPenalty: 0.02 } as const

export class SmallMlp extends RowModel {
  protected readonly blocks: readonly AdagradBlock[]
  readonly #layout: SideLayout
  readonly #options: Omit<DownstreamOptions, 'userBuckets'>
  readonly #rate: number
  /** [N, 1 + H]: linear weights in column 0. */
  readonly #first: AdagradBlock
  /** b, [1, 1 + H], c in column 0. */
  readonly #biases: AdagradBlock
  /** w, [1, H] */
  readonly #last: AdagradBlock
  /** By bag. */
  readonly #ids: readonly AdagradBlock[]
  readonly #x: Float64Array
  readonly #hidden: Float64Array
  readonly #gradient: Float64Array
  readonly #lastGradient: Float64Array

  constructor(layout: SideLayout, options: Omit<DownstreamOptions, 'userBuckets'>) {
    super()
    const { hidden } = defaults
    const { dim, flags, seed } = options
    const inputs = layout.dense.length + flags.length + dim
    this.#layout = layout
    this.#options = options
    this.#rate = (options.rateFactor ?? 1) * defaults.rate
    this.#first = new AdagradBlock(inputs, 1 + hidden, 1 / Math.sqrt(inputs), seed * 103)
    this.#biases = new AdagradBlock(1, 1 + hidden, 0, seed)
    this.#last = new AdagradBlock(1, hidden, 0.1, seed * 103 + 1)
    this.#ids = layout.bags.map(({ buckets }) => new AdagradBlock(buckets, 1, 0, seed))
    this.#x = new Float64Array(inputs)
    this.#hidden = new Float64Array(1 + hidden)
    this.#gradient = new Float64Array(1 + hidden)
    this.#lastGradient = new Float64Array(hidden)
    for (let i = 0; i < inputs; i++) this.#first.values[i * (1 + hidden)] = 0
    this.blocks = [this.#first, this.#biases, this.#last, ...this.#ids]
  }

  #read({ item, flags, vectors }: DownstreamRows, row: number): void {
    const { dense } = this.#layout
    const { dim, flags: names } = this.#options
    const x = this.#x
    let at = 0
    for (let i = 0; i < dense.length; i++) x[at++] = item.dense[row * dense.length + i]
    for (let i = 0; i < names.length; i++) x[at++] = flags[row * names.length + i]
    const scale = dim > 0 ? 1 / Math.sqrt(dim) : 0
    for (let i = 0; i < dim; i++) x[at++] = scale * vectors[row * dim + i]
  }

  logit(rows: DownstreamRows, row: number): number {
    this.#read(rows, row)
    const { values: first } = this.#first
    const { values: last } = this.#last
    const width = this.#hidden.length
    const hidden = this.#hidden
    hidden.set(this.#biases.values)
    for (let i = 0; i < this.#x.length; i++) {
      const value = this.#x[i]
      if (value === 0) continue
      for (let k = 0; k < width; k++) hidden[k] += value * first[i * width + k]
    }
    let logit = hidden[0]
    for (let k = 1; k < width; k++) logit += Math.max(0, hidden[k]) * last[k - 1]
    for (const { bag, id, share } of idsOf(rows, row, this.#layout.bags)) logit += share * this.#ids[bag].values[id]
    return logit
  }

  learn(rows: DownstreamRows, row: number): void {
    const rate = this.#rate
    const error = sigmoid(this.logit(rows, row)) - rows.labels[row]
    const width = this.#hidden.length
    this.#gradient[0] = error
    for (let k = 1; k < width; k++) {
      const isOn = this.#hidden[k] > 0
      this.#gradient[k] = isOn ? error * this.#last.values[k - 1] : 0
      this.#lastGradient[k - 1] = isOn ? error * this.#hidden[k] : 0
    }
    this.#last.step(0, this.#lastGradient, 1, rate)
    this.#biases.step(0, this.#gradient, 1, rate)
    for (let i = 0; i < this.#x.length; i++) if (this.#x[i] !== 0) this.#first.step(i, this.#gradient, this.#x[i], rate)
    const own = Float64Array.of(error)
    for (const { bag, id, share } of idsOf(rows, row, this.#layout.bags))
      this.#ids[bag].step(id, own, share, rate, defaults.idPenalty)
  }
}
