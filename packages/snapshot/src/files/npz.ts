/** NumPy's archive of arrays, as `numpy.load` reads it: a zip of .npy files (NumPy Enhancement Proposal 1). */
import { zipSync } from 'fflate'

export interface NpyArray {
  readonly values: Numbers | readonly string[]
  /** Row by row; default: one axis. */
  readonly shape?: readonly number[]
}

/** binary16 as `Uint16Array`, microseconds since 1970 as `BigInt64Array`. */
type Numbers = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array | BigInt64Array

export function npz(arrays: Readonly<Record<string, NpyArray>>): Uint8Array {
  // Stored, as numpy.savez does it: floats have little to compress. The same arrays are the same bytes whenever they are written.
  const files = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npy(array)]))
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) })
}

const kinds = [
  [Uint8Array, '|u1'],
  [Uint16Array, '<f2'],
  [Uint32Array, '<u4'],
  [Float32Array, '<f4'],
  [Float64Array, '<f8'],
  [BigInt64Array, '<M8[us]'],
] as const

function npy({ values, shape = [values.length] }: NpyArray): Uint8Array {
  const { type, data } = Array.isArray(values) ? texts(values) : numbers(values as Numbers)
  const axes = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`
  const dictionary = `{'descr': '${type}', 'fortran_order': False, 'shape': ${axes}, }`
  const magicBytes = 10
  // Data begins at a multiple of 64 bytes, the header ends with a line feed.
  const headerBytes = Math.ceil((magicBytes + dictionary.length + 1) / 64) * 64 - magicBytes
  const file = new Uint8Array(magicBytes + headerBytes + data.length)
  file.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, headerBytes & 0xff, headerBytes >> 8])
  file.set(new TextEncoder().encode(`${dictionary.padEnd(headerBytes - 1)}\n`), magicBytes)
  file.set(data, magicBytes + headerBytes)
  return file
}

function numbers(values: Numbers) {
  const type = kinds.find(([kind]) => values instanceof kind)![1]
  return { type, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) }
}

/** UTF-32, all as long as the longest. */
function texts(values: readonly string[]) {
  const points = values.map((text) => Array.from(text, (point) => point.codePointAt(0)!))
  const width = Math.max(1, ...points.map(({ length }) => length))
  const data = new Uint32Array(values.length * width)
  points.forEach((own, i) => {
    data.set(own, i * width)
  })
  return { type: `<U${width}`, data: new Uint8Array(data.buffer) }
}
