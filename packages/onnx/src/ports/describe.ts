/** What a model's file says of its inputs and outputs. */
import proto, { type onnx } from 'onnx-proto'
import { type ElementType, elementTypes } from '../graph/model-file.ts'

export interface ModelPort {
  readonly name: string
  readonly type: ElementType
  /** Rows first, as the letter R. */
  readonly dims: readonly ('R' | number)[]
}

export interface ModelPorts {
  readonly inputs: readonly ModelPort[]
  readonly outputs: readonly ModelPort[]
}

/** Reads the inputs and outputs back from the bytes of an exported model. */
export function modelPorts(file: Uint8Array): ModelPorts {
  const { graph } = proto.onnx.ModelProto.decode(file)
  return { inputs: (graph?.input ?? []).map(port), outputs: (graph?.output ?? []).map(port) }
}

function port({ name, type }: onnx.IValueInfoProto): ModelPort {
  const { elemType, shape } = type?.tensorType ?? {}
  const known = Object.keys(elementTypes) as ElementType[]
  return {
    name: name ?? '',
    type: known.find((one) => elementTypes[one] === elemType) ?? 'float32',
    dims: (shape?.dim ?? []).map(({ dimParam, dimValue }) => (dimParam ? 'R' : Number(dimValue))),
  }
}
