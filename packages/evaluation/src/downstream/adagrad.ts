/** A block of parameters trained by AdaGrad (Duchi, Hazan and Singer 2011), a row of it at a time. */
import { seededRandom } from '@headwater/statistics'

/** Keeps first steps small: an accumulator that begins at 0 would make each as large as the rate. */
const usualSquare = 0.1

export class AdagradBlock {
  values: Float32Array
  readonly width: number
  readonly #squares: Float32Array

  /** @param sd of the first values, normal; 0 for zeros @param firstSquare that the accumulators begin at */
  constructor(rows: number, width: number, sd: number, seed: number, firstSquare = usualSquare) {
    this.width = width
    this.values = new Float32Array(rows * width)
    this.#squares = new Float32Array(rows * width).fill(firstSquare)
    if (sd === 0) return
    const random = seededRandom(seed)
    for (let i = 0; i < this.values.length; i++) this.values[i] = sd * random.nextNormal()
  }

  /** Steps against `factor` times a gradient [width] plus `l2` times the row's values; not at all where the factor is 0. */
  step(row: number, gradient: Float64Array, factor: number, rate: number, l2 = 0): void {
    if (factor === 0) return
    const { values, width } = this
    const squares = this.#squares
    for (let i = 0, at = row * width; i < width; i++, at++) {
      const slope = factor * gradient[i] + l2 * values[at]
      squares[at] += slope * slope
      values[at] -= (rate * slope) / Math.sqrt(squares[at])
    }
  }
}
