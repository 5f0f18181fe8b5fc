import { halfToFloat } from '@headwater/binary16'
import { expect, it } from 'vitest'
import { appendToRing } from '../record/ring.ts'
import { DimensionError, StoreCorruptError, StoreFormatError } from '../validation/errors.ts'
import { createReadBuffer, readStatus } from './read-buffer.ts'
import { clearRow, readRow } from './read-row.ts'

const policy = { slots: 3, count: 3, slot: 'snapshot' } as const

function ring(codec: 'fp16' | 'int8'): Uint8Array {
  let record: Uint8Array | undefined
  for (const [snapshot, values] of [
    [1, [127, -1, 3]],
    [2, [254, 6, -4]],
  ] as const) {
    const tag = { snapshot, frame: 5, featureTimeMs: 1_700_000_000_000.5 + snapshot, writtenMs: 1_700_000_000_009 }
    record = appendToRing(record, 0, tag, Float32Array.from(values), 0, 3, { ...policy, codec }) as Uint8Array
  }
  return record!
}

it.each(['fp16', 'int8'] as const)('reads a ring of %s that lies in the middle of other bytes', (codec) => {
  const record = ring(codec)
  for (const at of [0, 1, 7, 64]) {
    const bytes = new Uint8Array(at + record.length + 9).fill(0xee)
    bytes.set(record, at)
    const held = bytes.subarray(at, at + record.length)
    const [columns] = createReadBuffer(2, [{ model: 'm', dim: 3, latest: true }]).models
    readRow(held, columns, 1, undefined)
    expect([...columns.status]).toEqual([0, readStatus.found])
    expect([columns.snapshot[1], columns.frame[1]]).toEqual([2, 5])
    expect([columns.featureTimeMs[1], columns.writtenMs[1]]).toEqual([1_700_000_000_002.5, 1_700_000_000_009])
    // −1 is held by int8 as one step of 1, and 6 and −4 as three and two of 2.
    expect([...columns.pooled]).toEqual([0, 0, 0, 190.5, 2.5, -0.5])
    expect([...columns.latest!]).toEqual([0, 0, 0, 254, 6, -4])
    const [patterns] = createReadBuffer(2, [{ model: 'm', dim: 3, halves: true }]).models
    readRow(held, patterns, 1, undefined)
    expect([...patterns.halves!].map(halfToFloat)).toEqual([0, 0, 0, 190.5, 2.5, -0.5])
    readRow(held, patterns, 1, 1_700_000_000_003)
    expect([...patterns.halves!]).toEqual([0, 0, 0, 0, 0, 0])
    readRow(held, columns, 1, 1_700_000_000_003)
    expect(columns.status[1]).toBe(readStatus.expired)
    expect([...columns.pooled, ...columns.latest!].every((value) => value === 0)).toBe(true)
    expect(columns.snapshot[1]).toBe(2)
    clearRow(columns, 1, readStatus.missing)
    expect([columns.status[1], columns.snapshot[1], columns.featureTimeMs[1]]).toEqual([readStatus.missing, 0, 0])
  }
})

it('refuses another dim, another format, and lengths that do not fit', () => {
  const record = ring('fp16')
  const longer = new Uint8Array(record.length + 40)
  longer.set(record)
  const read = (dim: number, length: number) => {
    const [columns] = createReadBuffer(1, [{ model: 'm', dim }]).models
    readRow(longer.subarray(0, length), columns, 0, undefined)
  }
  expect(() => read(4, record.length)).toThrow(DimensionError)
  for (const length of [0, 1, 15, 16, 23, record.length - 1, record.length + 1]) {
    expect(() => read(3, length)).toThrow(StoreCorruptError)
  }
  longer[0] = 1
  expect(() => read(3, record.length)).toThrow(StoreFormatError)
})
