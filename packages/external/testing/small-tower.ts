/**
 * A tower as somebody else would export it, small enough to be worked out by hand: sums of the last events' vectors, each divided by
 * one plus its age, and a linear map of some numbers. Shape letters: R rows, N events, d width.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { murmur3, parseSchema } from '@headwater/features'
import proto, { type onnx } from 'onnx-proto'

/** With fields of every kind that a map can name. */
export const shopSchema = parseSchema(
  {
    version: 1,
    name: 'shop',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 's' },
    fields: [
      { name: 'age', of: 'user', type: 'float', center: 40, scale: 10 },
      { name: 'tags', of: 'user', type: 'ids', maxValues: 3, buckets: 65_536 },
      { name: 'kind', of: 'item', type: 'id', buckets: 65_536 },
      { name: 'bought', of: 'outcome', type: 'float' },
    ],
    sequence: { length: 6, value: 'bought', buckets: 2 ** 31, scale: 2, categories: ['kind'] },
    tasks: [{ name: 'bought', field: 'bought', atLeast: 1 }],
    aggregations: [
      { name: 'item-mean', of: 'item', kind: 'mean', value: 'bought', prior: 0.4 },
      { name: 'user-mean', of: 'user', kind: 'mean', value: 'bought', prior: 0.4 },
    ],
  },
  'schema of the tests',
)

export const shopItems = Array.from({ length: 30 }, (_, i) => `item-${i}`)

/** N; d */
export const [last, width] = [5, 4]

export interface SmallTower {
  /** [rows, d]: padding, unknown, and the vocabulary's keys. */
  readonly table: Float32Array
  /** [3, d] of `known`, the user's age in years, and the mean. */
  readonly weight: Float32Array
}

/** Numbers between −1 and 1, drawn by a hash of seed and place. */
export function smallTower(seed: number, keys = shopItems.length): SmallTower {
  const numbers = (count: number, from: number) =>
    Float32Array.from({ length: count }, (_, i) => murmur3(String(from + i), seed) / 2 ** 31 - 1)
  const table = numbers((keys + 2) * width, 0)
  table.fill(0, 0, width)
  return { table, weight: numbers(3 * width, 1e4).map((value) => value / 400) }
}

/** Of the map `smallMap`, by hand. @param events the last N, of row in the table and age in seconds */
export function embeddingOf(
  { table, weight }: SmallTower,
  numbers: readonly [known: number, age: number, mean: number],
  events: readonly { readonly row: number; readonly ageS: number }[],
): number[] {
  return Array.from({ length: width }, (_, j) => {
    const own = numbers.reduce((sum, value, k) => sum + value * weight[k * width + j], 0)
    return events.reduce((sum, { row, ageS }) => sum + table[row * width + j] / (1 + ageS), own)
  })
}

export const smallMap = {
  version: 1,
  embeddings: { output: 'embeddings', count: 2, width: 2 },
  events: { last },
  vocabularies: { items: { file: 'items.json' } },
  inputs: {
    known: { from: 'columns', names: ['known'] },
    age: { from: 'field', name: 'age', missing: 0 },
    mean: { from: 'columns', names: ['user-mean'] },
    items: { from: 'event-items', vocabulary: 'items' },
    ages: { from: 'event-age' },
    mask: { from: 'event-mask' },
  },
}

/** With ages in days, so that what a user met tells more than when. */
export const dailyMap = { ...smallMap, inputs: { ...smallMap.inputs, ages: { from: 'event-age', unit: 'd' } } }

/** The same tower in coordinates that were turned by a quarter and a bit. */
export function turned({ table, weight }: SmallTower): SmallTower {
  const [cos, sin] = [Math.cos(1), Math.sin(1)]
  const turn = (vectors: Float32Array) => {
    const y = new Float32Array(vectors.length)
    for (let at = 0; at < y.length; at += width) {
      const [a, b, c, d] = vectors.subarray(at, at + width)
      y.set([b, c * cos - d * sin, -a, c * sin + d * cos], at)
    }
    return y
  }
  return { table: turn(table), weight: turn(weight) }
}

/** Of 60 users, an hour apart, who buy what lies on their side of the items. */
export function shopEvents(random: { nextBelow(bound: number): number; nextFloat(): number }) {
  return Array.from({ length: 1200 }, (_, row) => {
    const [user, item] = [random.nextBelow(60), random.nextBelow(shopItems.length)]
    const bought = random.nextFloat() < (user % 2 === item % 2 ? 0.8 : 0.2) ? 1 : 0
    return { user: `u${user}`, item: shopItems[item], timeS: 1_700_000_000 + 3600 * row, age: 20 + user, bought }
  })
}

export interface SmallModelOptions {
  readonly opset?: number
  /** File beside the model that holds the table. */
  readonly dataFile?: string
  /** Of the first axis of all inputs. Default: free. */
  readonly rows?: number
  /** Divides the vectors of users who are known by zero. */
  readonly breaksForKnown?: boolean
  /** Takes and gives float16, and computes in float32. */
  readonly half?: boolean
  /** Subtracts the mean over the batch's rows, so that a user's vector depends on others. */
  readonly overBatch?: boolean
  /** Goes around in a loop that does not end in our time where a user of the batch is as old. */
  readonly hangsAtAge?: number
}

