import { expect, test } from 'vitest'
import type { ArmScore, Comparison, ExperimentResult, Interval } from '../findings.ts'
import { overviewOf } from './overview.ts'

const about = (value: number): Interval => ({ value, low: value - 0.01, high: value + 0.01 })

const compared = (arm: string, over: string, gain: number, own: Partial<Comparison> = {}): Comparison => ({
  ...{ arm, over, model: 'ranking', slice: 'all', rows: 1000, gain: about(gain), samplingStandardError: 0.005 },
  ...{ seedSd: null, pValue: 0.5, adjustedPValue: null, otherwise: null },
  ...own,
})

const scored = (arm: string, ne: number, model: ArmScore['model'] = 'ranking'): ArmScore => ({
  ...{ arm, model, rows: 1000, baseRate: 0.5, ne: about(ne), auc: 0.7, gauc: null, calibration: 1, ece: 0.01 },
  ...{ unsampledNe: null, ranked: null, neSeedSd: null },
})

const claim = { adjustedPValue: 0.01 }

const experiment: ExperimentResult = {
  ...{ name: 'gain', question: 'What is gained?', measure: '', rule: '', command: '', holds: false, verdict: '' },
  ...{ seeds: [1, 2, 3], gapShares: [], charts: [], tables: [] },
  scores: [
    scored('without', 0.88),
    scored('served', 0.83),
    scored('features', 0.82),
    scored('served', 0.6, 'sparse'),
    scored('served#split', 0.5),
  ],
  comparisons: [
    compared('served', 'without', 0.05, claim),
    compared('served', 'features', -0.012, claim),
    compared('served#split', 'without#split', 0.09),
    compared('served', 'without', 0.02, { slice: 'new users', rows: 200 }),
    compared('served', 'without', 0.3, { slice: 'new users', rows: 200, model: 'sparse' }),
  ],
  arms: [
    { name: 'features', title: 'its inputs', figures: { vectorWidth: 40 } },
    {
      name: 'served',
      title: 'served late',
      figures: {
        trainingFlops: 2e9,
        encodesPerRow: 0.25,
        encodeFlopsPerRow: 3000,
        vectorWidth: 192,
        meanAgeMs: 90_000,
      },
    },
  ],
}

test('what is hardest to beat is said first, and only what the verdict rests on', () => {
  expect(overviewOf(experiment)?.gains).toEqual([
    ['gain over features', '−1.20 %', '95 % [−2.20, −0.20]'],
    ['gain over without', '+5.00 %', '95 % [+4.00, +6.00]'],
  ])
})

test('arms of the model that the verdict is of stand on one axis, the best first; cohorts are of the same two arms', () => {
  const { arms, cohorts } = overviewOf(experiment)!
  expect(arms.description).toBe(
    'features 0.8200 [0.8100, 0.8300]; served 0.8300 [0.8200, 0.8400]; without 0.8800 [0.8700, 0.8900]',
  )
  expect(cohorts?.description).toBe('new users (20 %) +2.00 % [+1.00 %, +3.00 %]')
})

test('costs are those of the arm itself', () => {
  expect(overviewOf(experiment)?.costs).toEqual([
    ['training', '2B', 'floating-point operations'],
    ['a request', '0.25', 'embeddings, 3K operations'],
    ['served a user', '384 B', '192 numbers'],
    ['mean age', '1.5 min', 'since the features of what is served'],
  ])
})

test('an experiment that compares nothing has no overview', () => {
  expect(overviewOf({ ...experiment, comparisons: [] })).toBeNull()
})
