import { expect, test } from 'vitest'
import { backOff } from './back-off.ts'

test('pauses double up to the longest, are spread over half of it, and start anew after a sound time', () => {
  const nextMs = backOff({ firstMs: 100, mostMs: 1_000 })
  const bounds = [100, 200, 400, 800, 1_000, 1_000, 1_000]
  for (const bound of bounds) {
    const pauseMs = nextMs(999)
    expect(pauseMs).toBeGreaterThanOrEqual(bound / 2)
    expect(pauseMs).toBeLessThanOrEqual(bound)
  }
  expect(nextMs(1_000)).toBeLessThanOrEqual(100)
  const spread = Array.from({ length: 50 }, () => backOff({ firstMs: 100 })(0))
  expect(new Set(spread).size).toBeGreaterThan(1)
})

test.each([{ firstMs: 0 }, { firstMs: 200, mostMs: 100 }, { firstMs: Number.NaN }, { mostMs: Infinity }])(
  'refuses %o',
  (options) => {
    expect(() => backOff(options)).toThrow(RangeError)
  },
)
