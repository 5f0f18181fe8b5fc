import type { SideBatch, SideLayout } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'

export function randomBatch(layout: SideLayout, rows: number, random: SeededRandom): SideBatch {
  const floats = (length: number) => Float32Array.from({ length }, () => random.nextNormal())
  const integers = (length: number, below: number) => Uint32Array.from({ length }, () => random.nextBelow(below))
  const { sequence } = layout
  const lengths = integers(rows, (sequence?.length ?? 0) + 1)
  const batch: SideBatch = {
    rows,
    dense: floats(rows * layout.dense.length),
    bags: layout.bags.map(({ buckets, maxValues }) => ({
      ids: integers(rows * maxValues, buckets),
      lengths: integers(rows, maxValues + 1),
    })),
    sequence: sequence && {
      ids: integers(rows * sequence.length, sequence.buckets),
      channels: floats(rows * sequence.length * sequence.channels),
      lengths,
      categories: sequence.categories.map(({ buckets }) => integers(rows * sequence.length, buckets)),
    },
  }
  // Ids may be any behind the events, numbers are zeros there.
  if (sequence) {
    const { length, channels } = sequence
    for (const [row, events] of lengths.entries())
      batch.sequence!.channels.fill(0, (row * length + events) * channels, (row + 1) * length * channels)
  }
  return batch
}
