/** ONNX models from nodes, as much as single operations need. */
import onnxProto from 'onnx-proto'

const { onnx } = onnxProto
const floatType = 1
const int32Type = 6

export interface OnnxNode {
  readonly op: string
  /** Empty names leave optional inputs out. */
  readonly inputs: readonly string[]
  readonly output: string
  readonly ints?: { readonly [name: string]: number }
  readonly floats?: { readonly [name: string]: number }
  readonly lists?: { readonly [name: string]: readonly number[] }
  /** 'com.microsoft' for onnxruntime's own operators. */
  readonly domain?: string
}

export interface OnnxValue {
  readonly name: string
  readonly dims: readonly number[]
  readonly integer?: boolean
}

/** Constants, all of float type. */
export interface OnnxConstant {
  readonly name: string
  readonly dims: readonly number[]
  readonly values: readonly number[]
}

const attributesOf = ({ ints = {}, floats = {}, lists = {} }: OnnxNode) => [
  ...Object.entries(ints).map(([name, i]) => ({ name, type: 2, i })),
  ...Object.entries(floats).map(([name, f]) => ({ name, type: 1, f })),
  ...Object.entries(lists).map(([name, list]) => ({ name, type: 7, ints: [...list] })),
]

const valueInfo = ({ name, dims, integer }: OnnxValue) => ({
  name,
  type: {
    tensorType: {
      elemType: integer ? int32Type : floatType,
      shape: { dim: dims.map((dimValue) => ({ dimValue })) },
    },
  },
})

export function onnxModel(
  inputs: readonly OnnxValue[],
  nodes: readonly OnnxNode[],
  outputs: readonly OnnxValue[],
  constants: readonly OnnxConstant[] = [],
): Uint8Array {
  return onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [
      { domain: '', version: 17 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'operation',
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
      initializer: constants.map(({ name, dims, values }) => ({
        name,
        dims: [...dims],
        dataType: floatType,
        floatData: [...values],
      })),
      node: nodes.map((node) => ({
        opType: node.op,
        input: [...node.inputs],
        output: [node.output],
        domain: node.domain ?? '',
        attribute: attributesOf(node),
      })),
    },
  }).finish()
}
