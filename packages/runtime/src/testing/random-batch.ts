import type { SideBatch, SideLayout } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'

/** Rows as feature batches hold them: lengths of all sizes, from empty to full, and zeros in unused places. */
export function randomBatch(layout: SideLayout, rows: number, random: SeededRandom): SideBatch {
  const lengthsOf = (most: number) => Uint32Array.from({ length: rows }, (_, r) => (r * 3 + rows) % (most + 1))
  const ids = (most: number, lengths: Uint32Array, buckets: number) => {
    const data = new Uint32Array(rows * most)
    for (let r = 0; r < rows; r++)
      for (let m = 0; m < lengths[r]; m++)
        // Some ids much more often than others, and 0 among them.
        data[r * most + m] = Math.floor(buckets * random.nextFloat() ** 2)
    return data
  }
  const { sequence } = layout
  const lengths = lengthsOf(sequence?.length ?? 0)
  return {
    rows,
    dense: Float32Array.from({ length: rows * layout.dense.length }, () => random.nextNormal()),
    bags: layout.bags.map(({ buckets, maxValues }) => {
      const bagLengths = lengthsOf(maxValues)
      return { ids: ids(maxValues, bagLengths, buckets), lengths: bagLengths }
    }),
    sequence: sequence && {
      lengths,
      ids: ids(sequence.length, lengths, sequence.buckets),
      channels: Float32Array.from({ length: rows * sequence.length * sequence.channels }, (_, i) => {
        const event = Math.floor(i / sequence.channels)
        const isThere = event % sequence.length < lengths[Math.floor(event / sequence.length)]
        return isThere ? random.nextNormal() : 0
      }),
      categories: sequence.categories.map(({ buckets }) => ids(sequence.length, lengths, buckets)),
    },
  }
}
