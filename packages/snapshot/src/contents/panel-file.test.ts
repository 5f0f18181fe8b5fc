import type { SideLayout } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { randomBatch } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import { SnapshotError } from '../files/snapshot-error.ts'
import { decodePanel, encodePanel } from './panel-file.ts'

const categories = [
  { name: 'action', buckets: 3 },
  { name: 'surface', buckets: 8 },
]
const layout: SideLayout = {
  dense: ['known', 'age', 'age.missing'],
  bags: [{ name: 'action', buckets: 5, maxValues: 2 }],
  sequence: { length: 3, buckets: 9, channels: 2, weights: 0, categories },
}
const panel = randomBatch(layout, 7, seededRandom(1))
const without = { ...layout, sequence: { ...layout.sequence!, categories: [] } }

describe('a panel file', () => {
  it('gives back rows with their categories bit for bit', () => {
    expect(decodePanel(layout, encodePanel(layout, panel), 'panel')).toEqual(panel)
  })

  it('without categories is what it was before there were any', () => {
    const plain = { ...panel, sequence: { ...panel.sequence!, categories: [] } }
    const file = encodePanel(without, plain)
    expect(new TextDecoder().decode(file)).not.toContain('sequence.action')
    expect(decodePanel(without, file, 'panel')).toEqual(plain)
  })

  it('must have every category, with buckets that its table has', () => {
    const file = encodePanel(layout, panel)
    const read = (sequence: Partial<NonNullable<SideLayout['sequence']>>, from = file) =>
      decodePanel({ ...layout, sequence: { ...layout.sequence!, ...sequence } }, from, 'panel')
    expect(() => read({ categories: [...categories, { name: 'device', buckets: 4 }] })).toThrow(SnapshotError)
    expect(() => read({ categories: [...categories, { name: 'device', buckets: 4 }] })).toThrow(
      'tensor sequence.device.ids is missing or not 7 × 3',
    )
    const ids = panel.sequence!.categories[1].slice()
    ids[5] = 8
    const forged = { ...panel, sequence: { ...panel.sequence!, categories: [panel.sequence!.categories[0], ids] } }
    expect(() => read({}, encodePanel(layout, forged))).toThrow('tensor sequence.surface.ids holds a value over 7')
  })
})
