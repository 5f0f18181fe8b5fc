import { describe, expect, it } from 'vitest'
import { decodeMixedSafetensors, decodeSafetensors, encodeSafetensors, SafetensorsError } from './safetensors.ts'

const matrix = (name: string, rows: number, cols: number) => ({
  name,
  rows,
  cols,
  data: Float32Array.from({ length: rows * cols }, (_, i) => (i % 2 ? -1 : 1) * Math.fround(i / 3)),
})

/** A file of the given header text and data. */
function fileOf(header: unknown, dataBytes = 16): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + json.length + dataBytes)
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true)
  file.set(json, 8)
  return file
}

describe('safetensors', () => {
  it('gives back what went in, bit for bit, whatever buffer the file lies in', () => {
    const matrices = [matrix('a', 3, 5), matrix('größe', 1, 1), matrix('none', 0, 4), matrix('b', 7, 2)]
    matrices[0].data[4] = -0
    const file = encodeSafetensors(matrices, { snapshot: '7' })
    const shifted = new Uint8Array(file.length + 5)
    shifted.set(file, 5)
    // Node's Buffer has a `slice` that does not copy
    for (const copy of [file, shifted.subarray(5), Buffer.from(file)])
      expect([...decodeSafetensors(copy, 'test').values()]).toEqual(matrices)
  })

  it('is laid out as the format says', () => {
    const file = encodeSafetensors([matrix('a', 2, 2), matrix('b', 1, 3)], { made: 'here' })
    const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true))
    expect(headerBytes % 8).toBe(0)
    expect(JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes)))).toEqual({
      __metadata__: { made: 'here' },
      a: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] },
      b: { dtype: 'F32', shape: [1, 3], data_offsets: [16, 28] },
    })
    expect(file.length).toBe(8 + headerBytes + 28)
    expect(new DataView(file.buffer).getFloat32(8 + headerBytes + 4, true)).toBe(Math.fround(-1 / 3))
  })

  it('refuses every file that is cut short', () => {
    const file = encodeSafetensors([matrix('a', 2, 2)], {})
    for (let length = 0; length < file.length; length++)
      expect(() => decodeSafetensors(file.subarray(0, length), 'cut'), `${length} bytes`).toThrow(SafetensorsError)
  })

  const tensor = { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] }
  const huge = fileOf({ a: tensor })
  new DataView(huge.buffer).setBigUint64(0, 2n ** 63n, true)
  for (const [what, file, message] of [
    ['a header of 2⁶³ bytes', huge, 'does not fit'],
    ['a header that is no JSON', fileOf('{"a": '), 'header is not JSON'],
    ['a header that is not UTF-8', fileOf('{"\u{ff}"}').map((b) => (b === 0xc3 ? 0xff : b)), 'header is not JSON'],
    ['a header that is no object', fileOf('null'), 'header is no JSON object'],
    ['half floats', fileOf({ a: { ...tensor, dtype: 'F16' } }), 'tensor a is not an F32 matrix'],
    ['a vector', fileOf({ a: { ...tensor, shape: [4] } }), 'tensor a is not an F32 matrix'],
    ['no shape', fileOf({ a: { dtype: 'F32', data_offsets: [0, 16] } }), 'tensor a is not an F32 matrix'],
    ['a negative shape', fileOf({ a: { ...tensor, shape: [-2, -2] } }), 'tensor a is not an F32 matrix'],
    ['an entry of null', fileOf({ a: null }), 'tensor a is not an F32 matrix'],
    ['no offsets', fileOf({ a: { dtype: 'F32', shape: [2, 2] } }), 'tensor a does not fit'],
    ['offsets before the data', fileOf({ a: { ...tensor, data_offsets: [-16, 0] } }), 'tensor a does not fit'],
    ['offsets that are no numbers', fileOf({ a: { ...tensor, data_offsets: ['0', '16'] } }), 'tensor a does not fit'],
    ['another size than the shape', fileOf({ a: { ...tensor, shape: [2, 3] } }), 'tensor a does not fit'],
    ['data beyond the end', fileOf({ a: { ...tensor, data_offsets: [8, 24] } }), 'tensor a does not fit'],
  ] as const)
    it(`refuses ${what}`, () => {
      expect(() => decodeSafetensors(file, 'weights.safetensors')).toThrow(SafetensorsError)
      expect(() => decodeSafetensors(file, 'weights.safetensors')).toThrow(`weights.safetensors: `)
      expect(() => decodeSafetensors(file, 'weights.safetensors')).toThrow(message)
    })

  it('holds u32 matrices beside f32 ones, for readers that expect them', () => {
    const ids = { name: 'ids', rows: 2, cols: 2, data: Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1) }
    const file = encodeSafetensors([ids, matrix('a', 1, 3)], {})
    expect([...decodeMixedSafetensors(file, 'test').values()]).toEqual([ids, matrix('a', 1, 3)])
    expect(() => decodeSafetensors(file, 'test')).toThrow('tensor ids is not an F32 matrix')
  })

  it('neither writes nor reads values that are not finite', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken = matrix('a', 2, 2)
      broken.data[3] = bad
      expect(() => encodeSafetensors([broken], {})).toThrow(/Tensor a holds NaN/)
      const file = encodeSafetensors([matrix('a', 2, 2)], {})
      new DataView(file.buffer).setFloat32(file.length - 4, bad, true)
      expect(() => decodeSafetensors(file, 'test')).toThrow(/tensor a holds NaN/)
    }
    expect(() => encodeSafetensors([{ ...matrix('a', 2, 2), rows: 3 }], {})).toThrow(SafetensorsError)
  })
})
