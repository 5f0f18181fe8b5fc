/** CRC-16/XMODEM, by which a cluster spreads keys over its slots. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

export const slotCount = 16_384

/** Slot of a key's hash tag, which is ASCII. */
export function slotOf(tag: string): number {
  let crc = 0
  for (let i = 0; i < tag.length; i++) crc = ((crc << 8) ^ table[((crc >> 8) ^ tag.charCodeAt(i)) & 0xff]) & 0xffff
  return crc & (slotCount - 1)
}
