/**
 * An ONNX file under construction: a thin layer over the protobuf messages that names values, keeps their shapes and
 * holds each tensor of a snapshot once. Every value is R rows of `dims`, except initializers, which are `dims` alone.
 */
import type { NamedMatrix } from '@headwater/snapshot'
import proto, { type onnx } from 'onnx-proto'
import { OnnxExportError } from './export-error.ts'

/** 20 is the first with GELU in its tanh form; runtimes since early 2024 read it. */
const opset = 20
/** The IR version that came with that opset. */
const irVersion = 9

/** What protobuf can hold in one message, less a mebibyte for everything but tensors. */
const maxTensorBytes = 2 ** 31 - 2 ** 20

export type ElementType = 'float32' | 'int32' | 'int64'

export const elementTypes = { float32: 1, int32: 6, int64: 7 } as const satisfies Record<ElementType, number>
const elementBytes = { float32: 4, int32: 4, int64: 8 } as const satisfies Record<ElementType, number>

/** A value that nodes may read. */
export interface Value {
  readonly name: string
  /** Of one row where it is computed from inputs, of the whole where it is an initializer. */
  readonly dims: readonly number[]
}

/** What a model takes or gives: rows first, then `dims`. */
export interface Port {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly number[]
}

/** Integer attributes are numbers, float attributes `{ float }`. */
export type Attributes = Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>

const text = new TextEncoder()

function attribute(name: string, value: Attributes[string]): onnx.IAttributeProto {
  const { AttributeType } = proto.onnx.AttributeProto
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value }
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: text.encode(value) }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float }
  return { name, type: AttributeType.INTS, ints: [...value] }
}

function portProto({ name, type, dims }: Port): onnx.IValueInfoProto {
  const dim = [{ dimParam: 'R' }, ...dims.map((dimValue) => ({ dimValue }))]
  return { name, type: { tensorType: { elemType: elementTypes[type], shape: { dim } } } }
}

const bytesOf = (data: Float32Array | Int32Array | BigInt64Array) =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

export class ModelFile {
  readonly inputs: Port[] = []
  readonly outputs: Port[] = []
  readonly #source: string
  readonly #matrices: ReadonlyMap<string, NamedMatrix>
  readonly #nodes: onnx.INodeProto[] = []
  readonly #initializers = new Map<string, onnx.ITensorProto>()
  #scope: readonly string[] = []
  #tensorBytes = 0

  /** @param source where the matrices come from, for messages. */
  constructor(source: string, matrices: ReadonlyMap<string, NamedMatrix>) {
    this.#source = source
    this.#matrices = matrices
  }

  input(port: Port): Value {
    this.inputs.push(port)
    return port
  }

  /** Makes a value an output of the model, under that name. */
  output(name: string, { name: from, dims }: Value): void {
    this.#nodes.push({ name: `${name}/Identity`, opType: 'Identity', input: [from], output: [name] })
    this.outputs.push({ name, type: 'float32', dims })
  }

  /** Nodes that `body` adds carry `name` before their own: what a viewer groups by. */
  within<Result>(name: string, body: () => Result): Result {
    const outer = this.#scope
    this.#scope = [...outer, name]
    try {
      return body()
    } finally {
      this.#scope = outer
    }
  }

  has(name: string): boolean {
    return this.#matrices.has(name)
  }

  /** A tensor of the snapshot, which has all that its towers declare. */
  matrix(name: string): NamedMatrix {
    return this.#matrices.get(name)!
  }

  /** A tensor of the snapshot as an initializer [rows, cols] of its own name; with `dims`, of that shape. */
  weight(name: string, dims?: readonly number[]): Value {
    const { rows, cols, data } = this.matrix(name)
    return this.#initializer({ name, type: 'float32', dims: dims ?? [rows, cols] }, data)
  }

  /** A tensor of the snapshot with one row, as a vector. */
  vector(name: string): Value {
    const { rows, cols } = this.matrix(name)
    return this.weight(name, [rows * cols])
  }

  floats(data: readonly number[], dims: readonly number[] = [data.length]): Value {
    return this.#initializer(
      { name: this.#constantName('f', data, dims), type: 'float32', dims },
      Float32Array.from(data),
    )
  }

  /** Numbers worked out from a tensor of the snapshot, under a name that says from which. */
  derived(name: string, data: Float32Array, dims: readonly number[]): Value {
    return this.#initializer({ name, type: 'float32', dims }, data)
  }

  scalar(value: number): Value {
    return this.floats([value], [])
  }

  int32(data: readonly number[], dims: readonly number[] = [data.length]): Value {
    return this.#initializer({ name: this.#constantName('i', data, dims), type: 'int32', dims }, Int32Array.from(data))
  }

  /** Shapes, axes and pads, which ONNX wants as int64. */
  int64(data: readonly number[]): Value {
    const name = this.#constantName('l', data, [data.length])
    return this.#initializer({ name, type: 'int64', dims: [data.length] }, BigInt64Array.from(data, BigInt))
  }

  /** One node with one result, whose shape the caller knows. */
  op(opType: string, inputs: readonly Value[], dims: readonly number[], attributes: Attributes = {}): Value {
    const name = [...this.#scope, `${opType}.${this.#nodes.length}`].join('/')
    this.#nodes.push({
      name,
      opType,
      input: inputs.map((value) => value.name),
      output: [name],
      attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    })
    return { name, dims }
  }

  /** Equal constants are one initializer. */
  #constantName(type: string, data: ArrayLike<number>, dims: readonly number[]): string {
    const values = data.length <= 8 ? Array.from(data).join(',') : `#${this.#initializers.size}`
    return `constant/${type}[${dims.join(',')}](${values})`
  }

  /** @throws OnnxExportError where the model would be over protobuf's 2 GB, before anything is copied. */
  #initializer({ name, type, dims }: Port, data: Float32Array | Int32Array | BigInt64Array): Value {
    if (!this.#initializers.has(name)) {
      this.#tensorBytes += data.length * elementBytes[type]
      if (this.#tensorBytes > maxTensorBytes)
        throw new OnnxExportError(
          `${this.#source}: with tensor ${name} the model has ${this.#tensorBytes} bytes of tensors, over the ${maxTensorBytes} that one ONNX file holds. Train it with fewer buckets a table.`,
        )
      this.#initializers.set(name, { name, dataType: elementTypes[type], dims: [...dims], rawData: bytesOf(data) })
    }
    return { name, dims }
  }

  /**
   * The model's file.
   * @param metadata texts that travel with it.
   */
  encode(name: string, metadata: Readonly<Record<string, string>>): Uint8Array {
    const message: onnx.IModelProto = {
      irVersion,
      producerName: 'headwater',
      opsetImport: [{ domain: '', version: opset }],
      graph: {
        name,
        node: this.#nodes,
        initializer: [...this.#initializers.values()],
        input: this.inputs.map(portProto),
        output: this.outputs.map(portProto),
      },
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    }
    return proto.onnx.ModelProto.encode(message).finish()
  }
}
