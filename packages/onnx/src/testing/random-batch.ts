/** Shape letters: R rows, M values a bag at most, L events. */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'

/**
 * Random rows of a side. The first has nothing: zeros, empty bags, no event. The second is full. What lies behind a row's
 * length is any other id of the table, and any number.
 */
export function randomBatch(layout: SideLayout, rows: number, random: SeededRandom): SideBatch {
  const integers = (length: number, below: number) => Uint32Array.from({ length }, () => random.nextBelow(below))
  const lengths = (most: number) => {
    const drawn = integers(rows, most + 1)
    drawn[0] = 0
    if (rows > 1) drawn[1] = most
    return drawn
  }
  const normals = (length: number) => Float32Array.from({ length }, () => random.nextNormal())
  const { sequence } = layout
  return {
    rows,
    dense: normals(rows * layout.dense.length).fill(0, 0, layout.dense.length),
    bags: layout.bags.map(({ buckets, maxValues }) => ({
      ids: integers(rows * maxValues, buckets),
      lengths: lengths(maxValues),
    })),
    sequence: sequence && {
      ids: integers(rows * sequence.length, sequence.buckets),
      channels: normals(rows * sequence.length * sequence.channels),
      lengths: lengths(sequence.length),
      categories: sequence.categories.map(({ buckets }) => integers(rows * sequence.length, buckets)),
    },
  }
}
