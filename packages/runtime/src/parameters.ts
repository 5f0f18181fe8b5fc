import type { GpuDevice } from '@headwater/gpu'
import { padded, transpose } from '@headwater/kernels'
import type { Recorder } from './plan/recorder.ts'
import { persistent, type Tensor } from './plan/tensor.ts'

/** How a parameter starts: uniform in [−bound, bound), or all zero. */
export type Initialization = { readonly uniform: number } | 'zero'

export interface Parameter {
  readonly name: string
  readonly rows: number
  readonly cols: number
  readonly initialization: Initialization
  /** Subject to weight decay. */
  readonly decay: boolean
  /** A transposed copy is kept for the backward pass. */
  readonly transposed: boolean
  /** Floats before its first element in the run of all parameters. */
  offset: number
  /** The same in the run of transposed copies; −1 without one. */
  transposedOffset: number
}

/** An embedding table [rows, width] with its row-wise Adagrad accumulators. */
export interface Table {
  readonly name: string
  readonly rows: number
  readonly width: number
  readonly initialization: Initialization
}

const usage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

/** What a model consists of, declared before anything is allocated. */
export class ParameterSet {
  readonly parameters: Parameter[] = []
  readonly tables: Table[] = []

  /** A dense parameter [rows, cols]. */
  declare(
    name: string,
    rows: number,
    cols: number,
    initialization: Initialization,
    options: { decay?: boolean; transposed?: boolean } = {},
  ): Parameter {
    const parameter: Parameter = {
      name,
      rows,
      cols,
      initialization,
      decay: options.decay ?? true,
      transposed: options.transposed ?? false,
      offset: -1,
      transposedOffset: -1,
    }
    this.parameters.push(parameter)
    return parameter
  }

  table(name: string, rows: number, width: number, initialization: Initialization): Table {
    const table = { name, rows, width, initialization }
    this.tables.push(table)
    return table
  }

  /** Names and shapes of everything that a snapshot holds. */
  entries(): { name: string; rows: number; cols: number; initialization: Initialization }[] {
    return [
      ...this.parameters.map(({ name, rows, cols, initialization }) => ({ name, rows, cols, initialization })),
      ...this.tables.map(({ name, rows, width, initialization }) => ({ name, rows, cols: width, initialization })),
    ]
  }

  /** Number of trained values, padding not counted. */
  get count(): number {
    const dense = this.parameters.reduce((sum, p) => sum + p.rows * p.cols, 0)
    return dense + this.tables.reduce((sum, t) => sum + t.rows * t.width, 0)
  }
}

/** The weights of a model on the device; with `training`, also gradients and optimizer state. */
export class Weights {
  readonly device: GpuDevice
  readonly set: ParameterSet
  /** [1, all floats]: the parameters that decay first. */
  readonly values: Tensor
  readonly gradient: Tensor | null
  readonly first: Tensor | null
  readonly second: Tensor | null
  readonly decayedFloats: number
  readonly totalFloats: number
  /** u32 [1]: changes every step, seeds dropout. */
  readonly step: Tensor
  /** f32: see the AdamW kernel. */
  readonly rates: Tensor
  readonly #transposed: Tensor
  readonly #tables = new Map<string, { values: Tensor; squares: Tensor | null }>()
  #buffers: GPUBuffer[] = []

