import { expect, it } from 'vitest'
import { StoreUrlError } from '../../validation/errors.ts'
import { parseTieredUrl } from './tiered-url.ts'

it("reads a tier's size, maximum age and base", () => {
  const capacityBytes = 2 ** 26
  expect(parseTieredUrl('tiered:64MiB:lmdb:a:b')).toEqual({ options: { capacityBytes }, base: 'lmdb:a:b' })
  expect(parseTieredUrl('tiered:64MiB:lmdb:a?readonly')).toEqual({
    options: { capacityBytes, maxAgeMs: 1_000 },
    base: 'lmdb:a?readonly',
  })
  const valkey = 'valkey://u:p?:@h:1,h:2?timeout=5'
  expect(parseTieredUrl(`tiered:64MiB:${valkey}`)).toEqual({
    options: { capacityBytes, maxAgeMs: 1_000 },
    base: valkey,
  })
  expect(parseTieredUrl(`tiered:64MiB?maxAge=0:${valkey}`)).toEqual({
    options: { capacityBytes, maxAgeMs: 0 },
    base: valkey,
  })
  for (const rest of [
    '',
    '64MiB',
    '64MiB:',
    ':lmdb:a',
    '64:lmdb:a',
    '64MiB?maxAge=x:lmdb:a',
    '64MiB?age=1:lmdb:a',
    '64MiB:memory:',
    '64MiB:tiered:1MiB:lmdb:a',
  ]) {
    expect(() => parseTieredUrl(`tiered:${rest}`)).toThrow(StoreUrlError)
  }
  expect(() => parseTieredUrl('tiered:64MB:valkey://u:secret@h')).not.toThrow(/secret/)
})
