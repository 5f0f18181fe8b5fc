import { expect, it } from 'vitest'
import { StoreUrlError } from '../../validation/errors.ts'
import { parseMemoryUrl } from './memory-url.ts'

it('reads the capacity of a store in memory', () => {
  expect(parseMemoryUrl('memory:')).toEqual({})
  expect(parseMemoryUrl('memory:?capacity=256MiB')).toEqual({ capacityBytes: 268_435_456 })
  expect(parseMemoryUrl('memory:?capacity=1.5GiB')).toEqual({ capacityBytes: 1_610_612_736 })
  for (const rest of [
    'x',
    '?',
    '?capacity=',
    '?capacity=5',
    '?capacity=5MB',
    '?capacity=-5MiB',
    '?capacity=900KiB',
    '?size=1MiB',
  ]) {
    expect(() => parseMemoryUrl(`memory:${rest}`)).toThrow(StoreUrlError)
  }
})
