import type { Initialization, Weights } from '@headwater/runtime'
import { type SeededRandom, seededRandom } from '@headwater/statistics'

/** Fills every parameter and table as declared, from a seed; order of declaration decides who gets which numbers. */
export function initialize(weights: Weights, seed: number): void {
  const random = seededRandom(seed)
  for (const { name, rows, cols, initialization } of weights.set.entries()) {
    const data = new Float32Array(rows * cols)
    fill(data, initialization, random)
    weights.write(name, data)
  }
}

function fill(data: Float32Array, initialization: Initialization, random: SeededRandom): void {
  if (initialization === 'zero') return
  if (initialization === 'one') data.fill(1)
  else if ('uniform' in initialization)
    for (let i = 0; i < data.length; i++) data[i] = (random.nextFloat() * 2 - 1) * initialization.uniform
  else for (let i = 0; i < data.length; i++) data[i] = random.nextNormal() * initialization.normal
}
