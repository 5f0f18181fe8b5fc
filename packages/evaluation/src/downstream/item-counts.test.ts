/** Base rate and popularity against counts by hand. */
import { compileFeatures } from '@headwater/features'
import { expect, test } from 'vitest'
import { smallEvents, smallSchema } from '../testing/small-log.ts'
import { ItemCounts } from './item-counts.ts'
import { RowBuffer } from './rows.ts'

const space = compileFeatures(smallSchema)
const events = smallEvents(300, 9)

/** Probabilities of all rows, ten a step. */
async function predicted(model: ItemCounts): Promise<{ p: number[]; labels: number[]; buckets: number[] }> {
  const item = space.allocate('item', 1)
  const labels: number[] = []
  const buckets: number[] = []
  for (let from = 0; from < events.length; from += 10) {
    const buffer = new RowBuffer(space, 10, 0, [])
    for (const event of events.slice(from, from + 10)) {
      space.encodeItem(item, 0, space.newItemState(), event)
      labels.push(space.rankedLabel(event)!)
      buckets.push(item.bags[0].ids[0])
      buffer.push(0, item, 0, null, labels[labels.length - 1])
    }
    await model.step(buffer.view)
  }
  return { p: Array.from(await model.logits(), (logit) => 1 / (1 + Math.exp(-logit))), labels, buckets }
}

test.each([0.5, 10, Number.POSITIVE_INFINITY])('of the steps before, shrunk by %d rows', async (shrinkage) => {
  const { p, labels, buckets } = await predicted(new ItemCounts(space.item, shrinkage))
  for (const [row, probability] of p.entries()) {
    const before = Array.from({ length: 10 * Math.floor(row / 10) }, (_, i) => i)
    const same = before.filter((i) => buckets[i] === buckets[row])
    const positives = (rows: readonly number[]) => rows.filter((i) => labels[i] === 1).length
    const base = (1 + positives(before)) / (2 + before.length)
    const own = (positives(same) + shrinkage * base) / (same.length + shrinkage)
    expect(probability).toBeCloseTo(Number.isFinite(shrinkage) ? own : base, 5)
  }
})
