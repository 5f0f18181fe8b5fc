/** Tensors are matrices [rows, cols] of f32 or u32 in a storage; rows are padded to vec4, and padding holds zeros. */
import { padded } from '@headwater/kernels'

/**
 * Memory on the device: a range of a buffer. A transient one gets its place when the plan is made; a persistent one brings
 * its own, or has none where it was laid out only to be counted.
 */
export interface Storage {
  readonly label: string
  /** A multiple of 256, WebGPU's alignment of bindings; 0 for transients that are kept. */
  offsetBytes: number
  readonly sizeBytes: number
  buffer: GPUBuffer | null
}

export interface Tensor {
  readonly storage: Storage
  readonly rows: number
  readonly cols: number
  /** Floats from one row to the next, a multiple of 4. */
  readonly stride: number
  /** Floats from the storage's begin to the first element, a multiple of 4. */
  readonly offset: number
}

/** Where a layer's result goes: assigned, or added to what is there. */
export interface Into {
  readonly into: Tensor
  readonly accumulate: boolean
}

export const assign = (into: Tensor): Into => ({ into, accumulate: false })
export const add = (into: Tensor): Into => ({ into, accumulate: true })

/** A tensor over memory that the caller owns: all of a buffer. */
export function persistent(buffer: GPUBuffer, rows: number, cols: number): Tensor {
  const storage = { label: buffer.label, offsetBytes: 0, sizeBytes: buffer.size, buffer }
  return { storage, rows, cols, stride: padded(cols), offset: 0 }
}

/** A tensor [rows, cols] over part of the memory of another one, without gaps. `offsetBytes` is a multiple of 256. */
export function part(tensor: Tensor, label: string, offsetBytes: number, rows: number, cols: number): Tensor {
  const { storage } = tensor
  const stride = padded(cols)
  const sizeBytes = rows * stride * 4
  if (offsetBytes % 256 !== 0 || offsetBytes + sizeBytes > storage.sizeBytes)
    throw new RangeError(`Bytes ${offsetBytes} … ${offsetBytes + sizeBytes} of ${storage.sizeBytes}, for ${label}.`)
  return {
    storage: { label, offsetBytes: storage.offsetBytes + offsetBytes, sizeBytes, buffer: storage.buffer },
    rows,
    cols,
    stride,
    offset: 0,
  }
}

/** Columns `from … from + cols` of a tensor; `from` is a multiple of 4. */
export function columns(tensor: Tensor, from: number, cols: number): Tensor {
  if (from % 4 !== 0 || from + cols > tensor.stride)
    throw new RangeError(`Columns ${from} … ${from + cols} of a tensor with rows of ${tensor.stride} floats.`)
  return { ...tensor, cols, offset: tensor.offset + from }
}

/** Rows `from … from + rows` of a tensor. */
export function rowsOf(tensor: Tensor, from: number, rows: number): Tensor {
  return { ...tensor, rows, offset: tensor.offset + from * tensor.stride }
}
