/**
 * How an owner's records lie together in one entry, in u32 words, little-endian bytes; P = parts:
 *
 *  0 units of 8 bytes (30 bits), reads since the last look at it (2 bits, up to 3)
 *  1 hash            2 space: tenant and kind of owner, all ones in a dead entry
 *  3 length of the key in UTF-16 units (16 bits), P (15 bits), whether a unit of the key takes two bytes (1 bit)
 *  then the key, padded to words
 *  then P of: part (0 state, 1 events, 2 … a model's ring), bytes, stamp of the caller's
 *  then P records, padded to words
 */
export const headerWords = 4
export const partWords = 3
export const unitMask = 0x3fffffff
export const dead = 0xffffffff
export const maxReads = 3
export const maxParts = 0x7fff

export type OwnerKind = 'user' | 'item' | 'tombstone'
export const ownerKinds: readonly OwnerKind[] = ['user', 'item', 'tombstone']
export const kindCode: Record<OwnerKind, number> = { user: 0, item: 1, tombstone: 2 }

/** Length and width of a key, as in an entry's fourth word, with no parts. */
export function shapeOf(key: string): number {
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) > 0xff) return (key.length | (1 << 31)) >>> 0
  return key.length
}

export function keyWords(shape: number): number {
  return ((shape & 0xffff) * (1 + (shape >>> 31)) + 3) >>> 2
}

export function writeKey(key: string, shape: number, bytes: Uint8Array, at: number): void {
  const wide = shape >>> 31
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    bytes[at + i * (1 + wide)] = unit & 0xff
    if (wide === 1) bytes[at + 2 * i + 1] = unit >>> 8
  }
}

export function readKey(shape: number, bytes: Uint8Array, at: number): string {
  const wide = shape >>> 31
  const end = at + (shape & 0xffff) * (1 + wide)
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString(wide === 1 ? 'utf16le' : 'latin1')
}
