/**
 * The columns of a served log, each with its way to and from the bytes of a Parquet page. Values are plain: a typed array's own
 * bytes, so that writing and reading are copies. R rows, D values of a row's vector.
 */
import type { SchemaElement } from 'hyparquet'
import { readPlain } from 'hyparquet/src/plain.js'
import { LevelRuns, levelsIn } from './level-runs.ts'
import type { ServedRows, ServedVectors } from './served-rows.ts'

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

interface Column<Value> {
  /** Of the schema, the group of a list before what is in it. */
  readonly elements: readonly SchemaElement[]
  encode(value: Value, rows: number): PageBody
  decode(body: PageBody, rows: number): Value
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

function numbers<A extends Float64Array | Uint32Array>(
  name: string,
  Type: new (buffer: ArrayBuffer) => A,
  type: Pick<SchemaElement, 'type' | 'converted_type'>,
): Column<A> {
  const encode = (array: A, rows: number) => bytesOf(array.subarray(0, rows))
  return required({ name, ...type }, encode, (values) => arrayOf(Type, values))
}

const double = { type: 'DOUBLE' } as const
const unsigned = { type: 'INT32', converted_type: 'UINT_32' } as const
const utf8 = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const

function texts(name: string): Column<readonly string[]> {
  return required({ name, ...utf8 }, encodeTexts, decodeTexts)
}

function textsOrNull(name: string): Column<readonly (string | null)[]> {
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

/** A list of binary16 a row; one that may be missing is so where D is 0. */
function halves(name: string, repetition: 'REQUIRED' | 'OPTIONAL'): Column<ServedVectors> {
  const full = repetition === 'OPTIONAL' ? 2 : 1
  return {
    elements: [
      { name, repetition_type: repetition, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      {
        name: 'element',
        repetition_type: 'REQUIRED',
        type: 'FIXED_LEN_BYTE_ARRAY',
        type_length: 2,
        logical_type: { type: 'FLOAT16' },
      },
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
        values: bytesOf(halves.subarray(0, values)),
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
      return { dims, halves: arrayOf(Uint16Array, values) }
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

type Name = Exclude<keyof ServedRows, 'rows'>

/** In the order in which a row group has them. */
export const servedColumns: { readonly [N in Name]: Column<ServedRows[N]> } = {
  request: textsOrNull('request'),
  tenant: texts('tenant'),
  user: texts('user'),
  model: texts('model'),
  servedMs: numbers('served_ms', Float64Array, double),
  snapshot: numbers('snapshot', Uint32Array, unsigned),
  frame: numbers('frame', Uint32Array, unsigned),
  featureTimeMs: numbers('feature_time_ms', Float64Array, double),
  status: numbers('status', Uint32Array, unsigned),
  vector: halves('vector', 'REQUIRED'),
  latest: halves('latest', 'OPTIONAL'),
}

export const columnNames = Object.keys(servedColumns) as readonly Name[]

export const servedSchema: readonly SchemaElement[] = [
  { name: 'served', num_children: columnNames.length },
  ...columnNames.flatMap((name) => servedColumns[name].elements),
]
