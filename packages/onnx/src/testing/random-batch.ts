/** Shape letters: R rows, M values a bag at most, L events. */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'

/**
 * Random rows of a side. The first has nothing: zeros, empty bags, no event. The second is full. Behind a row's length stands
 * what nothing may read: ids of no row of the table, and NaN.
 */
export function randomBatch(layout: SideLayout, rows: number, random: SeededRandom): SideBatch {
  const lengthsOf = (most: number) =>
    Uint32Array.from({ length: rows }, (_, r) => (r < 2 ? r * most : random.nextBelow(most + 1)))
  const idsOf = (lengths: Uint32Array, most: number, buckets: number) =>
    Uint32Array.from({ length: rows * most }, (_, i) =>
      i % most < lengths[Math.floor(i / most)] ? random.nextBelow(buckets) : 0xffff_ffff - random.nextBelow(9),
    )
  const { sequence } = layout
  const lengths = lengthsOf(sequence?.length ?? 0)
  const isThere = (event: number, most: number) => event % most < lengths[Math.floor(event / most)]
  return {
    rows,
    dense: Float32Array.from({ length: rows * layout.dense.length }, () => random.nextNormal()).fill(
      0,
      0,
      layout.dense.length,
    ),
    bags: layout.bags.map(({ buckets, maxValues }) => {
      const held = lengthsOf(maxValues)
      return { ids: idsOf(held, maxValues, buckets), lengths: held }
    }),
    sequence: sequence && {
      ids: idsOf(lengths, sequence.length, sequence.buckets),
      channels: Float32Array.from({ length: rows * sequence.length * sequence.channels }, (_, i) =>
        isThere(Math.floor(i / sequence.channels), sequence.length) ? random.nextNormal() : Number.NaN,
      ),
      lengths,
      categories: sequence.categories.map(({ buckets }) => idsOf(lengths, sequence.length, buckets)),
    },
  }
}