  constructor(device: GpuDevice, set: ParameterSet, training: boolean) {
    this.device = device
    this.set = set
    let offset = 0
    let transposedOffset = 0
    for (const decay of [true, false]) {
      for (const parameter of set.parameters.filter((p) => p.decay === decay)) {
        parameter.offset = offset
        offset += parameter.rows * padded(parameter.cols)
        if (!parameter.transposed) continue
        parameter.transposedOffset = transposedOffset
        transposedOffset += parameter.cols * padded(parameter.rows)
      }
      if (decay) this.decayedFloats = offset
    }
    this.decayedFloats ??= 0
    this.totalFloats = offset
    this.values = this.#own('parameters', 1, offset)
    this.gradient = training ? this.#own('parameter gradients', 1, offset) : null
    this.first = training ? this.#own('first moments', 1, offset) : null
    this.second = training ? this.#own('second moments', 1, offset) : null
    this.#transposed = this.#own('transposed parameters', 1, training ? transposedOffset : 4)
    this.step = this.#own('step', 1, 4)
    this.rates = this.#own('rates', 1, 8)
    for (const table of set.tables)
      this.#tables.set(table.name, {
        values: this.#own(`table ${table.name}`, table.rows, table.width),
        squares: training ? this.#own(`squares of ${table.name}`, 1, table.rows) : null,
      })
  }

  #own(label: string, rows: number, cols: number): Tensor {
    const buffer = this.device.buffer(label, rows * padded(cols) * 4, usage())
    this.#buffers.push(buffer)
    return persistent(buffer, rows, cols)
  }

  value(parameter: Parameter): Tensor {
    return this.#at(this.values, parameter)
  }

  gradientOf(parameter: Parameter): Tensor {
    return this.#at(this.gradient!, parameter)
  }

  transposedValue(parameter: Parameter): Tensor {
    const { rows, cols, transposedOffset } = parameter
    return { ...this.#transposed, rows: cols, cols: rows, stride: padded(rows), offset: transposedOffset }
  }

  tableValues(table: Table): Tensor {
    return this.#tables.get(table.name)!.values
  }

  tableSquares(table: Table): Tensor {
    return this.#tables.get(table.name)!.squares!
  }

  #at(run: Tensor, { rows, cols, offset }: Parameter): Tensor {
    return { ...run, rows, cols, stride: padded(cols), offset }
  }

  /** Records the refresh of every transposed copy. */
  recordTransposes(rec: Recorder): void {
    for (const parameter of this.set.parameters) {
      if (!parameter.transposed) continue
      const input = this.value(parameter)
      const output = this.transposedValue(parameter)
      rec.dispatch(
        transpose,
        {
          M: parameter.rows,
          N: parameter.cols,
          inOffset: input.offset / 4,
          inRow: input.stride / 4,
          outOffset: output.offset / 4,
          outRow: output.stride / 4,
        },
        { input, output },
      )
    }
  }

  /** Writes one parameter or table, [rows, cols] without padding. @throws RangeError for an unknown name or another size. */
  write(name: string, data: Float32Array): void {
    const target = this.#find(name)
    if (data.length !== target.rows * target.cols)
      throw new RangeError(`"${name}" is ${target.rows} × ${target.cols}, not ${data.length} values.`)
    const packed = new Float32Array(target.rows * target.stride)
    for (let r = 0; r < target.rows; r++)
      packed.set(data.subarray(r * target.cols, (r + 1) * target.cols), r * target.stride)
    this.device.gpuDevice.queue.writeBuffer(target.storage.buffer!, target.offset * 4, packed)
  }

  /** Reads one parameter or table, [rows, cols] without padding. */
  async read(name: string): Promise<Float32Array> {
    const source = this.#find(name)
    const bytes = await this.device.read(source.storage.buffer!, source.rows * source.stride * 4, source.offset * 4)
    const packed = new Float32Array(bytes)
    const data = new Float32Array(source.rows * source.cols)
    for (let r = 0; r < source.rows; r++)
      data.set(packed.subarray(r * source.stride, r * source.stride + source.cols), r * source.cols)
    return data
  }

  #find(name: string): Tensor {
    const parameter = this.set.parameters.find((p) => p.name === name)
    if (parameter) return this.value(parameter)
    const table = this.#tables.get(name)
    if (!table) throw new RangeError(`The model has no parameter or table named "${name}".`)
    return table.values
  }

  dispose(): void {
    for (const buffer of this.#buffers) this.device.release(buffer)
    this.#buffers = []
  }
}
