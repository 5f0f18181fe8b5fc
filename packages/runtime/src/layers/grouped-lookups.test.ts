import { fuzz } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { GroupedLookups } from './grouped-lookups.ts'

it('groups lookups as a map of lists would, batch after batch', async () => {
  await fuzz(
    (random) => ({ capacity: 1 + random.nextBelow(60), tableRows: 1 + random.nextBelow(40) }),
    ({ capacity, tableRows }, random) => {
      const grouped = new GroupedLookups(capacity, tableRows)
      for (let batch = 0; batch < 4; batch++) {
        const naive = new Map<number, [source: number, weight: number][]>()
        grouped.clear()
        for (let i = random.nextBelow(capacity + 1); i > 0; i--) {
          const row = random.nextBelow(tableRows)
          const source = random.nextBelow(1000)
          const weight = Math.fround(random.nextFloat())
          grouped.add(row, source, weight)
          naive.set(row, [...(naive.get(row) ?? []), [source, weight]])
        }
        grouped.group()
        const { rows, starts, sources, weights, groups } = grouped
        const got = Array.from({ length: groups }, (_, j) => [
          rows[j],
          Array.from(sources.slice(starts[j], starts[j + 1]), (source, i) => [source, weights[starts[j] + i]]),
        ])
        expect(got).toEqual([...naive])
        // the kernel's grid covers the capacity: groups behind the last are empty
        for (let j = groups; j < capacity; j++) expect(starts[j + 1]).toBe(starts[j])
      }
    },
    { runs: 60 },
  )
})
