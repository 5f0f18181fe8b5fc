import { expect, test } from 'vitest'
import {
  formatBytes,
  formatCount,
  formatDay,
  formatDrift,
  formatDuration,
  formatFixed,
  formatGain,
  formatGainInterval,
  formatNeBounds,
  formatPercent,
} from './format.ts'

test.each([
  [0.0000012, '1.20 ns'],
  [0.0024, '2.40 µs'],
  [0.0142, '14.2 µs'],
  [0.412, '412 µs'],
  [38.7, '38.7 ms'],
  [1000, '1.00 s'],
  [90_000, '90.0 s'],
  [0, '0 ns'],
])('%d ms is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('gains carry their sign, and a rounded zero has none', () => {
  expect(formatGainInterval({ value: 0.0597, low: -0.001, high: 0.07 })).toBe('+5.97 % [−0.10, +7.00]')
  expect(formatGain(-0.0123)).toBe('−1.23 %')
  expect(formatGain(0)).toBe('0.00 %')
  expect(formatFixed(-0.00001, 2)).toBe('0.00')
  expect(formatFixed(-0.006, 2)).toBe('−0.01')
})

test('counts, percents, bytes, bounds and days', () => {
  expect(formatCount(1234567)).toBe('1,234,567')
  expect(formatPercent(0.498)).toBe('49.8 %')
  expect(formatBytes(1_183_000_000)).toBe('1.18 GB')
  expect(formatBytes(52_000_000)).toBe('52.0 MB')
  expect(formatNeBounds({ low: 0.78431, high: 0.8 })).toBe('[0.7843, 0.8000]')
  expect(formatDay(1362062429000)).toBe('2013-02-28')
  expect(formatDrift(null)).toBe('–')
  expect(formatDrift(0.96774)).toBe('0.9677')
})
