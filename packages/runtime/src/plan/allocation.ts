import type { GpuDevice } from '@headwater/gpu'
import { padded } from '@headwater/kernels'
import type { Tensor } from './tensor.ts'

/** Zeroed tensors that last until `dispose`. Without a device they have no memory: they are laid out and counted. */
export class Allocation {
  readonly #device: GpuDevice | null
  #buffers: GPUBuffer[] = []
  #sizes: { readonly label: string; readonly sizeBytes: number }[] = []

  constructor(device: GpuDevice | null) {
    this.#device = device
  }

  /** A tensor [rows, cols] in a buffer of its own. @throws GpuLimitError, OutOfMemoryError */
  tensor(label: string, rows: number, cols: number): Tensor {
    const stride = padded(cols)
    // As the device rounds it up.
    const sizeBytes = Math.max(16, rows * stride * 4)
    const usage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = this.#device?.buffer(label, sizeBytes, usage()) ?? null
    if (buffer) this.#buffers.push(buffer)
    this.#sizes.push({ label, sizeBytes })
    return { storage: { label, offsetBytes: 0, sizeBytes, buffer }, rows, cols, stride, offset: 0 }
  }

  /** Every buffer, with its size. */
  get sizes(): readonly { readonly label: string; readonly sizeBytes: number }[] {
    return this.#sizes
  }

  get sizeBytes(): number {
    return this.#sizes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** Of the largest tensor, to be held against what a binding may be. */
  get largestBytes(): number {
    return this.#sizes.reduce((most, { sizeBytes }) => Math.max(most, sizeBytes), 0)
  }

  dispose(): void {
    for (const buffer of this.#buffers) this.#device!.release(buffer)
    this.#buffers = []
  }
}
