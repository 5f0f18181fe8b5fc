/**
 * The mean of a user's last events' embeddings, learnt as in FISM (Kabbur, Ning and Karypis 2013):
 *   u = 1/n Σ_e E[e];  logit = c + b_i + u · (w + q_i)
 * An event's embedding is its item's and its outcome's. What is handed on is u. Shape letters: W numbers of a vector.
 */
import { AdagradBlock } from '../downstream/adagrad.ts'
import { descend, dot, type Slope, sigmoid } from '../downstream/gradients.ts'
import type { Example, Representation, RepresentationOptions } from './representation.ts'

const firstSd = 0.1

export class PooledHistory implements Representation {
  readonly dim: number
  readonly #options: RepresentationOptions
  /** E, [2 · items, W] */
  readonly #events: AdagradBlock
  /** [q | b] an item, [items, W + 1] */
  readonly #items: AdagradBlock
  /** [w | c], [1, W + 1] */
  readonly #common: AdagradBlock
  #published: Float32Array

  constructor(options: RepresentationOptions) {
    const { items, dim, seed } = options
    this.#options = options
    this.dim = dim
    this.#events = new AdagradBlock(2 * items, dim, firstSd, seed * 109)
    this.#items = new AdagradBlock(items, dim + 1, firstSd, seed * 109 + 1)
    this.#common = new AdagradBlock(1, dim + 1, 0, 0)
    for (let item = 0; item < items; item++) this.#items.values[item * (dim + 1) + dim] = 0
    this.#published = this.#events.values.slice()
  }

  logit({ item, history }: Pick<Example, 'item' | 'history'>): number {
    const { dim } = this
    const u = meanOf(this.#events.values, history, dim)
    const [i, w] = [this.#items.values, this.#common.values]
    const at = item * (dim + 1)
    return w[dim] + i[at + dim] + dot(u, 0, w, 0, dim) + dot(u, 0, i, at, dim)
  }

  /** Of the log loss. */
  slopes(example: Omit<Example, 'user'>): Slope[] {
    const { dim } = this
    const { item, history, label } = example
    const { penalty } = this.#options
    const factor = sigmoid(this.logit(example)) - label
    const ofItem = new Float64Array(dim + 1).fill(1)
    ofItem.set(meanOf(this.#events.values, history, dim))
    const at = item * (dim + 1)
    const ofEvent = Float64Array.from({ length: dim }, (_, k) => this.#common.values[k] + this.#items.values[at + k])
    return [
      ...Array.from(history, (event) => {
        return { block: this.#events, row: event, gradient: ofEvent, factor: factor / history.length, penalty: 0 }
      }),
      { block: this.#items, row: item, gradient: ofItem, factor, penalty },
      { block: this.#common, row: 0, gradient: ofItem, factor, penalty: 0 },
    ]
  }

  learn(example: Example): void {
    descend(this.slopes(example), this.#options.rate)
  }

  publish(): void {
    this.#published.set(this.#events.values)
  }

  embed(_user: number, history: Uint32Array): Float64Array {
    return meanOf(this.#published, history, this.dim)
  }
}

/** Mean of the history's rows of a table; zeros of none. */
function meanOf(table: Float32Array, history: Uint32Array, dim: number): Float64Array {
  const mean = new Float64Array(dim)
  for (const event of history) for (let k = 0; k < dim; k++) mean[k] += table[event * dim + k] / history.length
  return mean
}
