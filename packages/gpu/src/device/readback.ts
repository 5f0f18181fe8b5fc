import type { GpuDevice } from './device.ts'

/** A staging buffer that is kept, for results that are read back again and again. One copy is under way at a time. */
export class Readback {
  readonly #device: GpuDevice
  readonly #staging: GPUBuffer

  constructor(device: GpuDevice, label: string, sizeBytes: number) {
    this.#device = device
    this.#staging = device.buffer(`readback of ${label}`, sizeBytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ)
  }

  /** To be called while encoding: copies the first `sizeBytes`, a multiple of 4, of a buffer. */
  copy(encoder: GPUCommandEncoder, source: GPUBuffer, sizeBytes: number): void {
    encoder.copyBufferToBuffer(source, 0, this.#staging, 0, sizeBytes)
  }

  /** Waits for the copy. @throws what `GpuDevice.check` throws */
  async take(sizeBytes: number): Promise<ArrayBuffer> {
    await this.#device.map(this.#staging, GPUMapMode.READ, sizeBytes)
    const data = this.#staging.getMappedRange(0, sizeBytes).slice(0)
    this.#staging.unmap()
    return data
  }

  dispose(): void {
    this.#device.release(this.#staging)
  }
}
