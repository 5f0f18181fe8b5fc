import { describe, expect, it } from 'vitest'
import { BatchError } from '../batch/side-batch.ts'
import type { FieldValue, LogEvent } from '../events/event.ts'
import { fullSchema, randomLog } from '../testing/random-log.ts'
import { compileFeatures } from './feature-space.ts'

const space = compileFeatures(fullSchema())
const base = randomLog(1, 1)[0]
const eventWith = (changes: Record<string, FieldValue>): LogEvent => ({
  ...base,
  values: space.schema.fields.map((field, i) => (field.name in changes ? changes[field.name] : base.values[i])),
})

describe('labels', () => {
  const labelsOf = (changes: Parameters<typeof eventWith>[0]) => {
    const [labels, weights] = [new Uint8Array(3).fill(7), new Float32Array(3).fill(7)]
    space.labels(eventWith(changes), labels, weights)
    return { labels: [...labels], weights: [...weights] }
  }

  it('are 1 from the threshold on, and each row weighs what its task says', () => {
    const known = { rating: 7, bought: 1, worth: 2.5 }
    expect(labelsOf(known)).toEqual({ labels: [1, 0, 1], weights: [1, 2.5, 1] })
    expect(labelsOf({ ...known, rating: 9 })).toEqual({ labels: [1, 1, 1], weights: [1, 2.5, 1] })
    expect(labelsOf({ ...known, worth: 0 }).weights).toEqual([1, 0, 1])
    expect(labelsOf({ ...known, worth: null }).weights).toEqual([1, 1, 1])
    expect(labelsOf({ ...known, bought: 3 }).weights).toEqual([1, 2.5, 3])
  })

  it('are unknown where the outcome is missing, be it all of them', () => {
    expect(labelsOf({ rating: null, bought: 2, worth: 5 })).toEqual({ labels: [0, 0, 1], weights: [0, 0, 2] })
    expect(labelsOf({ rating: 8, bought: null, worth: 5 })).toEqual({ labels: [1, 0, 0], weights: [1, 5, 0] })
    expect(labelsOf({ rating: null, bought: null })).toEqual({ labels: [0, 0, 0], weights: [0, 0, 0] })
    expect(() => space.rankedLabel(eventWith({ rating: null }))).toThrow(
      expect.objectContaining({ name: 'EventError', row: base.row, field: 'rating' }),
    )
    expect([6, 7].map((rating) => space.rankedLabel(eventWith({ rating })))).toEqual([0, 1])
  })

  it('are written at a place of larger arrays', () => {
    const [labels, weights] = [new Uint8Array(6), new Float32Array(6)]
    space.labels(eventWith({ rating: 9, bought: 0, worth: 4 }), labels, weights, 2)
    expect([...labels]).toEqual([0, 0, 1, 1, 0, 0])
    expect([...weights]).toEqual([0, 0, 1, 4, 0, 0])
    expect(() => space.labels(base, labels, weights, 4)).toThrow(BatchError)
    expect(() => space.labels(base, labels, weights.subarray(0, 2))).toThrow(BatchError)
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '2', -1e31])('refuse a weight of %s', (worth) => {
    expect(() => labelsOf({ rating: 8, worth: worth as number })).toThrow(
      expect.objectContaining({ name: 'EventError', field: 'worth' }),
    )
  })

  it('have tasks with their delay', () => {
    expect(space.tasks).toEqual([
      { name: 'liked', weight: 1, delayMs: 0 },
      { name: 'loved', weight: 1, delayMs: 0 },
      { name: 'bought', weight: 0.5, delayMs: 7 * 86_400_000 },
    ])
  })
})
