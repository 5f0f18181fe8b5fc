import { expect, it } from 'vitest'
import { hashKey } from './key-hash.ts'

it('spreads keys that differ in little over the high bits and the low, whatever the seed', () => {
  const kinds: ((i: number) => string)[] = [
    (i) => `user-${String(i).padStart(9, '0')}`,
    (i) => String(i),
    (i) => `${String(i)}@example.org`,
    (i) => `用户${String.fromCharCode(0x4e00 + (i % 20_000))}${Math.floor(i / 20_000)}`,
  ]
  const cells = 1_024
  const keys = 65_536
  for (const seed of [0, 1, 0xffffffff]) {
    for (const keyOf of kinds) {
      const high = new Float64Array(cells)
      const low = new Float64Array(cells)
      for (let i = 0; i < keys; i++) {
        const hash = hashKey(seed, keyOf(i))
        high[hash >>> 22]++
        low[hash & 1_023]++
      }
      for (const counts of [high, low]) {
        const expected = keys / cells
        const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
        // 1,023 degrees of freedom: six standard deviations of 45 above the mean.
        expect(chiSquare).toBeLessThan(1_023 + 6 * 45.2)
      }
    }
  }
})

it('depends on the seed and on the order of units', () => {
  expect(hashKey(1, 'ab')).not.toBe(hashKey(2, 'ab'))
  expect(hashKey(1, 'ab')).not.toBe(hashKey(1, 'ba'))
  expect(hashKey(1, 'a')).not.toBe(hashKey(1, 'a\u0001'))
})
