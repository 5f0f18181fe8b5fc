import { type GpuDevice, type Kernel, Program, prepareDispatch, type Shape, type Tuning } from '@headwater/gpu'
import { padded } from '@headwater/kernels'
import { assignSlots } from './lifetimes.ts'
import type { Storage, Tensor } from './tensor.ts'

interface Call {
  readonly storages: readonly Storage[]
  prepare(): ReturnType<typeof prepareDispatch>
}

/** What was recorded, ready to be replayed: buffers shared by lifetime, bind groups made. */
export interface Plan {
  readonly program: Program
  /** Bytes of the shared buffers. */
  readonly plannedBytes: number
  /** Bytes that one buffer for each transient would take. */
  readonly naiveBytes: number
  dispose(): void
}

/** Collects the dispatches of one step for one batch size. */
export class Recorder {
  readonly device: GpuDevice
  #calls: Call[] = []
  #transients: Storage[] = []
  #kept = new Set<Storage>()

  constructor(device: GpuDevice) {
    this.device = device
  }

  /** A new tensor that lives from its first use to its last. */
  tensor(label: string, rows: number, cols: number): Tensor {
    const stride = padded(cols)
    const storage: Storage = { label, sizeBytes: rows * stride * 4, buffer: null }
    this.#transients.push(storage)
    return { storage, rows, cols, stride, offset: 0 }
  }

  /** Keeps a tensor alive behind the last dispatch, to be read or copied. */
  keep(tensor: Tensor): Tensor {
    this.#kept.add(tensor.storage)
    return tensor
  }

  dispatch<S extends Shape, B extends string, T extends Tuning>(
    kernel: Kernel<S, B, T>,
    shape: S,
    tensors: { readonly [K in B]: Tensor },
  ): void {
    const bound = Object.entries<Tensor>(tensors)
    this.#calls.push({
      storages: bound.map(([, tensor]) => tensor.storage),
      prepare: () =>
        prepareDispatch(
          this.device,
          kernel,
          shape,
          Object.fromEntries(bound.map(([name, tensor]) => [name, tensor.storage.buffer])) as { [K in B]: GPUBuffer },
        ),
    })
  }

  /** Allocates the transients and prepares every dispatch. The recorder is used up. */
  plan(label: string): Plan {
    const used = this.#transients.filter((storage) => this.#calls.some((call) => call.storages.includes(storage)))
    const lifetimes = used.map((storage) => ({
      sizeBytes: storage.sizeBytes,
      first: this.#calls.findIndex((call) => call.storages.includes(storage)),
      last: this.#kept.has(storage)
        ? Number.POSITIVE_INFINITY
        : this.#calls.findLastIndex((call) => call.storages.includes(storage)),
    }))
    const { slots, slotBytes } = assignSlots(lifetimes)
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffers = slotBytes.map((bytes, i) => this.device.buffer(`${label}: transient ${i}`, bytes, usage))
    for (const [i, storage] of used.entries()) storage.buffer = buffers[slots[i]]
    const program = new Program(
      this.device,
      this.#calls.map((call) => call.prepare()),
      label,
    )
    return {
      program,
      plannedBytes: slotBytes.reduce((a, b) => a + b, 0),
      naiveBytes: used.reduce((sum, storage) => sum + storage.sizeBytes, 0),
      dispose: () => {
        program.dispose()
        for (const buffer of buffers) this.device.release(buffer)
      },
    }
  }
}
