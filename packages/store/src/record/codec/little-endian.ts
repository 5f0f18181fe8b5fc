/** Fixed-width numbers in bytes at any offset, without a DataView a record. */

/** Halves of the number, low first, as Node runs on little-endian machines only. */
const float64 = new Float64Array(1)
const float64Bits = new Uint32Array(float64.buffer)
const float32 = new Float32Array(1)
const float32Bits = new Uint32Array(float32.buffer)

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 0xff
  bytes[at + 1] = (value >>> 8) & 0xff
  bytes[at + 2] = (value >>> 16) & 0xff
  bytes[at + 3] = value >>> 24
}

export function readFloat64(bytes: Uint8Array, at: number): number {
  float64Bits[0] = readUint32(bytes, at)
  float64Bits[1] = readUint32(bytes, at + 4)
  return float64[0]
}

export function writeFloat64(bytes: Uint8Array, at: number, value: number): void {
  float64[0] = value
  writeUint32(bytes, at, float64Bits[0])
  writeUint32(bytes, at + 4, float64Bits[1])
}

export function readFloat32(bytes: Uint8Array, at: number): number {
  float32Bits[0] = readUint32(bytes, at)
  return float32[0]
}

/** Rounds to the nearest binary32. */
export function writeFloat32(bytes: Uint8Array, at: number, value: number): void {
  float32[0] = value
  writeUint32(bytes, at, float32Bits[0])
}
