import { batchOf, type SideBatch, type SideLayout } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'

/** Rows with lengths from empty to full, ids at every place, and zeros for the channels of events that are not there. */
export function randomBatch(layout: SideLayout, rows: number, random: SeededRandom): SideBatch {
  const batch = batchOf(layout, rows, ({ type, width, most }) =>
    type === 'f32'
      ? Float32Array.from({ length: rows * width }, () => random.nextNormal())
      : Uint32Array.from({ length: rows * width }, () => random.nextBelow(most + 1)),
  )
  if (layout.sequence && batch.sequence) {
    const { length, channels } = layout.sequence
    for (const [row, events] of batch.sequence.lengths.entries())
      batch.sequence.channels.fill(0, (row * length + events) * channels, (row + 1) * length * channels)
  }
  return batch
}
