/** Typed arrays as the binaries of a message: little-endian, whole elements. */
import { invalid, kindOf } from './shape.ts'

type TypedArray = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array

interface TypedArrayType<A extends TypedArray> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer): A
}

/** The bytes of an array, in the same memory. */
export function bytesOf(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/**
 * `length` elements out of a binary, copied: in the message it may start at an offset that no typed array can have.
 *
 * @throws WireError `invalid_request`
 */
export function arrayAt<A extends TypedArray>(
  value: unknown,
  where: string,
  type: TypedArrayType<A>,
  length: number,
): A {
  if (!(value instanceof Uint8Array)) throw invalid(where, `is ${kindOf(value)}; give a binary`)
  const sizeBytes = length * type.BYTES_PER_ELEMENT
  if (value.byteLength !== sizeBytes) {
    throw invalid(where, `has ${value.byteLength} bytes; ${length} values are ${sizeBytes}`)
  }
  const copy = new Uint8Array(sizeBytes)
  copy.set(value)
  return new type(copy.buffer)
}
