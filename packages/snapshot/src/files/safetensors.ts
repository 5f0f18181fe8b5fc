/** The safetensors format: u64 length of a JSON header, the header, then the raw little-endian data it describes. */

/** A matrix [rows, cols] of f32; `Data` is `Uint32Array` where ids and lengths are meant. */
export interface NamedMatrix<Data extends Float32Array | Uint32Array = Float32Array> {
  readonly name: string
  readonly rows: number
  readonly cols: number
  readonly data: Data
}

export type AnyMatrix = NamedMatrix<Float32Array> | NamedMatrix<Uint32Array>

/** A weights file that is not what it should be. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError'
}

export const maxHeaderBytes = 16 * 2 ** 20

/** @throws SafetensorsError for a matrix of another size than it says, or with values that are not finite. */
export function encodeSafetensors(matrices: readonly AnyMatrix[], metadata: Record<string, string>): Uint8Array {
  let end = 0
  const header: Record<string, unknown> = { __metadata__: metadata }
  for (const { name, rows, cols, data } of matrices) {
    if (data.length !== rows * cols)
      throw new SafetensorsError(`Tensor ${name} has ${data.length} values, not ${rows} × ${cols}.`)
    if (data instanceof Float32Array && !data.every(Number.isFinite))
      throw new SafetensorsError(`Tensor ${name} holds NaN or infinite values: training diverged. Lower its rates.`)
    const dtype = data instanceof Float32Array ? 'F32' : 'U32'
    header[name] = { dtype, shape: [rows, cols], data_offsets: [end, end + data.byteLength] }
    end += data.byteLength
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  // spaces up to a multiple of 8 keep the data aligned
  const start = Math.ceil(json.length / 8) * 8
  const file = new Uint8Array(8 + start + end).fill(0x20, 8, 8 + start)
  new DataView(file.buffer).setBigUint64(0, BigInt(start), true)
  file.set(json, 8)
  let at = 8 + start
  for (const { data } of matrices) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return file
}

/**
 * @throws SafetensorsError for a file cut short, a header out of bounds, another dtype, data that is not covered by the
 * tensors once each, or values that are not finite.
 */
export function decodeSafetensors(file: Uint8Array, source: string): Map<string, NamedMatrix> {
  const floats = new Map<string, NamedMatrix>()
  for (const [name, matrix] of decode(file, source, ['F32']))
    if (matrix.data instanceof Float32Array) floats.set(name, { ...matrix, data: matrix.data })
  return floats
}

/** As `decodeSafetensors`, of a file that may hold u32 matrices too. */
export function decodeMixedSafetensors(file: Uint8Array, source: string): Map<string, AnyMatrix> {
  return decode(file, source, ['F32', 'U32'])
}

function decode(file: Uint8Array, source: string, dtypes: readonly ('F32' | 'U32')[]): Map<string, AnyMatrix> {
  const fail = (what: string) => new SafetensorsError(`${source}: ${what}. Publish the snapshot again.`)
  if (file.length < 8) throw fail('shorter than the 8 bytes of its header length')
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  if (headerBytes > maxHeaderBytes || 8 + headerBytes > file.length)
    throw fail(`header of ${headerBytes} bytes does not fit`)
  let header: Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | null> | null
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, 8 + headerBytes)))
  } catch {
    throw fail('header is not JSON')
  }
  if (typeof header !== 'object' || header === null) throw fail('header is no JSON object')
  const matrices = new Map<string, AnyMatrix>()
  const ranges: [start: number, end: number][] = []
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const dtype = dtypes.find((known) => known === entry?.dtype)
    if (dtype === undefined || !isPair(entry?.shape))
      throw fail(`tensor ${name} is not an ${dtypes.join(' or ')} matrix`)
    const [rows, cols] = entry.shape
    const [start, end] = isPair(entry.data_offsets) ? entry.data_offsets : [0, -1]
    if (end - start !== rows * cols * 4 || 8 + headerBytes + end > file.length)
      throw fail(`tensor ${name} does not fit the file`)
    ranges.push([start, end])
    const bytes = new Uint8Array(file.subarray(8 + headerBytes + start, 8 + headerBytes + end)).buffer
    if (dtype === 'U32') {
      matrices.set(name, { name, rows, cols, data: new Uint32Array(bytes) })
      continue
    }
    const data = new Float32Array(bytes)
    if (!data.every(Number.isFinite)) throw fail(`tensor ${name} holds NaN or infinite values`)
    matrices.set(name, { name, rows, cols, data })
  }
  if (!coverOnce(ranges, file.length - 8 - headerBytes)) throw fail('its data is not covered by its tensors once each')
  return matrices
}

/** As the format demands: no two tensors share a byte, and no byte belongs to none. */
function coverOnce(ranges: readonly [start: number, end: number][], sizeBytes: number): boolean {
  let covered = 0
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (start !== covered) return false
    covered = end
  }
  return covered === sizeBytes
}

function isPair(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((n) => Number.isSafeInteger(n) && n >= 0)
}
