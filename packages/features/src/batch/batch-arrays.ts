/** The arrays of a batch, one behind the other. Shape letters: R rows. */
import type { SideBatch, SideLayout } from './batch.ts'

/** One of a batch's arrays, [R, width]. */
export interface BatchArray {
  /** `dense`, `bag.NAME.ids`, `bag.NAME.lengths`, `sequence.ids`, `sequence.channels`, `sequence.lengths`, `sequence.NAME.ids`. */
  readonly name: string
  readonly type: 'f32' | 'u32'
  readonly width: number
  /** The largest id or length that it may hold; infinite for floats. */
  readonly most: number
}

const known = new WeakMap<SideLayout, readonly BatchArray[]>()

/** What arrays a layout's batches have, in the order that files and frames keep. */
export function batchArrays(layout: SideLayout): readonly BatchArray[] {
  let arrays = known.get(layout)
  if (arrays === undefined) {
    arrays = [...listArrays(layout)]
    known.set(layout, arrays)
  }
  return arrays
}

function* listArrays({ dense, bags, sequence }: SideLayout): Generator<BatchArray> {
  const floats = (name: string, width: number): BatchArray => ({
    name,
    type: 'f32',
    width,
    most: Number.POSITIVE_INFINITY,
  })
  const integers = (name: string, width: number, most: number): BatchArray => ({ name, type: 'u32', width, most })
  yield floats('dense', dense.length)
  for (const { name, buckets, maxValues } of bags) {
    yield integers(`bag.${name}.ids`, maxValues, buckets - 1)
    yield integers(`bag.${name}.lengths`, 1, maxValues)
  }
  if (sequence === null) return
  const { length, buckets, channels, categories } = sequence
  yield integers('sequence.ids', length, buckets - 1)
  yield floats('sequence.channels', length * channels)
  yield integers('sequence.lengths', 1, length)
  for (const category of categories) yield integers(`sequence.${category.name}.ids`, length, category.buckets - 1)
}

/** A batch's own arrays, in the same order. */
export function arraysOf({ dense, bags, sequence }: SideBatch): readonly (Float32Array | Uint32Array)[] {
  const arrays = [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]
  if (sequence === null) return arrays
  return [...arrays, sequence.ids, sequence.channels, sequence.lengths, ...sequence.categories]
}

/** The batch of arrays that `arrayOf` gives, each of the type that it is asked for, in the order of `batchArrays`. */
export function batchOf<Data extends Float32Array | Uint32Array>(
  layout: SideLayout,
  rows: number,
  arrayOf: (array: BatchArray, place: number) => Data,
): SideBatch {
  const made: readonly (Float32Array | Uint32Array)[] = batchArrays(layout).map(arrayOf)
  let at = 0
  const floats = () => made[at++] as Float32Array
  const integers = () => made[at++] as Uint32Array
  return {
    rows,
    dense: floats(),
    bags: layout.bags.map(() => ({ ids: integers(), lengths: integers() })),
    sequence: layout.sequence && {
      ids: integers(),
      channels: floats(),
      lengths: integers(),
      categories: layout.sequence.categories.map(integers),
    },
  }
}

/** Rows `from … to − 1` of a batch, over the same memory. The batch may have been allocated for more rows than it has. */
export function batchRows(layout: SideLayout, batch: SideBatch, from: number, to: number): SideBatch {
  const arrays = arraysOf(batch)
  return batchOf(layout, to - from, ({ width }, i) => arrays[i].subarray(from * width, to * width))
}
