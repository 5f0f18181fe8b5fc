/** A batch as bytes: its arrays one behind the other, in one order on both sides. Shape letter: R rows. */
import type { SideBatch, SideLayout } from '@headwater/features'
import { FrameError } from './frames.ts'

/** The arrays of a batch that has exactly its R rows. */
export function arraysOf({ dense, bags, sequence }: SideBatch): readonly (Float32Array | Uint32Array)[] {
  const arrays = [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]
  if (sequence === null) return arrays
  return [...arrays, sequence.ids, sequence.channels, sequence.lengths, ...sequence.categories]
}

/** Bytes that a row takes. */
export function rowBytes({ dense, bags, sequence }: SideLayout): number {
  const bagValues = bags.reduce((sum, { maxValues }) => sum + maxValues + 1, 0)
  const { length, channels, categories } = sequence ?? { length: 0, channels: 0, categories: [] }
  const sequenceValues = sequence === null ? 0 : length * (1 + channels + categories.length) + 1
  return 4 * (dense.length + bagValues + sequenceValues)
}

/** The batch whose arrays were written, over the same memory. @throws FrameError where the bytes are not R rows */
export function batchFrom(layout: SideLayout, rows: number, bytes: Uint8Array<ArrayBuffer>): SideBatch {
  if (bytes.length !== rows * rowBytes(layout))
    throw new FrameError(`${bytes.length} bytes are not ${rows} rows of ${rowBytes(layout)}`)
  let at = bytes.byteOffset
  const next = <Data>(type: new (buffer: ArrayBuffer, at: number, length: number) => Data, length: number): Data => {
    const data = new type(bytes.buffer, at, length)
    at += 4 * length
    return data
  }
  const { sequence } = layout
  return {
    rows,
    dense: next(Float32Array, rows * layout.dense.length),
    bags: layout.bags.map(({ maxValues }) => ({
      ids: next(Uint32Array, rows * maxValues),
      lengths: next(Uint32Array, rows),
    })),
    sequence: sequence && {
      ids: next(Uint32Array, rows * sequence.length),
      channels: next(Float32Array, rows * sequence.length * sequence.channels),
      lengths: next(Uint32Array, rows),
      categories: sequence.categories.map(() => next(Uint32Array, rows * sequence.length)),
    },
  }
}
