import type { Weights } from '@headwater/runtime'
import { seededRandom } from '@headwater/statistics'

/** Fills every parameter and table as declared, from a seed; order of declaration decides who gets which numbers. */
export function initialize(weights: Weights, seed: number): void {
  const random = seededRandom(seed)
  for (const { name, rows, cols, initialization } of weights.set.entries()) {
    const data = new Float32Array(rows * cols)
    if (initialization !== 'zero')
      for (let i = 0; i < data.length; i++) data[i] = (random.nextFloat() * 2 - 1) * initialization.uniform
    weights.write(name, data)
  }
}
