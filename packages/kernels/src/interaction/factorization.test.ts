import { seededRandom } from '@headwater/statistics'
import { expect, it } from 'vitest'
import { factorizationForward } from './factorization.ts'

it('factorization: the sum over pairs is half the square of the sum less half the sum of squares', () => {
  const random = seededRandom(1)
  const shape = { R: 3, F: 7, D4: 2, vOffset: 0, vRow: 14, yOffset: 0, yRow: 1, accumulate: 0 }
  const v = Float64Array.from({ length: 3 * 56 }, () => random.nextNormal())
  const arrays = { v, y: new Float64Array(3), sums: new Float64Array(24) }
  factorizationForward.reference(shape, arrays)
  for (let r = 0; r < 3; r++) {
    let expected = 0
    for (let d = 0; d < 8; d++) {
      const column = Array.from({ length: 7 }, (_, i) => v[r * 56 + i * 8 + d])
      const sum = column.reduce((a, b) => a + b)
      expected += (sum ** 2 - column.reduce((a, b) => a + b * b, 0)) / 2
    }
    expect(arrays.y[r]).toBeCloseTo(expected, 10)
  }
})
