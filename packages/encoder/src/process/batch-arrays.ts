/** A batch as bytes: its arrays one behind the other, in one order on both sides. Shape letter: R rows. */
import { batchArrays, batchOf, type SideBatch, type SideLayout } from '@headwater/features'
import { FrameError } from './frames.ts'

export function rowBytes(layout: SideLayout): number {
  return 4 * batchArrays(layout).reduce((sum, { width }) => sum + width, 0)
}

/** The batch whose arrays were written, over the same memory. @throws FrameError where the bytes are not R rows */
export function batchFrom(layout: SideLayout, rows: number, bytes: Uint8Array<ArrayBuffer>): SideBatch {
  if (bytes.length !== rows * rowBytes(layout))
    throw new FrameError(`${bytes.length} bytes are not ${rows} rows of ${rowBytes(layout)}`)
  let next = bytes.byteOffset
  return batchOf(layout, rows, ({ type, width }) => {
    const at = next
    next += 4 * rows * width
    return type === 'f32'
      ? new Float32Array(bytes.buffer, at, rows * width)
      : new Uint32Array(bytes.buffer, at, rows * width)
  })
}
