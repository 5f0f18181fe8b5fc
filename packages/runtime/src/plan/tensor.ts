/** Tensors are matrices [rows, cols] of f32 or u32 in a storage; rows are padded to vec4, and padding holds zeros. */
import { padded } from '@headwater/kernels'

/** Memory on the device. A transient one gets its buffer when the plan is made; a persistent one brings its own. */
export interface Storage {
  readonly label: string
  readonly sizeBytes: number
  buffer: GPUBuffer | null
}

export interface Tensor {
  readonly storage: Storage
  readonly rows: number
  readonly cols: number
  /** Floats from one row to the next, a multiple of 4. */
  readonly stride: number
  /** Floats before the first element, a multiple of 4. */
  readonly offset: number
}

/** A tensor over memory that the caller owns. */
export function persistent(buffer: GPUBuffer, rows: number, cols: number, offset = 0): Tensor {
  const storage = { label: buffer.label, sizeBytes: buffer.size, buffer }
  return { storage, rows, cols, stride: padded(cols), offset }
}

/** Columns `from … from + cols` of a tensor; `from` is a multiple of 4. */
export function columns(tensor: Tensor, from: number, cols: number): Tensor {
  if (from % 4 !== 0 || from + cols > tensor.stride)
    throw new RangeError(`Columns ${from} … ${from + cols} of a tensor with rows of ${tensor.stride} floats.`)
  return { ...tensor, cols, offset: tensor.offset + from }
}
