import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as reading from '../reading-version.ts'
import { type Float64Tensors, movedAlong } from '../testing/float64-tensors.ts'
import { GradientStep } from '../testing/gradient-step.ts'
import { fittedConstants, randomBatch, randomizeWeights, type TinyTower, tinyTowers } from '../testing/tiny-towers.ts'
import { declareTower } from './tower.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'tower tests' })
})
afterAll(() => device.destroy())

function examples(tower: TinyTower, rows: number, random: SeededRandom) {
  return {
    user: randomBatch(tower.user, rows, random),
    item: randomBatch(tower.item, rows, random),
    labels: Array.from({ length: rows * tower.tasks }, () => random.nextBelow(2)),
  }
}

/** What the reading version makes of each row. */
function outcomes(
  { user, item, config, tasks }: TinyTower,
  values: Float64Tensors,
  batch: ReturnType<typeof examples>,
) {
  return Array.from({ length: batch.user.rows }, (_, r) => {
    const embeddings = reading.userTower(values, config, reading.rowAt(user, batch.user, r))
    return {
      embeddings,
      logits: reading.mixTower(values, config, embeddings, reading.rowAt(item, batch.item, r)),
      labels: batch.labels.slice(r * tasks, (r + 1) * tasks),
      weights: new Array<number>(tasks).fill(1),
    }
  })
}

const taskWeightsOf = ({ tasks }: TinyTower) => Array.from({ length: tasks }, (_, t) => 1 / (t + 1))

describe('both towers against the reading version', () => {
  // R of the plan, rows of the batch: with rows left over from an earlier batch, and of one tower the whole plan too
  for (const [i, [name, tower]] of Object.entries(tinyTowers).entries())
    for (const [planned, rows] of i === 0
      ? [
          [9, 5],
          [7, 7],
        ]
      : [[9, 5]])
      it(`${name}: logits, loss and every gradient, ${rows} rows in a plan of ${planned}`, async () => {
        const random = seededRandom(planned)
        const taskWeights = taskWeightsOf(tower)
        const step = new GradientStep(device, tower, planned, taskWeights)
        randomizeWeights(step.weights, random)
        await step.run(examples(tower, planned, random))
        step.clearSquares()
        const values = randomizeWeights(step.weights, random)
        const batch = examples(tower, rows, random)
        const { logits, losses, gradients } = await step.run(batch)

        const wanted = outcomes(tower, values, batch).flatMap((row) => row.logits)
        for (const [at, want] of wanted.entries()) {
          expect(logits[at]).toBeCloseTo(want, 4)
          expect(losses[at]).toBeCloseTo(Math.log1p(Math.exp(batch.labels[at] ? -want : want)), 4)
        }

        expect([...gradients.keys()].sort()).toEqual([...values.keys()].sort())
        const h = 1e-5
        for (const [parameter, gradient] of gradients) {
          const direction = Float64Array.from(gradient, () => random.nextNormal())
          const lossAt = (move: number) => {
            const moved = movedAlong(values, parameter, direction, move)
            return reading.loss(tower.config, outcomes(tower, moved, batch), { rows: planned, taskWeights })
          }
          const numeric = (lossAt(h) - lossAt(-h)) / (2 * h)
          const analytic = gradient.reduce((sum, g, i) => sum + g * direction[i], 0)
          const scale = Math.hypot(...gradient)
          if (fittedConstants.includes(parameter)) {
            expect(scale, parameter).toBe(0)
            continue
          }
          expect(scale, parameter).toBeGreaterThan(0)
          expect(Math.abs(analytic - numeric), parameter).toBeLessThan(1e-4 * scale)
        }
        const { plannedBytes, naiveBytes } = step.plan
        console.log(`${name}, ${planned} rows: ${plannedBytes} bytes planned, ${naiveBytes} with a buffer each`)
        expect(plannedBytes).toBeLessThan(naiveBytes)
        step.plan.dispose()
        step.weights.dispose()
      })

  it('rows left over from another batch change no bit', async () => {
    const tower: TinyTower = tinyTowers['bags, sequence, three tasks']
    const random = seededRandom(3)
    const batch = examples(tower, 5, random)
    const results: unknown[] = []
    for (const leftOver of [0, 1, 2]) {
      const step = new GradientStep(device, tower, 9, taskWeightsOf(tower))
      if (leftOver > 0) await step.run(examples(tower, 9, random))
      step.clearSquares()
      randomizeWeights(step.weights, seededRandom(4))
      const { logits, gradients } = await step.run(batch)
      // + 0 makes one zero of both
      results.push([logits, [...gradients].map(([name, values]) => [name, values.map((value) => value + 0)])])
    }
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
  })
})

describe('a tower, declared', () => {
  it('counts what is trained', () => {
    const { user, item, tasks, config } = tinyTowers['dense values alone, five tasks']
    const count =
      // center and scale, edges; of 9 values with 3 bins and a flag, each padded to 4, 3 tokens of 4
      9 * 2 +
      9 * 4 +
      (9 * 8 * 12 + 12) +
      // 3 tokens to 2 + 3: an MLP, and the residual map
      (12 * 5 + 5 + (5 * 8 + 8)) +
      5 * 3 +
      // the head of 5 tokens
      (20 * 24 + 24) +
      // the mix tower: item vector, interaction of 24 + padded 3 dots, item, heads
      (4 * 24 + 24) +
      28 * 4 +
      (4 * 4 + 4) +
      (4 * 5 + 5)
    expect(declareTower(user, item, tasks, config).set.count).toBe(count)
  })
})
