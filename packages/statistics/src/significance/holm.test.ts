import { expect, test } from 'vitest'
import { seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { holmAdjust } from './holm.ts'

test('by hand: .01 .04 .03 .005 → .03 .06 .06 .02', () => {
  expect([...holmAdjust([0.01, 0.04, 0.03, 0.005])].map((p) => Number(p.toFixed(12)))).toEqual([0.03, 0.06, 0.06, 0.02])
})

test('never above 1', () => {
  expect([...holmAdjust([0.6, 0.9])]).toEqual([1, 1])
})

test('rejects at α what the step-down procedure rejects', () => {
  const random = seededRandom(41)
  const alpha = 0.05
  for (let round = 0; round < 200; round++) {
    const pValues = Float64Array.from({ length: 1 + random.nextBelow(8) }, () => random.nextFloat() ** 4)
    const rejected = new Set<number>()
    const order = [...pValues.keys()].sort((a, b) => pValues[a] - pValues[b])
    for (const [step, index] of order.entries()) {
      if (pValues[index] > alpha / (pValues.length - step)) break
      rejected.add(index)
    }
    const adjusted = holmAdjust(pValues)
    expect([...adjusted.keys()].filter((i) => adjusted[i] <= alpha)).toEqual([...rejected].sort((a, b) => a - b))
  }
})

test('none, or a value out of [0, 1], is a typed error', () => {
  expect(() => holmAdjust([])).toThrow(StatisticsError)
  expect(() => holmAdjust([0.1, 1.1])).toThrow(/pValues\[1\]/)
  expect(() => holmAdjust([Number.NaN])).toThrow(StatisticsError)
})
