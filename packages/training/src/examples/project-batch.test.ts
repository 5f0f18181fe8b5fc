import { randomBatch, tinyTowers } from '@headwater/runtime/testing/tiny-towers'
import { seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import { LayoutError, projectBatch } from './project-batch.ts'

describe('rows for a tower that knows fewer features', () => {
  const categories = ['surface', 'action', 'device'].map((name, i) => ({ name, buckets: 2 + i }))
  const { user } = tinyTowers['bags, sequence, three tasks']
  const layout = { ...user, sequence: { ...user.sequence!, categories } }
  const withCategories = (...some: typeof categories) => ({
    ...layout,
    sequence: { ...layout.sequence, categories: some },
  })
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

  it('have its categories of the sequence, found by name', () => {
    const { sequence } = projectBatch(layout, withCategories(categories[2], categories[0]), batch)
    expect(sequence).toEqual({ ...batch.sequence!, categories: [2, 0].map((k) => batch.sequence!.categories[k]) })
    expect(projectBatch(layout, withCategories(), batch).sequence!.categories).toEqual([])
    expect(() => projectBatch({ ...layout, sequence: null }, layout, { ...batch, sequence: null })).toThrow(LayoutError)
  })

  it('must have what it asks for', () => {
    for (const [older, message] of [
      [{ ...layout, dense: ['dense 9'] }, 'no column "dense 9"'],
      [{ ...layout, bags: [{ ...layout.bags[0], buckets: 8 }] }, 'no "bag.tags.ids" of 3 values up to 7'],
      [{ ...layout, sequence: { ...layout.sequence, length: 5 } }, 'no "sequence.ids" of 5 values'],
      [{ ...layout, sequence: { ...layout.sequence, buckets: 8 } }, 'no "sequence.ids" of 4 values up to 7'],
      [withCategories({ name: 'action', buckets: 4 }), 'no "sequence.action.ids" of 4 values up to 3'],
      [withCategories({ name: 'verb', buckets: 3 }), 'no "sequence.verb.ids" of 4 values up to 2'],
    ] as const)
      expect(() => projectBatch(layout, older, batch)).toThrow(message)
  })
})
