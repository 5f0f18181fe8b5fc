import { halfToFloat } from '@headwater/binary16'

/** What a ring's bytes say, unchecked, read by the description of them in `ring.ts` and by nothing of the package's own. */
export function ringContents(record: Uint8Array) {
  const bytes = new DataView(record.buffer, record.byteOffset, record.length)
  const dim = bytes.getUint16(16, true)
  const codec = record[20] === 0 ? 'fp16' : 'int8'
  const halves = (at: number) => {
    return Float32Array.from({ length: dim }, (_, i) => halfToFloat(bytes.getUint16(at + 2 * i, true)))
  }
  const scaled = (at: number) => {
    return Float32Array.from({ length: dim }, (_, i) => bytes.getFloat32(at, true) * bytes.getInt8(at + 4 + i))
  }
  const slotBytes = 24 + (codec === 'fp16' ? 2 * dim : 4 + dim)
  const slots = Array.from({ length: record[18] }, (_, s) => {
    const at = 24 + 2 * dim + s * slotBytes
    return {
      snapshot: bytes.getUint32(at, true),
      frame: bytes.getUint32(at + 4, true),
      featureTimeMs: bytes.getFloat64(at + 8, true),
      writtenMs: bytes.getFloat64(at + 16, true),
      vector: codec === 'fp16' ? halves(at + 24) : scaled(at + 24),
    }
  })
  return { dim, codec, version: bytes.getUint32(8, true), pooledSlots: record[19], pooled: halves(24), slots }
}
