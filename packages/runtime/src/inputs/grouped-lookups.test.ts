import { fuzz } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { GroupedLookups } from './grouped-lookups.ts'

type Lookup = [source: number, weight: number]

it('groups lookups as a map of lists would, batch after batch', async () => {
  await fuzz(
    (random) => ({
      capacity: 1 + random.nextBelow(300),
      tableRows: 1 + random.nextBelow(40),
      longest: 1 + random.nextBelow(20),
      whole: random.nextBelow(2) === 1,
    }),
    ({ capacity, tableRows, longest, whole }, random) => {
      const grouped = new GroupedLookups(capacity, tableRows, longest, whole)
      for (let batch = 0; batch < 4; batch++) {
        const naive = new Map<number, Lookup[]>()
        grouped.clear()
        for (let i = random.nextBelow(capacity + 1); i > 0; i--) {
          const row = Math.floor(tableRows * random.nextFloat() ** 3)
          const source = random.nextBelow(1000)
          const weight = Math.fround(random.nextFloat())
          grouped.add(row, source, weight)
          naive.set(row, [...(naive.get(row) ?? []), [source, weight]])
        }
        grouped.group()
        const { groups, sources, weights, chunkStarts, count } = grouped
        const lookupsOf = (begin: number, end: number): Lookup[] =>
          Array.from(sources.slice(begin, end), (source, i) => [source, weights[begin + i]])
        const got = Array.from({ length: count }, (_, j): [number, Lookup[]] => {
          const [row, lookups, begin, end] = groups.subarray(j * 4, j * 4 + 4)
          if (lookups <= longest && !whole) return [row, lookupsOf(begin, end)]
          const chunks = Array.from({ length: end - begin }, (_, c) =>
            lookupsOf(chunkStarts[begin + c], chunkStarts[begin + c + 1]),
          )
          for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(longest)
          expect(chunks.flat()).toHaveLength(lookups)
          return [row, chunks.flat()]
        })
        // longest first, equal lengths in the order of their first lookup
        expect(got).toEqual([...naive].sort(([, a], [, b]) => Math.min(64, b.length) - Math.min(64, a.length)))
        // the kernels' grids cover the capacity: what lies behind the last group and chunk is empty
        expect(groups.subarray(count * 4).every((word) => word === 0)).toBe(true)
        const chunks = got.reduce(
          (sum, [, { length }]) => sum + (whole || length > longest ? Math.ceil(length / longest) : 0),
          0,
        )
        expect(chunks).toBeLessThan(chunkStarts.length)
        for (let c = chunks; c + 1 < chunkStarts.length; c++) expect(chunkStarts[c + 1]).toBe(chunkStarts[c])
      }
    },
    { runs: 60 },
  )
})
