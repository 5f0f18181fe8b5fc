import { fuzz } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { assignSlots, type Lifetime } from './lifetimes.ts'

const overlap = (a: Lifetime, b: Lifetime) => a.first <= b.last && b.first <= a.last

it('never puts two that live at once into one slot, and takes no more than a buffer each', async () => {
  await fuzz(
    (random) =>
      Array.from({ length: random.nextBelow(40) }, () => {
        const first = random.nextBelow(30)
        const last = random.nextBelow(8) === 0 ? Number.POSITIVE_INFINITY : first + random.nextBelow(10)
        return { sizeBytes: 16 * (1 + random.nextBelow(50)), first, last }
      }),
    (lifetimes) => {
      const { slots, slotBytes } = assignSlots(lifetimes)
      for (const [i, a] of lifetimes.entries()) {
        expect(slotBytes[slots[i]]).toBeGreaterThanOrEqual(a.sizeBytes)
        const clash = lifetimes.findIndex((b, j) => i !== j && slots[i] === slots[j] && overlap(a, b))
        expect(clash, `live at the same time in the same slot as ${i}`).toBe(-1)
      }
      const sum = (sizes: readonly number[]) => sizes.reduce((a, b) => a + b, 0)
      expect(sum(slotBytes)).toBeLessThanOrEqual(sum(lifetimes.map((l) => l.sizeBytes)))
      // No assignment can do with fewer slots than live at one time, and in order of first use none needs more.
      const atOnce = Array.from({ length: 40 }, (_, t) => lifetimes.filter((l) => l.first <= t && t <= l.last).length)
      expect(slotBytes).toHaveLength(Math.max(...atOnce))
    },
    { runs: 100 },
  )
})

it('takes the free slot that is closest in size', () => {
  const { slots, slotBytes } = assignSlots([
    { sizeBytes: 1000, first: 0, last: 0 },
    { sizeBytes: 64, first: 0, last: 0 },
    { sizeBytes: 80, first: 1, last: 1 },
    { sizeBytes: 900, first: 1, last: Number.POSITIVE_INFINITY },
  ])
  expect(slots).toEqual([0, 1, 1, 0])
  expect(slotBytes).toEqual([1000, 80])
})
