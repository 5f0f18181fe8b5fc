import type { Weights } from '@headwater/runtime'
import { seededRandom } from '@headwater/statistics'

/** Fills every parameter and table as declared, from a seed; order of declaration decides who gets which numbers. */
export function initialize(weights: Weights, seed: number): void {
  const random = seededRandom(seed)
  for (const { name, rows, cols, initialization: start } of weights.set.entries()) {
    const data = new Float32Array(rows * cols)
    if (start === 'one') data.fill(1)
    else if (typeof start === 'object' && 'values' in start) data.set(start.values)
    else if (start !== 'zero')
      for (let i = 0; i < data.length; i++)
        data[i] = 'uniform' in start ? (random.nextFloat() * 2 - 1) * start.uniform : random.nextNormal() * start.normal
    weights.write(name, data)
  }
}
