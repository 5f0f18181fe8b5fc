/** What an ONNX file says of itself, without a runtime. */
import { readFile } from 'node:fs/promises'
import proto, { type onnx } from 'onnx-proto'
import { ExternalTowerError } from '../errors/external-tower-error.ts'

/** Names of ONNX's element types that inputs may have, by their numbers. */
const elementTypes = { 1: 'float32', 6: 'int32', 7: 'int64', 9: 'bool', 10: 'float16', 11: 'float64' } as const
export type ElementType = (typeof elementTypes)[keyof typeof elementTypes]

/** What a model takes or gives. */
export interface ModelPort {
  readonly name: string
  /** Null for one that rows are not given as. */
  readonly type: ElementType | null
  /** A number where the model demands it, else the name that it has for the axis, or null. */
  readonly dims: readonly (number | string | null)[]
}

export interface ModelFacts {
  readonly inputs: readonly ModelPort[]
  readonly outputs: readonly ModelPort[]
  /** Of ONNX's own operators. */
  readonly opset: number
  /** In the maker's words. */
  readonly producer: string
  /** Files beside the model that hold tensors, and the first tensor of each. */
  readonly dataFiles: ReadonlyMap<string, string>
}

/** @throws ExternalTowerError for what is no ONNX model */
export async function readModelFacts(path: string): Promise<ModelFacts> {
  const fail = (reason: string, remedy: string, cause?: unknown) =>
    new ExternalTowerError(path, null, reason, remedy, { cause })
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw fail(`cannot be read (${cause.code})`, 'check the path', cause)
  })
  let model: onnx.ModelProto
  try {
    model = proto.onnx.ModelProto.decode(bytes)
  } catch (cause) {
    throw fail('is no ONNX model', 'export it again', cause)
  }
  const { graph, opsetImport, producerName, producerVersion } = model
  if (!graph?.node?.length) throw fail('is no ONNX model: it has no operators', 'export it again')
  // Before IR 4 initializers were inputs too.
  const held = new Set((graph.initializer ?? []).map(({ name }) => name))
  return {
    inputs: (graph.input ?? []).filter(({ name }) => !held.has(name)).map(portOf),
    outputs: (graph.output ?? []).map(portOf),
    opset: Number(opsetImport.find(({ domain }) => !domain || domain === 'ai.onnx')?.version ?? 0),
    producer: [producerName, producerVersion].filter(Boolean).join(' '),
    dataFiles: dataFilesOf(graph),
  }
}

function portOf({ name, type }: onnx.IValueInfoProto): ModelPort {
  const { elemType, shape } = type?.tensorType ?? {}
  return {
    name: name ?? '',
    type: elementTypes[elemType as keyof typeof elementTypes] ?? null,
    dims: (shape?.dim ?? []).map(({ dimParam, dimValue }) => dimParam || Number(dimValue ?? 0) || null),
  }
}

const external = 1

function dataFilesOf(graph: onnx.IGraphProto, found = new Map<string, string>()): Map<string, string> {
  const note = (tensor: onnx.ITensorProto | null | undefined) => {
    if (tensor?.dataLocation !== external) return
    const location = tensor.externalData?.find(({ key }) => key === 'location')?.value ?? ''
    if (!found.has(location)) found.set(location, tensor.name ?? '')
  }
  for (const tensor of graph.initializer ?? []) note(tensor)
  for (const { attribute } of graph.node ?? [])
    for (const { t, tensors, g, graphs } of attribute ?? []) {
      for (const tensor of [t, ...(tensors ?? [])]) note(tensor)
      for (const inner of [g, ...(graphs ?? [])]) if (inner) dataFilesOf(inner, found)
    }
  return found
}
