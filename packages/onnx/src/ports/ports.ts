/**
 * Names and shapes of a model's inputs, which are a side batch's arrays.
 * Shape letters: R rows, F dense columns, M values a bag at most, L events of C channels.
 */
import { arraysOf, type SideBatch, type SideLayout } from '@headwater/features'
import type { Port } from '../graph/model-file.ts'

interface SequencePorts {
  readonly ids: Port
  readonly channels: Port
  readonly lengths: Port
  readonly categories: readonly Port[]
}

export interface SidePorts {
  /** Null for a side without dense columns. */
  readonly dense: Port | null
  readonly bags: readonly { readonly ids: Port; readonly lengths: Port }[]
  readonly sequence: SequencePorts | null
}

const float = (name: string, dims: readonly number[]): Port => ({ name, type: 'float32', dims })
const int = (name: string, dims: readonly number[]): Port => ({ name, type: 'int32', dims })

export function sidePorts({ dense, bags, sequence }: SideLayout): SidePorts {
  return {
    dense: dense.length === 0 ? null : float('dense', [dense.length]),
    bags: bags.map(({ name, maxValues }) => ({
      ids: int(`bag.${name}.ids`, [maxValues]),
      lengths: int(`bag.${name}.lengths`, []),
    })),
    sequence: sequence && {
      ids: int('sequence.ids', [sequence.length]),
      channels: float('sequence.channels', [sequence.length, sequence.channels]),
      lengths: int('sequence.lengths', []),
      categories: sequence.categories.map(({ name }) => int(`sequence.category.${name}`, [sequence.length])),
    },
  }
}

/** What a runtime's tensor is made of: `new ort.Tensor(type, data, dims)`. */
export interface InputArray {
  readonly type: 'float32' | 'int32'
  readonly data: Float32Array | Int32Array
  /** R, and then a row's. */
  readonly dims: readonly number[]
}

/** ONNX has no unsigned index; buckets and lengths are far below 2³¹, so the bytes are the same. */
const signed = (data: Uint32Array) => new Int32Array(data.buffer, data.byteOffset, data.length)

/**
 * A batch of one side (its layout from `compileFeatures(schema)`) as the inputs of that side's model, by name. The arrays
 * are views of the batch's.
 */
export function inputArrays(layout: SideLayout, batch: SideBatch): ReadonlyMap<string, InputArray> {
  const { dense, bags, sequence } = sidePorts(layout)
  const ports = [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]
  if (sequence) ports.push(sequence.ids, sequence.channels, sequence.lengths, ...sequence.categories)
  const given = arraysOf(batch)
  return new Map(
    ports.flatMap((port, i): [string, InputArray][] => {
      if (!port) return []
      const dims = [batch.rows, ...port.dims]
      const data = given[i]
      const array: InputArray =
        data instanceof Uint32Array ? { type: 'int32', data: signed(data), dims } : { type: 'float32', data, dims }
      return [[port.name, array]]
    }),
  )
}
