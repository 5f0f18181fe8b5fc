import {
  type Binding,
  type BufferRange,
  type GpuDevice,
  type Kernel,
  Program,
  prepareDispatch,
  type Shape,
  type Tuning,
} from '@headwater/gpu'
import { padded } from '@headwater/kernels'
import { type Assignment, assignMemory, type Lifetime } from './lifetimes.ts'
import type { Storage, Tensor } from './tensor.ts'

interface Call {
  readonly reads: readonly Storage[]
  readonly writes: readonly Storage[]
  readonly flops: number
  prepare(device: GpuDevice): ReturnType<typeof prepareDispatch>
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

/** What a plan would take, known without a device. */
export interface PlanCost {
  /** Bytes of the shared buffers. */
  readonly plannedBytes: number
  /** Bytes that one buffer for each transient would take. */
  readonly naiveBytes: number
  /** Bytes of the largest transient, to be held against what a binding may be. */
  readonly largestBytes: number
  readonly dispatches: number
  /** Of one run, by the kernels' own count: what must be computed at least. */
  readonly flops: number
}

const rangeOf = ({ buffer, offsetBytes, sizeBytes }: Storage): BufferRange => ({
  buffer: buffer!,
  offset: offsetBytes,
  size: sizeBytes,
})

/** Collects the dispatches of one step for one batch size. */
export class Recorder {
  readonly #device: GpuDevice | null
  #calls: Call[] = []
  #transients = new Set<Storage>()
  #kept = new Set<Storage>()

  /** @param device null: what is recorded can be measured, and not be run */
  constructor(device: GpuDevice | null) {
    this.#device = device
  }

  /** A new tensor that lives from its first use to its last. */
  tensor(label: string, rows: number, cols: number): Tensor {
    const stride = padded(cols)
    const storage: Storage = { label, offsetBytes: 0, sizeBytes: rows * stride * 4, buffer: null }
    this.#transients.add(storage)
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
    const withAccess = (access: Binding['access']) =>
      bound.filter(([name]) => kernel.bindings[name as B].access === access).map(([, { storage }]) => storage)
    this.#calls.push({
      reads: withAccess('read'),
      writes: withAccess('read_write'),
      flops: kernel.cost(shape).flops,
      prepare: (device) =>
        prepareDispatch(
          device,
          kernel,
          shape,
          Object.fromEntries(bound.map(([name, { storage }]) => [name, rangeOf(storage)])) as {
            [K in B]: BufferRange
          },
        ),
    })
  }

  /** When each transient that is used lives, and from which others it must lie apart. */
  #lifetimes(): Map<Storage, Lifetime> {
    const indices = new Map<Storage, number>()
    const lives: { first: number; last: number; apart: Set<number> }[] = []
    const indexOf = (storage: Storage, at: number): number => {
      const index = indices.get(storage) ?? lives.push({ first: at, last: at, apart: new Set() }) - 1
      indices.set(storage, index)
      lives[index].last = this.#kept.has(storage) ? Number.POSITIVE_INFINITY : at
      return index
    }
    for (const [at, { reads, writes }] of this.#calls.entries()) {
      const used = (storages: readonly Storage[]) =>
        storages.filter((storage) => this.#transients.has(storage)).map((storage) => indexOf(storage, at))
      const read = used(reads)
      for (const w of used(writes))
        for (const r of read) {
          lives[r].apart.add(w)
          lives[w].apart.add(r)
        }
    }
    return new Map([...indices].map(([storage, i]) => [storage, { sizeBytes: storage.sizeBytes, ...lives[i] }]))
  }

  #cost(lifetimes: ReadonlyMap<Storage, Lifetime>, { bufferBytes }: Assignment): PlanCost {
    const sizes = [...lifetimes.values()].map(({ sizeBytes }) => sizeBytes)
    return {
      plannedBytes: sum(bufferBytes),
      naiveBytes: sum(sizes),
      largestBytes: Math.max(0, ...sizes),
      dispatches: this.#calls.length,
      flops: sum(this.#calls.map(({ flops }) => flops)),
    }
  }

  /** What a plan of that which was recorded would take. @param maxBufferBytes largest buffer of the device */
  measure(maxBufferBytes = Number.POSITIVE_INFINITY): PlanCost {
    const lifetimes = this.#lifetimes()
    return this.#cost(lifetimes, assignMemory([...lifetimes.values()], maxBufferBytes))
  }

  /** Allocates the transients and prepares every dispatch. The recorder is used up. @throws TypeError without a device */
  plan(label: string): Plan {
    const device = this.#device
    if (!device) throw new TypeError(`The plan "${label}" was recorded without a device: it can only be measured.`)
    const lifetimes = this.#lifetimes()
    const assignment = assignMemory([...lifetimes.values()], device.limits.maxBufferSize)
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffers = assignment.bufferBytes.map((bytes, i) => device.buffer(`${label}: transients ${i}`, bytes, usage))
    for (const [i, storage] of [...lifetimes.keys()].entries()) {
      const { buffer, offsetBytes } = assignment.places[i]
      storage.buffer = buffers[buffer]
      storage.offsetBytes = offsetBytes
    }
    const program = new Program(
      device,
      this.#calls.map((call) => call.prepare(device)),
      label,
    )
    const { plannedBytes, naiveBytes } = this.#cost(lifetimes, assignment)
    return {
      program,
      plannedBytes,
      naiveBytes,
      dispose: () => {
        program.dispose()
        for (const buffer of buffers) device.release(buffer)
      },
    }
  }
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

/** What a layer records with. */
export type Recording = Pick<Recorder, 'tensor' | 'dispatch'>
