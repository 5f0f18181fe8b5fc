import { bucketOf } from '@headwater/features'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { oneHead } from '../testing/one-head.ts'
import { decodeItems, encodeItems, ItemVectors } from './item-vectors.ts'

describe('item vectors', () => {
  const items = new ItemVectors(oneHead, Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7))

  it('are those of the bucket of a key, whatever the key', () => {
    const keys = ['a', 'b', '', 'a', '日本語']
    const expected = keys.flatMap((key) => [0, 1].map((i) => 2 * bucketOf('item', key, 4) + i))
    expect([...items.read(keys)]).toEqual(expected)
    expect(items.read([])).toHaveLength(0)
  })

  it('score by the coefficients and the intercept of each head', () => {
    const layout = { ...oneHead, heads: [...oneHead.heads, { coefficients: 0, intercept: 5 }] }
    const two = new ItemVectors(layout, items.table)
    expect(two.scores([1, 2, 3, 4, 5, 6], [10, 100])).toEqual([5 + 30 + 400, 6 + 10 + 200])
  })

  it('come back from a file, whose width must be that of the layout', () => {
    expect(decodeItems(encodeItems(items), oneHead, 'items')).toEqual(items)
    const read = (layout: typeof oneHead | null, file = encodeItems(items)) => decodeItems(file, layout, 'items')
    expect(() => read({ ...oneHead, width: 3 })).toThrow(SnapshotError)
    expect(() => read(null)).toThrow('items: has no tensor items as wide as the manifest')
    expect(() => read(oneHead, encodeSafetensors([], {}))).toThrow(SnapshotError)
    expect(() => new ItemVectors(oneHead, new Float32Array(5))).toThrow('5 numbers are no vectors of 2')
    expect(() => new ItemVectors(oneHead, new Float32Array(2))).toThrow(SnapshotError)
  })
})
