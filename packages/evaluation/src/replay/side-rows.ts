import type { SideBatch, SideLayout } from '@headwater/features'

/** Copies a row of a batch into a row of another of the same layout; both may have been allocated for any number of rows. */
export function copyRow(layout: SideLayout, from: SideBatch, row: number, into: SideBatch, at: number): void {
  copyPart(from.dense, row, layout.dense.length, into.dense, at)
  for (const [b, { maxValues }] of layout.bags.entries()) {
    copyPart(from.bags[b].ids, row, maxValues, into.bags[b].ids, at)
    into.bags[b].lengths[at] = from.bags[b].lengths[row]
  }
  if (layout.sequence === null || from.sequence === null || into.sequence === null) return
  const { length, channels } = layout.sequence
  copyPart(from.sequence.ids, row, length, into.sequence.ids, at)
  copyPart(from.sequence.channels, row, length * channels, into.sequence.channels, at)
  into.sequence.lengths[at] = from.sequence.lengths[row]
  for (const [c, ids] of from.sequence.categories.entries()) copyPart(ids, row, length, into.sequence.categories[c], at)
}

function copyPart(
  from: Float32Array | Uint32Array,
  row: number,
  width: number,
  into: Float32Array | Uint32Array,
  at: number,
): void {
  into.set(from.subarray(row * width, (row + 1) * width), at * width)
}
