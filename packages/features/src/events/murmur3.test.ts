import { describe, expect, it } from 'vitest'
import { randomNumbers } from '../testing/random-log.ts'
import { murmur3 } from './murmur3.ts'

/** The published algorithm once more, in unbounded integers over the bytes that Node encodes. */
function naiveMurmur3(text: string, seed: number): number {
  const bytes = [...Buffer.from(text, 'utf8')].map(BigInt)
  const mask = 0xffffffffn
  const rotate = (x: bigint, by: bigint) => ((x << by) | (x >> (32n - by))) & mask
  const mix = (k: bigint) => (rotate((k * 0xcc9e2d51n) & mask, 15n) * 0x1b873593n) & mask
  let hash = BigInt(seed)
  const blocks = Math.floor(bytes.length / 4)
  for (let b = 0; b < blocks; b++) {
    const block = bytes.slice(4 * b, 4 * b + 4).reduce((sum, byte, i) => sum + byte * 256n ** BigInt(i), 0n)
    hash = (rotate(hash ^ mix(block), 13n) * 5n + 0xe6546b64n) & mask
  }
  const tail = bytes.slice(4 * blocks).reduce((sum, byte, i) => sum + byte * 256n ** BigInt(i), 0n)
  if (bytes.length % 4 > 0) hash ^= mix(tail)
  hash ^= BigInt(bytes.length)
  hash = ((hash ^ (hash >> 16n)) * 0x85ebca6bn) & mask
  hash = ((hash ^ (hash >> 13n)) * 0xc2b2ae35n) & mask
  return Number(hash ^ (hash >> 16n))
}

describe('murmur3', () => {
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['ab', 0x9747b28c, 0x74875592],
    ['abc', 0x9747b28c, 0xc84a62dd],
    ['abcd', 0x9747b28c, 0xf0478627],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['test', 0, 0xba6bd213],
  ])('gives the published value of %j with seed %i', (text, seed, hash) => {
    expect(murmur3(text, seed)).toBe(hash)
  })

  it.each([1, 2, 3])('equals the naive computation on random texts, seed %i', (seed) => {
    const random = randomNumbers(seed)
    // ASCII, two and three bytes, surrogates also alone, and lengths around the inner buffer's 256.
    const alphabets = [0x80, 0x800, 0x10000]
    for (let n = 0; n < 300; n++) {
      const length = n < 290 ? Math.floor(random() * 40) : 250 + n - 285
      const alphabet = alphabets[n % 3]
      const text = Array.from({ length }, () => String.fromCharCode(Math.floor(random() * alphabet))).join('')
      const hashSeed = Math.floor(random() * 2 ** 32)
      expect(murmur3(text, hashSeed), `seed ${seed}, text ${JSON.stringify(text)}`).toBe(naiveMurmur3(text, hashSeed))
    }
  })
})
