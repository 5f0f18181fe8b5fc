import { describe, expect, it } from 'vitest'
import { checkSchedule, constantSchedule, rateFactor, type Schedule } from './schedule.ts'
import { TrainingOptionsError } from './training-options-error.ts'

const cosine: Schedule = { warmUpSteps: 4, decay: 'cosine', finalShare: 0.1 }
const factors = (schedule: Schedule, total: number) =>
  Array.from({ length: total }, (_, i) => rateFactor(schedule, i + 1, total))

describe('a schedule', () => {
  it('is exactly 1 throughout where it is constant, so that rates keep their bits', () => {
    expect(factors(constantSchedule, 7)).toEqual([1, 1, 1, 1, 1, 1, 1])
  })

  it('rises in a straight line', () => {
    expect(factors({ ...constantSchedule, warmUpSteps: 4 }, 6)).toEqual([0.25, 0.5, 0.75, 1, 1, 1])
  })

  it('falls along half a cosine: quarter, middle and end are known', () => {
    const at = (step: number) => rateFactor(cosine, step, 104)
    expect(at(4)).toBe(1)
    expect(at(29)).toBeCloseTo(0.1 + 0.9 * (0.5 + Math.SQRT1_2 / 2), 12)
    expect(at(54)).toBeCloseTo(0.55, 12)
    expect(at(104)).toBeCloseTo(0.1, 12)
  })

  it('never rises after the warm-up, nor leaves [finalShare, 1]', () => {
    const all = factors(cosine, 57).slice(3)
    for (const [i, factor] of all.entries()) {
      expect(factor).toBeLessThanOrEqual(i === 0 ? 1 : all[i - 1])
      expect(factor).toBeGreaterThanOrEqual(0.1 - 1e-12)
    }
  })

  it('of a round shorter than its warm-up is all warm-up', () => {
    expect(factors(cosine, 3)).toEqual([0.25, 0.5, 0.75])
  })

  it.each([
    [{ ...cosine, warmUpSteps: -1 }, /warmUpSteps: .* got -1/],
    [{ ...cosine, warmUpSteps: 0.5 }, /warmUpSteps/],
    [{ ...cosine, finalShare: 1.5 }, /finalShare: .* got 1.5/],
    [{ ...cosine, finalShare: Number.NaN }, /finalShare/],
    [{ ...cosine, decay: 'linear' as never }, /decay: .* got linear/],
  ])('%j is refused', (schedule, message) => {
    expect(() => checkSchedule(schedule)).toThrow(TrainingOptionsError)
    expect(() => checkSchedule(schedule)).toThrow(message)
  })
})