/** The model's file. */
export function smallModel({ table, weight }: SmallTower, options: SmallModelOptions = {}): Uint8Array {
  const { opset = 17, dataFile, rows, breaksForKnown = false, overBatch = false, half = false, hangsAtAge } = options
  const [float, int64, float16] = [1, 7, 10]
  const asked = half ? float16 : float
  const numbers = ['known', 'age', 'mean', 'ages', 'mask']
  const port = (name: string, elemType: number, dims: readonly number[]): onnx.IValueInfoProto => {
    const dim = [
      rows === undefined ? { dimParam: 'batch' } : { dimValue: rows },
      ...dims.map((dimValue) => ({ dimValue })),
    ]
    return { name, type: { tensorType: { elemType, shape: { dim } } } }
  }
  const floats = (name: string, dims: number[], data: Float32Array): onnx.ITensorProto => ({
    ...{ name, dims, dataType: float },
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  })
  const ints = (name: string, data: readonly number[]): onnx.ITensorProto => ({
    ...{ name, dims: [data.length], dataType: int64 },
    rawData: new Uint8Array(BigInt64Array.from(data, BigInt).buffer),
  })
  const op = (opType: string, input: string[], output: string, attribute: onnx.IAttributeProto[] = []) => ({
    ...{ name: output, opType, input, output: [output], attribute },
  })
  const axis = (name: string, i: number): onnx.IAttributeProto => ({ name, type: 2, i })
  const held = floats('table', [table.length / width, width], table)
  const tables = dataFile === undefined ? held : outside(held, dataFile)
  // What halves were made of has a name of its own.
  const read = (name: string) => (half ? `${name}32` : name)
  const cast = (from: string, to: string, type: number) => op('Cast', [from], to, [axis('to', type)])
  const nodes = [
    ...(half ? numbers.map((name) => cast(name, read(name), float)) : []),
    op('Add', [read('ages'), 'one'], 'later'),
    op('Div', [read('mask'), 'later'], 'weights'),
    op('Unsqueeze', ['weights', 'axis2'], 'weights3'),
    op('Gather', ['table', 'items'], 'vectors', [axis('axis', 0)]),
    op('Mul', ['vectors', 'weights3'], 'weighed'),
    op('ReduceSum', ['weighed', 'axis1'], 'history', [axis('keepdims', 0)]),
    op('Concat', ['known', 'age', 'mean'].map(read), 'numbers', [axis('axis', 1)]),
    op('MatMul', ['numbers', 'weight'], 'own'),
    op('Add', ['history', 'own'], 'sum'),
    ...(overBatch
      ? [
          op('ReduceMean', ['sum'], 'centre', [{ name: 'axes', type: 7, ints: [0] }, axis('keepdims', 1)]),
          op('Sub', ['sum', 'centre'], 'embeddings'),
        ]
      : breaksForKnown
        ? [op('Sub', ['one', 'known'], 'by'), op('Div', ['sum', 'by'], 'embeddings')]
        : hangsAtAge !== undefined
          ? [
              op('ReduceMax', ['age'], 'oldest', [axis('keepdims', 0)]),
              op('GreaterOrEqual', ['oldest', 'limit'], 'isOld'),
              op('Where', ['isOld', 'endless', 'none'], 'turns'),
              op('Loop', ['turns', 'go', 'sum'], 'embeddings', [{ name: 'body', type: 5, g: idleTurn }]),
            ]
          : [half ? cast('sum', 'embeddings', float16) : op('Identity', ['sum'], 'embeddings')]),
  ]
  const graph: onnx.IGraphProto = {
    name: 'small',
    node: nodes,
    initializer: [
      ...[tables, floats('weight', [3, width], weight), floats('one', [], Float32Array.of(1))],
      ...[ints('axis1', [1]), ints('axis2', [2])],
      ...(hangsAtAge === undefined
        ? []
        : [
            floats('limit', [], Float32Array.of(hangsAtAge)),
            ...[ints('endless', [2 ** 62]), ints('none', [0])],
            { name: 'go', dims: [], dataType: 9, rawData: Uint8Array.of(1) },
          ]),
    ],
    input: [
      ...['known', 'age', 'mean'].map((name) => port(name, asked, [1])),
      ...[port('items', int64, [last]), port('ages', asked, [last]), port('mask', asked, [last])],
    ],
    output: [port('embeddings', asked, [width])],
  }
  const model: onnx.IModelProto = {
    irVersion: 8,
    producerName: 'a test',
    opsetImport: [{ domain: '', version: opset }],
    graph,
  }
  return proto.onnx.ModelProto.encode(model).finish()
}

/** Of a loop that carries a value through. */
const idleTurn: onnx.IGraphProto = {
  name: 'turn',
  node: ['go', 'value'].map((name) => ({ name, opType: 'Identity', input: [name], output: [`${name}Next`] })),
  input: [...[scalarOf('turn', 7), scalarOf('go', 9)], { name: 'value', type: { tensorType: { elemType: 1 } } }],
  output: [scalarOf('goNext', 9), { name: 'valueNext', type: { tensorType: { elemType: 1 } } }],
}

function scalarOf(name: string, elemType: number): onnx.IValueInfoProto {
  return { name, type: { tensorType: { elemType, shape: { dim: [] } } } }
}

const outside = ({ rawData: _, ...tensor }: onnx.ITensorProto, location: string): onnx.ITensorProto => ({
  ...tensor,
  dataLocation: 1,
  externalData: [{ key: 'location', value: location }],
})

/** Writes model, map and vocabulary into a directory, as `tower.onnx`, `map.json` and `items.json`. @returns the model's path */
export function writeSmallTower(
  directory: string,
  tower: SmallTower,
  options: SmallModelOptions = {},
  map: object = smallMap,
  items: readonly string[] = shopItems,
): string {
  const model = join(directory, 'tower.onnx')
  writeFileSync(model, smallModel(tower, options))
  if (options.dataFile !== undefined)
    writeFileSync(join(directory, options.dataFile), new Uint8Array(tower.table.buffer))
  writeFileSync(join(directory, 'map.json'), JSON.stringify(map))
  writeFileSync(join(directory, 'items.json'), JSON.stringify(items))
  return model
}
