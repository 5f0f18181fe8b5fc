import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { declareTower, Weights } from '@headwater/runtime'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { referenceLogits } from '../../../runtime/src/testing/reference-tower.ts'
import { randomBatch, randomizeWeights, tinyTowers } from '../../../runtime/src/testing/tiny-towers.ts'
import { projectBatch } from './project-batch.ts'
import { Scorer } from './scorer.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'scorer tests' })
})
afterAll(() => device.destroy())

describe('scores of both towers', () => {
  for (const [name, tiny] of Object.entries(tinyTowers))
    it(`${name}: as the float64 implementation has them, without dropout, for any number of rows`, async () => {
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
        }
        const logits = await scorer.score(batch)
        expect(logits).toHaveLength(rows * tiny.tasks)
        for (let r = 0; r < rows; r++)
          for (const [t, want] of referenceLogits(tiny, values, batch.user, batch.item, r).entries())
            expect(logits[r * tiny.tasks + t]).toBeCloseTo(want, 4)
      }
      const [user, item] = [randomBatch(tiny.user, 12, random), randomBatch(tiny.item, 12, random)]
      await expect(scorer.score({ rows: 12, user, item, labels: new Uint8Array(60) })).rejects.toThrow(RangeError)
      scorer.dispose()
      weights.dispose()
      expect(device.allocatedBytes).toBe(before)
    })
})

describe('rows for a tower that knows fewer features', () => {
  const { user: layout } = tinyTowers['bags, sequence, three tasks']
  const batch = randomBatch(layout, 3, seededRandom(2))

  it('have its columns, found by name', () => {
    const older = { dense: ['dense 3', 'dense 0'], bags: [layout.bags[1]], sequence: null }
    const rows = projectBatch(layout, older, batch)
    expect(rows.rows).toBe(3)
    expect([...rows.dense]).toEqual([0, 1, 2].flatMap((r) => [batch.dense[r * 5 + 3], batch.dense[r * 5]]))
    expect(rows.bags).toEqual([batch.bags[1]])
    expect(rows.sequence).toBeNull()
    expect(projectBatch(layout, { ...layout }, batch)).toBe(batch)
  })

  it('must have what it asks for', () => {
    for (const [older, message] of [
      [{ ...layout, dense: ['dense 9'] }, 'no column "dense 9"'],
      [{ ...layout, bags: [{ ...layout.bags[0], buckets: 8 }] }, 'no "tags" of 8 buckets'],
      [{ ...layout, sequence: { ...layout.sequence!, length: 5 } }, 'no sequence as it is asked for'],
    ] as const)
      expect(() => projectBatch(layout, older, batch)).toThrow(message)
  })
})
