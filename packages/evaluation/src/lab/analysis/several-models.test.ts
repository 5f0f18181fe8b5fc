/** Figures of several models against those of each alone, and against sums made by hand. */
import { seededRandom } from '@headwater/statistics'
import { beforeAll, expect, test } from 'vitest'
import type { ModelName } from '../../downstream/family.ts'
import { readSmallLab } from '../../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../../testing/small-log.ts'
import type { LabLog } from '../log/lab-log.ts'
import { compare, scoreArm } from './figures.ts'
import { Outcomes } from './outcomes.ts'
import { meanGain, meanNe } from './several-models.ts'

const models: readonly ModelName[] = ['ranking', 'scarce', 'surface']
let lab: LabLog
let outcomes: Outcomes

beforeAll(async () => {
  lab = await readSmallLab(memoryLog(smallSchema, smallEvents(1500, 7)))
  const random = seededRandom(5)
  const arm = (slope: number, seed: number) => ({
    figures: {},
    columns: Object.fromEntries(
      models.map((model) => [
        model,
        Float32Array.from(lab.test.models[model].labels, (y) => slope * (y - 0.5) + seed * random.nextNormal()),
      ]),
    ),
  })
  const byName = new Map([
    ['better', [arm(1.5, 1), arm(1.2, 1)]],
    ['worse', [arm(0.3, 1), arm(0.4, 1)]],
  ])
  outcomes = new Outcomes(lab, [1, 2], byName)
})

test('of one model they are that model’s', () => {
  for (const model of models) {
    const { ne } = scoreArm(outcomes, 'better', model)
    const alone = meanNe(outcomes, [{ arm: 'better', model }])
    const gain = meanGain(outcomes, [{ arm: 'better', over: 'worse', model }])
    const compared = compare(outcomes, model, 'better', 'worse')!.gain
    for (const key of ['value', 'low', 'high'] as const) {
      expect(alone[key]).toBeCloseTo(ne[key], 10)
      expect(gain[key]).toBeCloseTo(compared[key], 10)
    }
  }
})

test('of several they are the means, however many rows each has', () => {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  expect(new Set(models.map((model) => lab.test.models[model].labels.length)).size).toBe(3)
  const served = models.map((model) => ({ arm: 'better', over: 'worse', model }))
  const ne = meanNe(outcomes, served)
  expect(ne.value).toBeCloseTo(mean(models.map((model) => scoreArm(outcomes, 'better', model).ne.value)), 10)
  expect(ne.low).toBeLessThan(ne.value)
  expect(ne.high).toBeGreaterThan(ne.value)
  const gain = meanGain(outcomes, served)
  const gains = models.map((model) => compare(outcomes, model, 'better', 'worse')!.gain.value)
  expect(gain.value).toBeCloseTo(mean(gains), 10)
})

test('models that share users share their chance: twice the same one is no surer than once', () => {
  const one = meanNe(outcomes, [{ arm: 'better', model: 'ranking' }])
  const twice = meanNe(outcomes, [
    { arm: 'better', model: 'ranking' },
    { arm: 'better', model: 'ranking' },
  ])
  for (const key of ['value', 'low', 'high'] as const) expect(twice[key]).toBeCloseTo(one[key], 10)
})
