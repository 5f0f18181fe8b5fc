/**
 * Whether bytes are a record that the version before this one's reads: format 2, and at byte 4 the CRC-32 of all bytes but
 * the checksum's own, bit by bit as it is defined (ITU-T V.42), with nothing of the record's address in it.
 */
export function isOfFormat2(record: Uint8Array): boolean {
  let crc = 0xffff_ffff
  for (const [at, byte] of record.entries()) {
    if (at >= 4 && at < 8) continue
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
  }
  const held = new DataView(record.buffer, record.byteOffset).getUint32(4, true)
  return record[0] === 2 && held === ~crc >>> 0
}
