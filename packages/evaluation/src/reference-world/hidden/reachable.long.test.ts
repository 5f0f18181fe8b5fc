/** The world of 600,000 rows as it is: what knowing the items' factors is worth, and what of it a model reaches that learns the rest. */
import { hiddenWorld } from '@headwater/datasets'
import { binaryEntropy, mean } from '@headwater/statistics'
import { expect, test } from 'vitest'
import { factorModelPredictions } from '../../testing/factor-model.ts'
import { crossEntropies } from '../reference-scores.ts'
import { hiddenKnowledge, hiddenPredictions } from './hidden-predictions.ts'

test('factors are worth 8 % of NE, of which 60 % can be reached', { timeout: 1_800_000 }, () => {
  const world = hiddenWorld({ seed: 1 })
  // The last tenth.
  const fromDay = 18
  const { truth, predictions } = hiddenPredictions(world, { fromDay })
  const p = Float64Array.from(truth)
  const ne = (q: readonly number[]) => mean(crossEntropies(Float64Array.from(q), p)) / binaryEntropy(mean(p))
  const known = Object.fromEntries(hiddenKnowledge.map((name) => [name, ne(predictions[name])]))
  const model = ne(factorModelPredictions(world, { fromDay }))
  process.stdout.write(`${JSON.stringify({ truth: ne(truth), ...known, model })}\n`)
  const { synchronous, categories } = known
  expect((categories - synchronous) / categories).toBeGreaterThan(0.08)
  expect((categories - model) / (categories - synchronous)).toBeGreaterThan(0.6)
  expect(model).toBeGreaterThan(synchronous)
})
