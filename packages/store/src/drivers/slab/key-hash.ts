/**
 * A 32-bit hash of a string's UTF-16 units: FNV-1a's loop and MurmurHash3's finish, so that the high bits, which the index
 * goes by, depend on all of them. No encoder, no copy. The seed is drawn at random where keys come from outside, so that
 * nobody can make keys that meet.
 */
export function hashKey(seed: number, key: string): number {
  let hash = seed
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
