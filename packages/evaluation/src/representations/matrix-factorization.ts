/**
 * Logistic matrix factorization with biases (Koren, Bell and Volinsky 2009), one row after the other:
 *   logit = c + b_u + b_i + p_u · q_i
 * What is handed on is [p_u | b_u], as the user's last event left it: there are no snapshots.
 * Shape letters: W numbers of a vector, of which the last is the bias.
 */
import { AdagradBlock } from '../downstream/adagrad.ts'
import { descend, dot, type Slope, sigmoid } from '../downstream/gradients.ts'
import type { Example, Representation, RepresentationOptions } from './representation.ts'

/** Of the items' first factors; a user's are zeros until the first event. */
const firstSd = 0.1
const one = Float64Array.of(1)

export class MatrixFactorization implements Representation {
  readonly dim: number
  readonly #options: RepresentationOptions
  /** [p | b] a user. */
  readonly #users: AdagradBlock
  /** [q | b] an item. */
  readonly #items: AdagradBlock
  /** c */
  readonly #bias = new AdagradBlock(1, 1, 0, 0)

  constructor(options: RepresentationOptions) {
    const { users, items, dim, seed } = options
    this.#options = options
    this.dim = dim
    this.#users = new AdagradBlock(users, dim, 0, 0)
    this.#items = new AdagradBlock(items, dim, firstSd, seed * 107)
    for (let item = 0; item < items; item++) this.#items.values[(item + 1) * dim - 1] = 0
  }

  logit({ user, item }: Pick<Example, 'user' | 'item'>): number {
    const { dim } = this
    const [u, i] = [this.#users.values, this.#items.values]
    const [atUser, atItem] = [user * dim, item * dim]
    const biases = this.#bias.values[0] + u[atUser + dim - 1] + i[atItem + dim - 1]
    return biases + dot(u, atUser, i, atItem, dim - 1)
  }

  /** Of the log loss. */
  slopes(example: Pick<Example, 'user' | 'item' | 'label'>): Slope[] {
    const { dim } = this
    const { user, item, label } = example
    const { penalty } = this.#options
    const factor = sigmoid(this.logit(example)) - label
    const ofUser = Float64Array.from(this.#items.values.subarray(item * dim, (item + 1) * dim))
    const ofItem = Float64Array.from(this.#users.values.subarray(user * dim, (user + 1) * dim))
    ofUser[dim - 1] = 1
    ofItem[dim - 1] = 1
    return [
      { block: this.#users, row: user, gradient: ofUser, factor, penalty },
      { block: this.#items, row: item, gradient: ofItem, factor, penalty },
      { block: this.#bias, row: 0, gradient: one, factor, penalty: 0 },
    ]
  }

  learn(example: Example): void {
    descend(this.slopes(example), this.#options.rate)
  }

  publish(): void {}

  embed(user: number): Float64Array {
    return Float64Array.from(this.#users.values.subarray(user * this.dim, (user + 1) * this.dim))
  }
}
