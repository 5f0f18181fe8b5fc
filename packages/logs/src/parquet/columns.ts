/**
 * Kinds of columns, each with its way to and from the bytes of a Parquet page. Values are plain: a typed array's own bytes, so
 * that writing and reading are copies. R rows, D values of a row's vector.
 */
import { encodeHalves, halvesToFloats } from '@headwater/binary16'
import type { SchemaElement } from 'hyparquet'
import { readPlain } from 'hyparquet/src/plain.js'
import { LevelRuns, levelsIn } from './level-runs.ts'

/** A column's page without its header. */
export interface PageBody {
  /** Levels of the column, or R where it has none. */
  readonly entries: number
  /** Of the entries. */
  readonly nulls: number
  readonly repetition: Uint8Array
  readonly definition: Uint8Array
  readonly values: Uint8Array
}

export interface Column<Value> {
  /** Of the schema, the group of a list before what is in it. */
  readonly elements: readonly SchemaElement[]
  encode(value: Value, rows: number): PageBody
  decode(body: PageBody, rows: number): Value
}

export interface Vectors {
  /** [R] D of each row, 0 where there is none. */
  readonly dims: Uint32Array
  /** [Σ D] binary16, row after row. */
  readonly halves: Uint16Array
}

const none = new Uint8Array(0)

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** A copy: a page need not begin where such an array may. */
function arrayOf<A>(Type: new (buffer: ArrayBuffer) => A, bytes: Uint8Array): A {
  return new Type(Uint8Array.from(bytes).buffer)
}

/** A value a row, none missing. */
function required<Value>(
  element: SchemaElement,
  encodeValues: (value: Value, rows: number) => Uint8Array,
  decodeValues: (values: Uint8Array, rows: number) => Value,
): Column<Value> {
  return {
    elements: [{ repetition_type: 'REQUIRED', ...element }],
    encode: (value, rows) => {
      return { entries: rows, nulls: 0, repetition: none, definition: none, values: encodeValues(value, rows) }
    },
    decode: ({ values }, rows) => decodeValues(values, rows),
  }
}

export function doubles(name: string): Column<Float64Array> {
  const encode = (array: Float64Array, rows: number) => bytesOf(array.subarray(0, rows))
  return required({ name, type: 'DOUBLE' }, encode, (values) => arrayOf(Float64Array, values))
}

export function unsigned(name: string): Column<Uint32Array> {
  const encode = (array: Uint32Array, rows: number) => bytesOf(array.subarray(0, rows))
  const type = { type: 'INT32', converted_type: 'UINT_32' } as const
  return required({ name, ...type }, encode, (values) => arrayOf(Uint32Array, values))
}

/** Milliseconds since 1970, as timestamps of microseconds in UTC. */
export function timestamps(name: string): Column<Float64Array> {
  const type = {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  } as const
  return required({ name, ...type }, (times, rows) => bytesOf(microsOf(times.subarray(0, rows))), millisOf)
}

/** [R, 2] the lower and the upper 32 bits of each. */
export function microsOf(timesMs: Float64Array): Uint32Array {
  const words = new Uint32Array(2 * timesMs.length)
  for (let row = 0; row < timesMs.length; row++) {
    const micros = Math.round(1_000 * timesMs[row])
    words[2 * row] = micros % 2 ** 32
    words[2 * row + 1] = Math.floor(micros / 2 ** 32)
  }
  return words
}

function millisOf(bytes: Uint8Array, rows: number): Float64Array {
  const words = arrayOf(Uint32Array, bytes)
  const millis = (row: number) => ((words[2 * row + 1] | 0) * 2 ** 32 + words[2 * row]) / 1_000
  return Float64Array.from({ length: rows }, (_, row) => millis(row))
}

/** D bytes a row, which mean nothing to Parquet. */
export function fixedBytes(name: string, width: number): Column<Uint8Array> {
  const encode = (bytes: Uint8Array, rows: number) => bytes.subarray(0, rows * width)
  return required({ name, type: 'FIXED_LEN_BYTE_ARRAY', type_length: width }, encode, (values) => values)
}

const utf8 = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const

export function texts(name: string): Column<readonly string[]> {
  return required({ name, ...utf8 }, encodeTexts, decodeTexts)
}

