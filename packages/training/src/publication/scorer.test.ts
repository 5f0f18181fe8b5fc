import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { declareTower, Weights } from '@headwater/runtime'
import * as reading from '@headwater/runtime/reading-version'
import { randomBatch, randomizeWeights, type TinyTower, tinyTowers } from '@headwater/runtime/testing/tiny-towers'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Scorer } from './scorer.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'scorer tests' })
})
afterAll(() => device.destroy())

describe('scores of both towers', () => {
  // Random towers are scored in the tests of ONNX models.
  const names = ['bags, sequence, three tasks', 'dense values alone, five tasks'] as const
  for (const name of names)
    it(`${name}: as the reading version has them, without dropout, for any number of rows`, async () => {
      const tiny: TinyTower = tinyTowers[name]
      const random = seededRandom(1)
      const tower = declareTower(tiny.user, tiny.item, tiny.tasks, { ...tiny.config, dropout: 0.5 })
      const before = device.allocatedBytes
      const weights = new Weights(device, tower.set, false)
      const values = randomizeWeights(weights, random)
      const scorer = new Scorer(device, tower, weights, 11)
      for (const rows of [11, 1, 7]) {
        const batch = {
          rows,
          user: randomBatch(tiny.user, rows, random),
          item: randomBatch(tiny.item, rows, random),
          labels: new Uint8Array(rows * tiny.tasks),
          labelWeights: new Float32Array(rows * tiny.tasks),
          timeMs: new Float64Array(rows),
        }
        const logits = await scorer.score(batch)
        expect(logits).toHaveLength(rows * tiny.tasks)
        for (let r = 0; r < rows; r++) {
          const e = reading.userTower(values, tiny.config, reading.rowAt(tiny.user, batch.user, r))
          const wanted = reading.mixTower(values, tiny.config, e, reading.rowAt(tiny.item, batch.item, r))
          for (const [t, want] of wanted.entries()) expect(logits[r * tiny.tasks + t]).toBeCloseTo(want, 4)
        }
      }
      const [user, item] = [randomBatch(tiny.user, 12, random), randomBatch(tiny.item, 12, random)]
      const labels = { labels: new Uint8Array(60), labelWeights: new Float32Array(60), timeMs: new Float64Array(12) }
      await expect(scorer.score({ rows: 12, user, item, ...labels })).rejects.toThrow(RangeError)
      scorer.dispose()
      weights.dispose()
      expect(device.allocatedBytes).toBe(before)
    })
})
