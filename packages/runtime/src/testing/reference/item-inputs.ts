/** The mix tower's input in float64: dense values, padded to a multiple of 4, and the mean embedding of each bag. */
import type { SideBatch, SideLayout } from '@headwater/features'

/** X of row r of a batch; `name` is the side's, `item`, and `width` that of a looked-up embedding. */
export function referenceItemInputs(
  values: ReadonlyMap<string, Float64Array>,
  name: string,
  layout: SideLayout,
  width: number,
  batch: SideBatch,
  r: number,
): number[] {
  const x: number[] = []
  for (let f = 0; f < layout.dense.length; f++) x.push(batch.dense[r * layout.dense.length + f])
  while (x.length % 4 !== 0) x.push(0)
  for (const [i, bag] of layout.bags.entries()) {
    const table = values.get(`${name}.${bag.name}`)!
    const { ids, lengths } = batch.bags[i]
    const mean = new Array<number>(width).fill(0)
    for (let m = 0; m < lengths[r]; m++)
      for (let d = 0; d < width; d++) mean[d] += table[ids[r * bag.maxValues + m] * width + d] / lengths[r]
    x.push(...mean)
  }
  return x
}
