import type { SideBatch, SideLayout } from './batch.ts'

/** Rows `from … to − 1` of a batch, over the same memory. The batch may have been allocated for more rows than it has. */
export function batchRows(layout: SideLayout, batch: SideBatch, from: number, to: number): SideBatch {
  const part = <Data extends Float32Array | Uint32Array>(data: Data, width: number) =>
    data.subarray(from * width, to * width) as Data
  const { dense, bags, sequence } = batch
  const { length, channels } = layout.sequence ?? { length: 0, channels: 0 }
  return {
    rows: to - from,
    dense: part(dense, layout.dense.length),
    bags: bags.map(({ ids, lengths }, i) => ({ ids: part(ids, layout.bags[i].maxValues), lengths: part(lengths, 1) })),
    sequence: sequence && {
      ids: part(sequence.ids, length),
      channels: part(sequence.channels, length * channels),
      lengths: part(sequence.lengths, 1),
      categories: sequence.categories.map((ids) => part(ids, length)),
    },
  }
}
