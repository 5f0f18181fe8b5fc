import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { crc32, crc32Text } from './crc32.ts'

it('is the checksum that gzip writes, whole and in parts', () => {
  for (const length of [0, 1, 3, 4, 5, 7, 8, 255, 511, 512, 513, 1024, 1031]) {
    const hashes = Array.from({ length: 40 }, (_, i) => createHash('sha256').update(`${length} ${i}`).digest())
    const bytes = Buffer.concat(hashes).subarray(0, length)
    // RFC 1952: the last eight bytes are the checksum and the length.
    const zipped = gzipSync(bytes)
    const expected = zipped.readUInt32LE(zipped.length - 8)
    expect(crc32(bytes, 0, length, 0)).toBe(expected)
    const middle = length >> 1
    expect(crc32(bytes, middle, length, crc32(bytes, 0, middle, 0))).toBe(expected)
  }
})

it('is of a text that of its UTF-16 in little-endian', () => {
  for (const text of ['', 'a', 'user-000000017', 'nul\0within', 'ключ', '鍵', '🔑 and \ud800']) {
    const bytes = Buffer.from(text, 'utf16le')
    expect(crc32Text(text, 0)).toBe(crc32(bytes, 0, bytes.length, 0))
    expect(crc32Text(text.slice(2), crc32Text(text.slice(0, 2), 7))).toBe(crc32(bytes, 0, bytes.length, 7))
  }
})