export function textsOrNull(name: string): Column<readonly (string | null)[]> {
  return {
    elements: [{ name, repetition_type: 'OPTIONAL', ...utf8 }],
    encode: (values, rows) => {
      const levels = new LevelRuns()
      let nulls = 0
      for (let row = 0; row < rows; row++) {
        levels.push(values[row] === null ? 0 : 1, 1)
        if (values[row] === null) nulls++
      }
      return { entries: rows, nulls, repetition: none, definition: levels.bytes(), values: encodeTexts(values, rows) }
    },
    decode: ({ definition, values, nulls }, rows) => {
      const present = decodeTexts(values, rows - nulls).values()
      return Array.from(levelsIn(definition, rows, 1), (level) => (level === 0 ? null : present.next().value!))
    },
  }
}

/** How a list's values are held: readers of old do not know Parquet's FLOAT16. */
export type VectorType = keyof typeof vectorTypes

interface VectorForm {
  readonly element: Omit<SchemaElement, 'name'>
  bytes(halves: Uint16Array): Uint8Array
  halves(bytes: Uint8Array): Uint16Array
}

const vectorTypes = {
  float16: {
    element: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, logical_type: { type: 'FLOAT16' } },
    bytes: bytesOf,
    halves: (bytes) => arrayOf(Uint16Array, bytes),
  },
  float32: {
    element: { type: 'FLOAT' },
    bytes: (halves) => bytesOf(halvesToFloats(halves)),
    halves: (bytes) => {
      const floats = arrayOf(Float32Array, bytes)
      const halves = new Uint16Array(floats.length)
      encodeHalves(floats, 0, floats.length, bytesOf(halves), 0)
      return halves
    },
  },
} as const satisfies Record<string, VectorForm>

/** A list of binary16 a row; one that may be missing is so where D is 0. */
export function vectors(name: string, type: VectorType, repetition: 'REQUIRED' | 'OPTIONAL'): Column<Vectors> {
  const full = repetition === 'OPTIONAL' ? 2 : 1
  const form: VectorForm = vectorTypes[type]
  return {
    elements: [
      { name, repetition_type: repetition, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'REQUIRED', ...form.element },
    ],
    encode: ({ dims, halves }, rows) => {
      const [repeated, defined] = [new LevelRuns(), new LevelRuns()]
      let values = 0
      let nulls = 0
      for (let row = 0; row < rows; row++) {
        const dim = dims[row]
        repeated.push(0, 1)
        if (dim === 0) nulls++
        else repeated.push(1, dim - 1)
        defined.push(dim === 0 ? 0 : full, Math.max(dim, 1))
        values += dim
      }
      return {
        entries: repeated.count,
        nulls,
        repetition: repeated.bytes(),
        definition: defined.bytes(),
        values: form.bytes(halves.subarray(0, values)),
      }
    },
    decode: ({ repetition, definition, values, entries }, rows) => {
      const dims = new Uint32Array(rows)
      const [repeated, defined] = [levelsIn(repetition, entries, 1), levelsIn(definition, entries, full)]
      // A row without values has one entry too.
      for (let entry = 0, row = -1; entry < entries; entry++) {
        if (repeated[entry] === 0) row++
        if (defined[entry] > 0) dims[row]++
      }
      return { dims, halves: form.halves(values) }
    },
  }
}

/** Each as its length in four bytes and its UTF-8; nulls are left out. */
function encodeTexts(values: readonly (string | null)[], rows: number): Uint8Array {
  let most = 0
  for (let row = 0; row < rows; row++) most += values[row] === null ? 0 : 4 + 3 * values[row]!.length
  const bytes = Buffer.allocUnsafe(most)
  let at = 0
  for (let row = 0; row < rows; row++) {
    const value = values[row]
    if (value === null) continue
    const length = bytes.write(value, at + 4)
    bytes.writeUInt32LE(length, at)
    at += 4 + length
  }
  return bytes.subarray(0, at)
}

function decodeTexts(values: Uint8Array, count: number): string[] {
  const reader = { view: new DataView(values.buffer, values.byteOffset, values.byteLength), offset: 0 }
  const texts = readPlain(reader, 'BYTE_ARRAY', count, undefined) as Uint8Array[]
  return texts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength).toString())
}

/** A table's columns by what rows call them, in the order in which a row group has them. */
// biome-ignore lint/suspicious/noExplicitAny: what stands in a column is the caller's type of rows
export type Columns = Readonly<Record<string, Column<any>>>

export type RowsOf<C extends Columns> = { readonly rows: number } & {
  readonly [N in keyof C]: C[N] extends Column<infer Value> | undefined ? Value : never
}

export function schemaOf(columns: Columns): SchemaElement[] {
  const all = Object.values(columns)
  return [{ name: 'rows', num_children: all.length }, ...all.flatMap(({ elements }) => elements)]
}
