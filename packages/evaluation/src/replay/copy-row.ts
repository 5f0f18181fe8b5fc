import { arraysOf, batchArrays, type SideBatch, type SideLayout } from '@headwater/features'

/** Copies a row of a batch into a row of another of the same layout; both may have been allocated for any number of rows. */
export function copyRow(layout: SideLayout, from: SideBatch, row: number, into: SideBatch, at: number): void {
  const [given, filled] = [arraysOf(from), arraysOf(into)]
  for (const [i, { width }] of batchArrays(layout).entries())
    filled[i].set(given[i].subarray(row * width, (row + 1) * width), at * width)
}
