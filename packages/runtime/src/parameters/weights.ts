import type { GpuDevice } from '@headwater/gpu'
import type { BindingLimits } from '@headwater/kernels'
import { Allocation } from '../plan/allocation.ts'
import { part, type Tensor } from '../plan/tensor.ts'
import { allocateTable, cutTable, type DeviceTable } from './device-table.ts'
import { allocateRuns, type ParameterPlace, type ParameterRun, placeParameters } from './parameter-runs.ts'
import type { Parameter, ParameterSet, Table } from './parameter-set.ts'

/** The weights of a model on the device; with `training`, also gradients and optimizer state. */
export class Weights {
  readonly set: ParameterSet
  readonly training: boolean
  /** All parameters, as optimizers go through them. */
  readonly runs: readonly ParameterRun[]
  /** u32 [1]: changes every step, seeds dropout. */
  readonly step: Tensor
  /** f32: see the AdamW kernel. */
  readonly rates: Tensor
  readonly #device: GpuDevice | null
  readonly #allocation: Allocation
  readonly #places: ReadonlyMap<Parameter, ParameterPlace>
  readonly #tables: ReadonlyMap<string, DeviceTable>

  /**
   * @param device null: the weights are laid out, to be recorded with and counted, and have no memory
   * @param limits of bindings and buffers; the device's own by default
   * @throws ParameterSizeError, TableSizeError before anything is allocated; GpuLimitError, OutOfMemoryError
   */
  constructor(device: GpuDevice, set: ParameterSet, training: boolean, limits?: BindingLimits)
  constructor(device: GpuDevice | null, set: ParameterSet, training: boolean, limits: BindingLimits)
  constructor(device: GpuDevice | null, set: ParameterSet, training: boolean, limits: BindingLimits = device!.limits) {
    this.#device = device
    this.set = set
    this.training = training
    const { runs, places } = placeParameters(set.parameters, limits)
    const cuts = set.tables.map((table) => cutTable(table, limits))
    const allocation = new Allocation(device)
    this.#allocation = allocation
    this.#places = places
    this.runs = allocateRuns(allocation, runs, training)
    this.step = allocation.tensor('step', 1, 4)
    this.rates = allocation.tensor('rates', 1, 8)
    this.#tables = new Map(
      set.tables.map((table, i) => [table.name, allocateTable(allocation, table, cuts[i], training)]),
    )
  }

  /** @throws TypeError for weights without memory */
  get device(): GpuDevice {
    if (!this.#device) throw new TypeError('These weights are laid out only: they have no device.')
    return this.#device
  }

  /** Every buffer of the weights and what the optimizers keep of them, with its size. */
  get sizes(): readonly { readonly label: string; readonly sizeBytes: number }[] {
    return this.#allocation.sizes
  }

  get sizeBytes(): number {
    return this.#allocation.sizeBytes
  }

  /** Of the largest buffer. */
  get largestBytes(): number {
    return this.#allocation.largestBytes
  }

  /** Of memory of its own: no offset, and nothing of other parameters in reach. */
  value(parameter: Parameter): Tensor {
    return this.#at('values', parameter)
  }

  /** As `value`. In training only. */
  gradientOf(parameter: Parameter): Tensor {
    return this.#at('gradient', parameter)
  }

  #at(what: 'values' | 'gradient', parameter: Parameter): Tensor {
    const { run, offsetBytes } = this.#places.get(parameter)!
    return part(this.runs[run][what]!, parameter.name, offsetBytes, parameter.rows, parameter.cols)
  }

  table(table: Table): DeviceTable {
    return this.#tables.get(table.name)!
  }

  /** Writes one parameter or table, [rows, cols] without padding. @throws RangeError for an unknown name or another size. */
  write(name: string, data: Float32Array): void {
    const parts = this.#find(name)
    const rows = parts.reduce((sum, target) => sum + target.rows, 0)
    const { cols } = parts[0]
    if (data.length !== rows * cols) throw new RangeError(`"${name}" is ${rows} × ${cols}, not ${data.length} values.`)
    let at = 0
    for (const { storage, rows, stride } of parts) {
      const given = data.subarray(at, at + rows * cols)
      at += given.length
      const packed = stride === cols ? given : new Float32Array(rows * stride)
      if (stride !== cols)
        for (let r = 0; r < rows; r++) packed.set(given.subarray(r * cols, (r + 1) * cols), r * stride)
      const { queue } = this.device.gpuDevice
      queue.writeBuffer(storage.buffer!, storage.offsetBytes, packed as Float32Array<ArrayBuffer>)
    }
  }

  /** Reads one parameter or table, [rows, cols] without padding. */
  async read(name: string): Promise<Float32Array> {
    const parts = this.#find(name)
    const { cols } = parts[0]
    const data = new Float32Array(parts.reduce((sum, { rows }) => sum + rows * cols, 0))
    let at = 0
    for (const { storage, rows, stride } of parts) {
      const sizeBytes = rows * stride * 4
      const packed = new Float32Array(await this.device.read(storage.buffer!, sizeBytes, storage.offsetBytes))
      for (let r = 0; r < rows; r++, at += cols) data.set(packed.subarray(r * stride, r * stride + cols), at)
    }
    return data
  }

  #find(name: string): readonly Tensor[] {
    const parameter = this.set.parameters.find((p) => p.name === name)
    if (parameter) return [this.value(parameter)]
    const table = this.#tables.get(name)
    if (!table) throw new RangeError(`The model has no parameter or table named "${name}".`)
    return table.parts.map(({ values }) => values)
  }

  dispose(): void {
    this.#allocation.dispose()
  }
}
