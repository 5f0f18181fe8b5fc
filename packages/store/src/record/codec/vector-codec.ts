import { decodeHalves, encodeHalves } from '@headwater/binary16'
import { decodeInt8, encodeInt8 } from './int8.ts'

/** `fp16`: two bytes a value. `int8`: one, and four for the vector's scale. */
export type CodecName = 'fp16' | 'int8'

/** How vectors are held as bytes. D = dim. */
export interface VectorCodec {
  readonly name: CodecName
  /** What records call it. */
  readonly code: number
  vectorBytes(dim: number): number
  /** Gives the place, counted from `from`, of the first value that cannot be held, or −1. */
  encode(values: Float32Array, from: number, dim: number, bytes: Uint8Array, offset: number): number
  decode(bytes: Uint8Array, offset: number, dim: number, into: Float32Array, at: number): void
}

export const codecs: Readonly<Record<CodecName, VectorCodec>> = {
  fp16: { name: 'fp16', code: 0, vectorBytes: (dim) => 2 * dim, encode: encodeHalves, decode: decodeHalves },
  int8: { name: 'int8', code: 1, vectorBytes: (dim) => 4 + dim, encode: encodeInt8, decode: decodeInt8 },
}

/** The codec that a record names, or undefined. */
export function codecOf(code: number): VectorCodec | undefined {
  if (code === 0) return codecs.fp16
  return code === 1 ? codecs.int8 : undefined
}
