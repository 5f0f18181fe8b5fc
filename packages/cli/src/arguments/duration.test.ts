import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { durationMs } from './duration.ts'

test.each([
  ['30s', 30_000],
  ['1m', 60_000],
  ['90m', 5_400_000],
  ['6h', 21_600_000],
  ['1d', 86_400_000],
  ['2w', 1_209_600_000],
])('%s', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})

test.each(['', '1', 'd', '0d', '-1d', '1.5h', '1 d', '1y', '9999999d'])('"%s" is refused', (text) => {
  expect(() => durationMs(text)).toThrow(InvalidArgumentError)
})
