import { hiddenEvents, hiddenSetting, hiddenWorld } from '@headwater/datasets'
import { expect, test } from 'vitest'
import { crossEntropies } from '../reference-scores.ts'
import { type HiddenKnowledge, hiddenKnowledge, hiddenPredictions } from './hidden-predictions.ts'

const small = { ...hiddenSetting, factors: 2, users: 12, items: 40, bundles: 5, impressionsPerDay: 240, laterUsers: 0 }

test('who knows more loses less, and a true probability the least', () => {
  const world = hiddenWorld({ seed: 4, setting: { ...hiddenSetting, users: 80, impressionsPerDay: 3000, days: 6 } })
  const { rows, truth, predictions } = hiddenPredictions(world, { fromDay: 4 })
  expect(rows.length).toBe(6000)
  const loss = (q: readonly number[]) => {
    return crossEntropies(Float64Array.from(q), Float64Array.from(truth)).reduce((sum, own) => sum + own, 0)
  }
  const losses = Object.fromEntries(hiddenKnowledge.map((name) => [name, loss(predictions[name])])) as Record<
    HiddenKnowledge,
    number
  >
  const order = ['synchronous', 'asynchronous', 'daily', 'frozen', 'nobody'] as const
  expect(loss(truth)).toBeLessThan(losses.synchronous)
  order.slice(1).forEach((name, i) => {
    expect(losses[order[i]]).toBeLessThan(losses[name])
  })
  expect(losses.synchronous).toBeLessThan(losses.unordered)
  expect(losses.synchronous).toBeLessThan(losses.categories)
  expect(losses.categories).toBeLessThan(losses.nobody)
})

test('the first request of a day is predicted alike by all that know the interests of the day before', () => {
  const world = hiddenWorld({ seed: 3, setting: { ...small, days: 3, satiationWeight: 0, followUpWeight: 0 } })
  const { rows, predictions } = hiddenPredictions(world, { fromDay: 2 })
  const seen = new Set<number>()
  const first = new Map<number, number>()
  for (const { event, day, user } of hiddenEvents(world)) {
    if (day < 2) continue
    if (!seen.has(user)) first.set(event.row, event.timeMs)
    seen.add(user)
  }
  rows.forEach((row, i) => {
    if (!first.has(row)) return
    expect(predictions.daily[i]).toBeCloseTo(predictions.synchronous[i], 12)
    expect(predictions.frozen[i]).toBeCloseTo(predictions.synchronous[i], 12)
  })
  expect(first.size).toBeGreaterThan(5)
})
