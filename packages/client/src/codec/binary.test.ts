import { describe, expect, it } from 'vitest'
import { arrayAt, bytesOf } from './binary.ts'
import { packMessage, unpackMessage } from './formats.ts'
import { WireError } from './wire-error.ts'

describe('binaries', () => {
  it('come back whole from any offset of a message, and from parts of larger memory', () => {
    const memory = Float64Array.of(0, 1.5, Number.NaN, -3, 9)
    for (let shift = 0; shift < 9; shift++) {
      const packed = packMessage({ ['x'.repeat(shift)]: 1, values: bytesOf(memory.subarray(1, 4)) })
      const { values } = unpackMessage(packed, { maxDepth: 2, maxValues: 9 }) as { values: Uint8Array }
      const copy = arrayAt(values, 'values', Float64Array, 3)
      expect([...copy]).toEqual([1.5, Number.NaN, -3])
      packed.fill(0)
      expect(copy[0]).toBe(1.5)
    }
  })

  it('of another length, or none, are refused with their place', () => {
    const refused = (value: unknown) => () => arrayAt(value, 'models[0].vectors', Float32Array, 2)
    expect(refused(new Uint8Array(7))).toThrow(
      new WireError('invalid_request', 'models[0].vectors has 7 bytes; 2 values are 8'),
    )
    expect(refused([1, 2])).toThrow('models[0].vectors is a list; give a binary')
    expect(refused(undefined)).toThrow('is missing')
  })
})
