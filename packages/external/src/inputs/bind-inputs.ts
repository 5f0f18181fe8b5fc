/** A map held against a model and a schema: what makes each of the model's inputs. Shape letters: R rows. */
import { floatToHalf } from '@headwater/binary16'
import { compileFeatures, type Schema, type SideBatch } from '@headwater/features'
import { ExternalTowerError } from '../errors/external-tower-error.ts'
import type { InputMap, SourceKind, SourceOf } from '../map/input-map.ts'
import type { ElementType, ModelFacts, ModelPort } from '../model/model-facts.ts'
import {
  eventAgeFiller,
  eventCalendarFiller,
  eventCategoryFiller,
  eventChannelsFiller,
  eventCountFiller,
  eventItemsFiller,
  eventMaskFiller,
  eventValueFiller,
} from './event-fillers.ts'
import type { Filler, FillerContext } from './filler.ts'
import { calendarFiller, columnsFiller, fieldFiller, idsCountFiller, idsFiller } from './value-fillers.ts'

type TensorData = Uint16Array | Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array

/** An input's numbers as a runtime takes them. */
export interface InputTensor {
  readonly type: ElementType
  readonly data: TensorData
  /** R first. */
  readonly dims: readonly number[]
}

export interface BoundInput {
  readonly name: string
  readonly filler: Filler
  tensor(batch: SideBatch): InputTensor
  /** R rows of one number. */
  constant(value: number, rows: number): InputTensor
}

/** @throws ExternalTowerError naming the input that is not mapped, or not to what the model takes */
export function bindInputs(
  source: string,
  facts: ModelFacts,
  map: InputMap,
  keys: ReadonlyMap<string, readonly string[]>,
  schema: Schema,
): readonly BoundInput[] {
  const layout = compileFeatures(schema).user
  const surplus = Object.keys(map.inputs).find((name) => !facts.inputs.some((port) => port.name === name))
  if (surplus !== undefined) {
    const known = facts.inputs.map(({ name }) => name).join(', ')
    throw new ExternalTowerError(source, surplus, 'is none of the model', `it has ${known}; remove it from the map`)
  }
  return facts.inputs.map((port) => {
    const fail = (reason: string, remedy: string) => new ExternalTowerError(source, port.name, reason, remedy)
    const one = Object.hasOwn(map.inputs, port.name) ? map.inputs[port.name] : undefined
    if (one === undefined) throw fail('is not mapped', 'say in the map what it is made of')
    const filler = fillers[one.from] as (source: typeof one, context: FillerContext) => Filler
    return bind(port, filler(one, { schema, layout, map, keys, fail }), fail)
  })
}

/** By kind of source. */
const fillers: { readonly [Kind in SourceKind]: (source: SourceOf<Kind>, context: FillerContext) => Filler } = {
  columns: columnsFiller,
  field: fieldFiller,
  ids: idsFiller,
  'ids-count': idsCountFiller,
  'event-items': eventItemsFiller,
  'event-category': eventCategoryFiller,
  'event-value': eventValueFiller,
  'event-age': eventAgeFiller,
  'event-channels': eventChannelsFiller,
  calendar: calendarFiller,
  'event-calendar': eventCalendarFiller,
  'event-mask': eventMaskFiller,
  'event-count': eventCountFiller,
}

function bind({ name, type, dims: wanted }: ModelPort, filler: Filler, fail: FillerContext['fail']): BoundInput {
  if (type === null)
    throw fail(
      'is of a type that rows are not given as',
      'make it float16, float32, float64, int32, int64 or bool in the model',
    )
  if (typeof wanted[0] === 'number')
    throw fail(
      `takes exactly ${wanted[0]} rows a call`,
      'export the model with a free first dimension (dynamic_shapes, or dynamic_axes)',
    )
  if (filler.areRows && (type === 'bool' || type === 'float16' || type === 'float32'))
    throw fail(`is ${type}, and the map gives it ids`, 'map it to numbers, or make it int64 in the model')
  if (filler.extremes && type === 'bool')
    throw fail('is bool, and the map gives it numbers', 'make it int64 in the model')
  if (filler.passesHalf && type === 'float16')
    throw fail(
      'is float16, which ends at 65,504, and the map gives it seconds',
      'give the ages in "h", "d" or "log", or make it float32 in the model',
    )
  const dims = dimsOf(wanted, filler.dims)
  if (dims === null)
    throw fail(
      `the model takes [${['rows', ...wanted.slice(1).map((dim) => dim ?? '?')].join(', ')}]`,
      `the map gives [${['rows', ...filler.dims].join(', ')}]; mend the map, or "events" where it is of events`,
    )
  const width = dims.reduce((product, dim) => product * dim, 1)
  const tensorOf = (values: Float64Array): InputTensor => {
    const shape = [values.length / width, ...dims]
    return { type, data: dataOf(type, values), dims: shape }
  }
  return {
    name,
    filler,
    tensor: (batch) => tensorOf(filler.fill(batch)),
    constant: (value, rows) => tensorOf(new Float64Array(rows * width).fill(value)),
  }
}

/** What the model takes of a row, where that is what is given, but for an axis of one. */
function dimsOf([, ...wanted]: ModelPort['dims'], given: readonly number[]): readonly number[] | null {
  const forms = [given, [...given, 1], given.at(-1) === 1 ? given.slice(0, -1) : given]
  const fits = (form: readonly number[]) =>
    form.length === wanted.length && form.every((dim, i) => typeof wanted[i] !== 'number' || wanted[i] === dim)
  return forms.find(fits) ?? null
}

const [leastInt, mostInt] = [-(2 ** 31), 2 ** 31 - 1]
/** Of float16. */
const mostHalf = 65_504

function dataOf(type: ElementType, values: Float64Array): TensorData {
  if (type === 'float64') return values
  if (type === 'float32') return Float32Array.from(values)
  if (type === 'float16')
    return Uint16Array.from(values, (value) => floatToHalf(Math.min(mostHalf, Math.max(-mostHalf, value))))
  if (type === 'bool') return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1))
  if (type === 'int64') return BigInt64Array.from(values, (value) => BigInt(Math.round(value)))
  return Int32Array.from(values, (value) => Math.min(mostInt, Math.max(leastInt, Math.round(value))))
}
