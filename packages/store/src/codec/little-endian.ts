/** Fixed-width numbers in bytes at any offset, without a DataView a record. */

const float64Bytes = new Uint8Array(8)
const float64 = new DataView(float64Bytes.buffer)

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
  for (let i = 0; i < 8; i++) float64Bytes[i] = bytes[at + i]
  return float64.getFloat64(0, true)
}

export function writeFloat64(bytes: Uint8Array, at: number, value: number): void {
  float64.setFloat64(0, value, true)
  for (let i = 0; i < 8; i++) bytes[at + i] = float64Bytes[i]
}
