/**
 * A denoising autoencoder of the set of a user's last events (Wu et al. 2016), which never sees what is to be predicted:
 *   h = b + 1/√m Σ_e E[e] over the m events that were not dropped;  logit of an event = c_e + h · V[e]
 * It learns to tell the user's events, dropped ones too, from as many of other users. What is handed on is h of all events.
 * Shape letters: W numbers of a vector.
 */
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { AdagradBlock } from '../downstream/adagrad.ts'
import { descend, dot, type Slope, sigmoid } from '../downstream/gradients.ts'
import type { Example, Representation, RepresentationOptions } from './representation.ts'

const firstSd = 0.1
const dropout = 0.5
/** Of the user's events, and of as many others, a row. */
const reconstructed = 4
/** Past events of all users that others are drawn from. */
const drawnFrom = 4096

/** What is encoded, and which events are to be told from which. */
export interface Reconstruction {
  readonly kept: readonly number[]
  readonly targets: readonly { readonly event: number; readonly label: 0 | 1 }[]
}

export class HistoryAutoencoder implements Representation {
  readonly dim: number
  readonly #options: RepresentationOptions
  /** E, [2 · items, W] */
  readonly #encoder: AdagradBlock
  /** b, [1, W] */
  readonly #bias: AdagradBlock
  /** [V | c], [2 · items, W + 1] */
  readonly #decoder: AdagradBlock
  readonly #random: SeededRandom
  readonly #past = new Uint32Array(drawnFrom)
  #seen = 0
  #published: { readonly encoder: Float32Array; readonly bias: Float32Array }

  constructor(options: RepresentationOptions) {
    const { items, dim, seed } = options
    this.#options = options
    this.dim = dim
    this.#encoder = new AdagradBlock(2 * items, dim, firstSd, seed * 113)
    this.#bias = new AdagradBlock(1, dim, 0, 0)
    this.#decoder = new AdagradBlock(2 * items, dim + 1, firstSd, seed * 113 + 1)
    for (let event = 0; event < 2 * items; event++) this.#decoder.values[event * (dim + 1) + dim] = 0
    this.#random = seededRandom(seed * 113 + 2)
    this.#published = { encoder: this.#encoder.values.slice(), bias: this.#bias.values.slice() }
  }

  /** Mean log loss of the targets. */
  loss({ kept, targets }: Reconstruction): number {
    const h = encoded(this.#encoder.values, this.#bias.values, kept)
    return targets.reduce((sum, { event, label }) => {
      return sum + Math.log1p(Math.exp(label === 1 ? -this.#score(h, event) : this.#score(h, event))) / targets.length
    }, 0)
  }

  /** Of the mean log loss. */
  slopes({ kept, targets }: Reconstruction): Slope[] {
    const { dim } = this
    const { penalty } = this.#options
    const h = encoded(this.#encoder.values, this.#bias.values, kept)
    const ofTarget = new Float64Array(dim + 1).fill(1)
    ofTarget.set(h)
    const ofH = new Float64Array(dim)
    const slopes: Slope[] = targets.map(({ event, label }) => {
      const factor = (sigmoid(this.#score(h, event)) - label) / targets.length
      const at = event * (dim + 1)
      for (let k = 0; k < dim; k++) ofH[k] += factor * this.#decoder.values[at + k]
      return { block: this.#decoder, row: event, gradient: ofTarget, factor, penalty }
    })
    const share = 1 / Math.sqrt(Math.max(1, kept.length))
    for (const event of kept)
      slopes.push({ block: this.#encoder, row: event, gradient: ofH, factor: share, penalty: 0 })
    slopes.push({ block: this.#bias, row: 0, gradient: ofH, factor: 1, penalty: 0 })
    return slopes
  }

  learn({ history }: Example): void {
    if (history.length === 0) return
    const random = this.#random
    const targets: { event: number; label: 0 | 1 }[] = []
    for (let i = 0; i < reconstructed; i++) {
      targets.push({ event: history[random.nextBelow(history.length)], label: 1 })
      if (this.#seen === 0) continue
      const other = this.#past[random.nextBelow(Math.min(this.#seen, drawnFrom))]
      if (!history.includes(other)) targets.push({ event: other, label: 0 })
    }
    const kept = [...history].filter(() => random.nextFloat() >= dropout)
    descend(this.slopes({ kept, targets }), this.#options.rate)
    this.#past[this.#seen++ % drawnFrom] = history[0]
  }

  publish(): void {
    this.#published.encoder.set(this.#encoder.values)
    this.#published.bias.set(this.#bias.values)
  }

  embed(_user: number, history: Uint32Array): Float64Array {
    return encoded(this.#published.encoder, this.#published.bias, history)
  }

  #score(h: Float64Array, event: number): number {
    const { dim } = this
    const at = event * (dim + 1)
    return this.#decoder.values[at + dim] + dot(h, 0, this.#decoder.values, at, dim)
  }
}

/** h */
function encoded(table: Float32Array, bias: Float32Array, events: ArrayLike<number>): Float64Array {
  const h = Float64Array.from(bias)
  const share = 1 / Math.sqrt(Math.max(1, events.length))
  for (let i = 0; i < events.length; i++)
    for (let k = 0, at = events[i] * h.length; k < h.length; k++) h[k] += share * table[at + k]
  return h
}
