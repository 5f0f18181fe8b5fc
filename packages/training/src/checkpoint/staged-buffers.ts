/** Buffers of the device as they were at one moment, read back while training goes on. */
import type { GpuDevice } from '@headwater/gpu'

export interface NamedBuffer {
  readonly name: string
  readonly buffer: GPUBuffer
}

/** Bytes handed on at once: little enough that hashing them is no pause that a training step would feel. */
const chunkBytes = 2 ** 20

/**
 * Copies on the device, in its queue behind what was submitted so far. It takes as many bytes of the device again, until
 * the chunks were read.
 */
export class StagedBuffers {
  readonly sizes: readonly { readonly name: string; readonly sizeBytes: number }[]
  readonly #device: GpuDevice
  readonly #staging: { readonly buffer: GPUBuffer; readonly sizeBytes: number }[] = []

  /** @throws GpuLimitError, OutOfMemoryError where the device has no room for the copies; nothing is held then. */
  constructor(device: GpuDevice, sources: readonly NamedBuffer[]) {
    this.#device = device
    this.sizes = sources.map(({ name, buffer }) => ({ name, sizeBytes: buffer.size }))
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ
    try {
      const encoder = device.gpuDevice.createCommandEncoder()
      for (const { name, buffer } of sources) {
        const copy = device.pool.take(`copy of ${name}`, buffer.size, usage)
        this.#staging.push({ buffer: copy, sizeBytes: buffer.size })
        encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size)
      }
      device.gpuDevice.queue.submit([encoder.finish()])
    } catch (cause) {
      this.release()
      throw cause
    }
  }

  /** The bytes of all buffers in their order. A chunk is valid until the next one is asked for. @throws DeviceLostError */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for (const { buffer, sizeBytes } of this.#staging) {
      await this.#device.map(buffer, GPUMapMode.READ, sizeBytes)
      const bytes = new Uint8Array(buffer.getMappedRange(0, sizeBytes))
      try {
        for (let at = 0; at < sizeBytes; at += chunkBytes)
          yield bytes.subarray(at, Math.min(sizeBytes, at + chunkBytes))
      } finally {
        buffer.unmap()
      }
    }
  }

  /** Gives the device its bytes back. Idempotent. */
  release(): void {
    for (const { buffer } of this.#staging.splice(0)) this.#device.pool.give(buffer)
  }
}
