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

/** From the format's description, byte by byte: none of what the module under test uses, and stricter. */
function parseIndependently(file: Uint8Array) {
  let headerBytes = 0
  for (let i = 7; i >= 0; i--) headerBytes = headerBytes * 256 + file[i]
  if (headerBytes % 8 !== 0) throw new Error('The data does not begin at a multiple of 8.')
  const text = Buffer.from(file.slice(8, 8 + headerBytes)).toString('utf8')
  if (text[0] !== '{' || !/^[^\0]*\} *$/.test(text)) throw new Error('The header is no object padded by spaces.')
  const header = JSON.parse(text) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  const tensors = new Map<string, { dtype: string; shape: number[]; values: number[] }>()
  let covered = 0
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [start, end] = offsets
    if (start !== covered || end - start !== shape.reduce((a, b) => a * b, 4)) throw new Error(`${name} is misplaced.`)
    covered = end
    const values: number[] = []
    for (let at = 8 + headerBytes + start; at < 8 + headerBytes + end; at += 4)
      values.push(Buffer.from(file.slice(at, at + 4)).readFloatLE())
    tensors.set(name, { dtype, shape, values })
  }
  if (8 + headerBytes + covered !== file.length) throw new Error('Bytes follow the last tensor.')
  return tensors
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

  it('is read by a parser that knows the format alone', () => {
    for (const matrices of [
      [matrix('user.output.weight', 3, 5), matrix('user.output.bias', 1, 5), matrix('größe', 7, 1)],
      ...Array.from({ length: 9 }, (_, i) => [matrix('n'.repeat(i + 1), 2, 3), matrix('b', 1, 1)]),
    ]) {
      const read = parseIndependently(encodeSafetensors(matrices, { snapshot: '7' }))
      expect([...read.keys()].sort()).toEqual(matrices.map(({ name }) => name).sort())
      for (const { name, rows, cols, data } of matrices) {
        const { dtype, shape, values } = read.get(name)!
        expect({ dtype, shape }).toEqual({ dtype: 'F32', shape: [rows, cols] })
        // row-major: element [r, c] is the r · cols + c-th
        for (let r = 0; r < rows; r++)
          for (let c = 0; c < cols; c++) expect(values[r * cols + c]).toBe(data[r * cols + c])
      }
    }
  })

  it('reads what another writer made: tensors in another order, and a header without padding', () => {
    const file = fileOf(
      {
        second: { dtype: 'F32', data_offsets: [8, 24], shape: [2, 2] },
        first: { shape: [1, 2], dtype: 'F32', data_offsets: [0, 8] },
      },
      24,
    )
    const numbers = [1.5, -2, 3, 4, 5, 6]
    for (const [i, number] of numbers.entries())
      new DataView(file.buffer).setFloat32(file.length - 24 + i * 4, number, true)
    const read = decodeSafetensors(file, 'test')
    expect([...read.get('first')!.data]).toEqual([1.5, -2])
    expect(read.get('second')).toMatchObject({ rows: 2, cols: 2, data: Float32Array.of(3, 4, 5, 6) })
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
    ['a header of more than 16 MiB', fileOf(' '.repeat(2 ** 24 + 8)), 'header of 16777224 bytes does not fit'],
    ['half floats', fileOf({ a: { ...tensor, dtype: 'F16' } }), 'tensor a is not an F32 matrix'],
    ['doubles', fileOf({ a: { dtype: 'F64', shape: [2, 1], data_offsets: [0, 16] } }), 'tensor a is not an F32 matrix'],
    ['three dimensions', fileOf({ a: { ...tensor, shape: [1, 2, 2] } }), 'tensor a is not an F32 matrix'],
    ['bytes that belong to no tensor', fileOf({ a: tensor }, 20), 'its data is not covered'],
    ['a gap between tensors', fileOf({ a: { ...tensor, data_offsets: [4, 20] } }, 20), 'its data is not covered'],
    ['tensors that share bytes', fileOf({ a: tensor, b: tensor }), 'its data is not covered'],
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
