/** A memory's part of an alignment, against products in float64. */
import type { SideBatch } from '@headwater/features'
import { type EmbeddingLayout, ItemVectors } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { expect, it } from 'vitest'
import { lineUp } from './line-up.ts'
import { itemFigures, itemPairs, published } from './memory-turn.ts'
import { rotate } from './procrustes.ts'

const random = seededRandom(1)
const normals = (length: number) => Float32Array.from({ length }, () => random.nextNormal())

/** Five numbers of the head, two heads of four coefficients, and three of nothing behind each. */
const layout: EmbeddingLayout = {
  learnt: 5,
  width: 4,
  heads: [
    { coefficients: 5, intercept: 9 },
    { coefficients: 13, intercept: 17 },
  ],
}
const [users, dim, buckets, L] = [60, 21, 30, 6]

/** x with the numbers from `from` on turned by `angle` in the planes of their first two and last two of four. */
function turned(x: Float32Array, width: number, from: number, angle: number): void {
  const [c, s] = [Math.cos(angle), Math.sin(angle)]
  for (let at = from; at < x.length; at += width)
    for (const i of [at, at + 2]) [x[i], x[i + 1]] = [c * x[i] - s * x[i + 1], s * x[i] + c * x[i + 1]]
}

const events = Uint32Array.from({ length: users * L }, () => 1 + random.nextBelow(buckets - 1))
const lengths = Uint32Array.from({ length: users }, (_, u) => u % (L + 1))
const sequence = { ids: events, channels: new Float32Array(), lengths, categories: [] }
const panel: SideBatch = { rows: users, dense: new Float32Array(), bags: [], sequence }

const own = normals(users * dim)
for (let u = 0; u < users; u++) for (const j of [10, 11, 12, 18, 19, 20]) own[u * dim + j] = 0
const items = new ItemVectors(layout, normals(buckets * 4))

/** What the served snapshot has: the same, turned by .7, the head's numbers shifted and mirrored. */
const before = own.map((value, i) => (i % dim < 5 ? (i % dim === 0 ? -value : value) + 3 : value))
for (const { coefficients } of layout.heads) turned(before, dim, coefficients, 0.7)
const table = items.table.slice()
turned(table, 4, 0, 0.7)
const served = new ItemVectors(layout, table)

it('leaves each product of coefficients and item vector, and each intercept, as it was', () => {
  const noisy = before.map((value) => value + 0.3 * random.nextNormal())
  const pairs = itemPairs(items, served, panel)
  const { alignment } = lineUp(noisy, own, dim, 0.5, undefined, { layout, items: pairs })
  const vectors = rotate(own, alignment)
  const after = published(items, alignment.weight)
  for (let u = 0; u < users; u++)
    for (let item = 0; item < buckets; item++) {
      const q = items.table.subarray(item * 4, item * 4 + 4)
      const scores = after.scores(
        vectors.subarray(u * dim, (u + 1) * dim),
        after.table.subarray(item * 4, item * 4 + 4),
      )
      for (const [h, { coefficients, intercept }] of layout.heads.entries()) {
        let expected = own[u * dim + intercept]
        for (let i = 0; i < 4; i++) expected += own[u * dim + coefficients + i] * q[i]
        expect(Math.abs(scores[h] - expected)).toBeLessThan(1e-5)
      }
    }
  for (const j of [10, 11, 12, 18, 19, 20]) for (let u = 0; u < users; u++) expect(vectors[u * dim + j]).toBe(0)
})

it('turns coefficients and item vectors back to where the served snapshot has them', () => {
  const pairs = itemPairs(items, served, panel)!
  const { alignment, figures } = lineUp(before, own, dim, 0.5, undefined, { layout, items: pairs })
  expect(figures.residual).toBeLessThan(1e-6)
  expect(figures.unalignedResidual).toBeGreaterThan(0.5)
  for (const [i, value] of published(items, alignment.weight).table.entries()) expect(value).toBeCloseTo(table[i], 5)
  const moved = itemFigures(pairs, layout, alignment.weight)
  expect(moved.residual).toBeLessThan(1e-6)
  // Each event once, by hand.
  let [difference, size] = [0, 0]
  for (const [u, length] of lengths.entries())
    for (const id of events.subarray(u * L, u * L + length))
      for (let i = id * 4; i < id * 4 + 4; i++) {
        difference += (items.table[i] - table[i]) ** 2
        size += table[i] ** 2
      }
  expect(moved.unalignedResidual).toBeCloseTo(Math.sqrt(difference / size), 5)
})

it('keeps the turn of the served snapshot where the two do not compare, and turns nothing without one', () => {
  const other = new ItemVectors({ ...layout, learnt: 4 }, table)
  expect(itemPairs(items, other, panel)).toBeNull()
  expect(itemPairs(items, null, panel)).toBeNull()
  const empty = { ...panel, sequence: { ...sequence, lengths: new Uint32Array(users) } }
  expect(itemPairs(items, served, empty)).toBeNull()
  const blockAt = (weight: Float32Array, from: number) =>
    [0, 1, 2, 3].flatMap((i) => [...weight.subarray((from + i) * dim + from, (from + i) * dim + from + 4)])
  const quarter = [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0]
  const prior = new Float32Array(dim * dim)
  for (let j = 0; j < dim; j++) prior[j * dim + j] = 1
  for (let i = 0; i < 4; i++) prior.set(quarter.slice(4 * i, 4 * i + 4), (5 + i) * dim + 5)
  const identity = [0, 1, 2, 3].flatMap((i) => [0, 1, 2, 3].map((j) => (i === j ? 1 : 0)))
  for (const [given, expected] of [
    [prior, quarter],
    [undefined, identity],
  ] as const) {
    const { alignment } = lineUp(before, own, dim, 0.5, given, { layout, items: null })
    for (const { coefficients } of layout.heads)
      for (const [i, value] of blockAt(alignment.weight, coefficients).entries())
        expect(value).toBeCloseTo(expected[i], 6)
  }
})
