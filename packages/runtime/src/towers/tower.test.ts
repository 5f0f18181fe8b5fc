import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GradientStep } from '../testing/gradient-step.ts'
import { referenceLogits, referenceLoss } from '../testing/reference-tower.ts'
import { randomBatch, randomizeWeights, type TinyTower, tinyTowers } from '../testing/tiny-towers.ts'
import { checkTowerConfig, smallTower, TowerConfigError } from './config.ts'
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

const taskWeightsOf = ({ tasks }: TinyTower) => Array.from({ length: tasks }, (_, t) => 1 / (t + 1))

describe('both towers against an independent float64 implementation', () => {
  // R of the plan, rows of the batch: whole, and with rows left over from an earlier batch
  for (const [name, tower] of Object.entries(tinyTowers))
    for (const [planned, rows] of [
      [7, 7],
      [9, 5],
    ])
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

        for (let r = 0; r < rows; r++)
          for (const [t, want] of referenceLogits(tower, values, batch.user, batch.item, r).entries()) {
            const at = r * tower.tasks + t
            expect(logits[at]).toBeCloseTo(want, 4)
            expect(losses[at]).toBeCloseTo(Math.log1p(Math.exp(batch.labels[at] ? -want : want)), 4)
          }

        expect([...gradients.keys()].sort()).toEqual([...values.keys()].sort())
        const h = 1e-5
        for (const [parameter, gradient] of gradients) {
          const direction = Float64Array.from(gradient, () => random.nextNormal())
          const lossAt = (move: number) => {
            const moved = new Map(values).set(
              parameter,
              values.get(parameter)!.map((value, i) => value + move * direction[i]),
            )
            return referenceLoss(tower, moved, batch, taskWeights)
          }
          const numeric = (lossAt(h) - lossAt(-h)) / (2 * h)
          const analytic = gradient.reduce((sum, g, i) => sum + g * direction[i], 0)
          const scale = Math.hypot(...gradient)
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
    const tower = tinyTowers['bags, sequence, three tasks']
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

describe('tower configuration', () => {
  it('names the size that cannot be', () => {
    for (const [change, name] of [
      [{ width: 94 }, 'width'],
      [{ sparseWidth: 0 }, 'sparseWidth'],
      [{ hidden: 1.5 }, 'hidden'],
      [{ dots: 5 }, 'dots'],
      [{ dropout: 1 }, 'dropout'],
      [{ mixHidden: 1e9 }, 'mixHidden'],
      [{ embeddings: Number.NaN }, 'embeddings'],
    ] as const) {
      const check = () => checkTowerConfig({ ...smallTower, ...change })
      expect(check).toThrow(TowerConfigError)
      expect(check).toThrow(name)
    }
    expect(() => checkTowerConfig(smallTower)).not.toThrow()
  })

  it('counts what is trained', () => {
    const { user, item, tasks, config } = tinyTowers['dense values alone, five tasks']
    // W + b of user.hidden, user.output, mix.item-vector, from-interaction, from-item, heads; dense columns pad to 4
    const count = 12 * 5 + 5 + (5 * 12 + 12) + (4 * 12 + 12) + 16 * 4 + (4 * 4 + 4) + (4 * 5 + 5)
    expect(declareTower(user, item, tasks, config).set.count).toBe(count)
  })
})
