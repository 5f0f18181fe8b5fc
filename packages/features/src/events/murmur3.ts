const encoder = new TextEncoder()

/** Short ASCII texts, the usual keys, are copied here instead of allocating their UTF-8. */
const ascii = new Uint8Array(256)

/**
 * MurmurHash3, x86 32-bit variant, of a text's UTF-8 (Appleby 2011, public domain).
 *
 * @param seed an integer, of which the low 32 bits count
 * @returns an unsigned 32-bit integer
 */
export function murmur3(text: string, seed: number): number {
  const length = text.length
  if (length <= ascii.length) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) break
      ascii[i] = code
    }
    if (i === length) return murmur3Bytes(ascii, length, seed)
  }
  const bytes = encoder.encode(text)
  return murmur3Bytes(bytes, bytes.length, seed)
}

function murmur3Bytes(bytes: Uint8Array, length: number, seed: number): number {
  let hash = seed | 0
  const blocksEnd = length & ~3
  for (let i = 0; i < blocksEnd; i += 4) {
    hash ^= scramble(bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24))
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let i = length - 1; i >= blocksEnd; i--) tail = (tail << 8) | bytes[i]
  if (blocksEnd < length) hash ^= scramble(tail)

  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scramble(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}
