import { expect, it } from 'vitest'
import { bucketOf } from './bucket.ts'
import { murmur3 } from './murmur3.ts'

it('reserves bucket 0 for a missing value, and only for it', () => {
  expect(bucketOf('genre', null, 5)).toBe(0)
  for (let i = 0; i < 1000; i++) expect(bucketOf('genre', String(i), 2)).toBe(1)
  expect(bucketOf('genre', '', 5)).toBeGreaterThan(0)
})

it('seeds the hash of the value with the hash of the field name', () => {
  expect(bucketOf('item', 'tt0111161', 1000)).toBe(1 + (murmur3('tt0111161', murmur3('item', 0)) % 999))
})

it('spreads values evenly, and unrelatedly for two fields', () => {
  const buckets = 33
  const values = 32_000
  const counts = new Float64Array(buckets)
  let collisions = 0
  for (let i = 0; i < values; i++) {
    const bucket = bucketOf('a', `v${i}`, buckets)
    counts[bucket]++
    if (bucket === bucketOf('b', `v${i}`, buckets)) collisions++
  }
  const chiSquare = counts.slice(1).reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
  // 31 degrees of freedom: 61.1 is passed by chance once in a thousand.
  expect(chiSquare).toBeLessThan(61.1)
  expect(collisions / values).toBeCloseTo(1 / 32, 2)
})
