import { expectedMs, type GpuDevice } from '@headwater/gpu'
import type { Tensor } from './tensor.ts'

/** Copies data to a tensor's memory, from its first byte on. */
export type Write = (tensor: Tensor, data: Float32Array | Uint32Array) => void

/** Writes in the order of what is submitted, through memory that the driver allocates each time: for what is written rarely. */
export function queueWrite({ gpuDevice }: GpuDevice): Write {
  return ({ storage }, data) =>
    gpuDevice.queue.writeBuffer(storage.buffer!, storage.offsetBytes, data as Float32Array<ArrayBuffer>)
}

/** The data of one submit, gathered in a mapped buffer. */
export interface Upload {
  readonly write: Write
  /** To be called once, while the submit's commands are encoded: records the copies to where the data belongs. */
  flush(encoder: GPUCommandEncoder): void
}

interface Copy {
  readonly buffer: GPUBuffer
  readonly toBytes: number
  readonly fromBytes: number
  readonly sizeBytes: number
}

/**
 * Staging buffers that take turns, mapped while the host fills them: it prepares one upload while the device still works on
 * what was uploaded before, and nothing is allocated.
 */
export class UploadRing {
  readonly #slots: readonly Slot[]
  #turn = 0

  /**
   * @param sizeBytes of one upload at most
   * @param slots uploads that may be under way: `begin` waits until the device is done with the one so many before
   * @throws GpuLimitError, OutOfMemoryError
   */
  constructor(device: GpuDevice, label: string, sizeBytes: number, slots: number) {
    const pace = new Pace()
    this.#slots = Array.from({ length: slots }, (_, i) => new Slot(device, `${label} ${i}`, sizeBytes, pace))
  }

  /**
   * Waits for the next buffer's turn. An upload that is not flushed is dropped when the next begins.
   * @throws what `GpuDevice.check` throws; RangeError where the ring was disposed of
   */
  async begin(): Promise<Upload> {
    const slot = this.#slots[this.#turn]
    await slot.map()
    return {
      write: (tensor, data) => slot.write(tensor, data),
      flush: (encoder) => {
        slot.flush(encoder)
        this.#turn = (this.#turn + 1) % this.#slots.length
      },
    }
  }

  dispose(): void {
    for (const slot of this.#slots) slot.dispose()
  }
}

/**
 * When the device will be done with a submit, judged by those before: until then the host sleeps, as Dawn in Node polls
 * while a promise is pending, which a software adapter would feel.
 */
class Pace {
  #averageMs = 0
  #doneMs = 0

  async sleep(submittedMs: number): Promise<void> {
    const sleepMs = Math.max(submittedMs, this.#doneMs) + this.#averageMs * 0.8 - performance.now()
    if (sleepMs > 1) await new Promise((resolve) => setTimeout(resolve, sleepMs))
  }

  done(submittedMs: number): void {
    const nowMs = performance.now()
    const tookMs = nowMs - Math.max(submittedMs, this.#doneMs)
    this.#averageMs = expectedMs(this.#averageMs, tookMs)
    this.#doneMs = nowMs
  }
}

class Slot {
  readonly #device: GpuDevice
  readonly #buffer: GPUBuffer
  readonly #pace: Pace
  #floats: Float32Array | null = null
  #words: Uint32Array | null = null
  /** Floats filled. */
  #filled = 0
  #copies: Copy[] = []
  #submittedMs = 0
  #disposed = false

  constructor(device: GpuDevice, label: string, sizeBytes: number, pace: Pace) {
    this.#device = device
    this.#pace = pace
    this.#buffer = device.buffer(label, sizeBytes, GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC)
  }

  async map(): Promise<void> {
    this.#copies = []
    this.#filled = 0
    if (this.#floats) return
    if (this.#submittedMs > 0) await this.#pace.sleep(this.#submittedMs)
    this.#check()
    await this.#device.map(this.#buffer, GPUMapMode.WRITE).catch((cause: unknown) => {
      this.#check()
      throw cause
    })
    this.#check()
    if (this.#submittedMs > 0) this.#pace.done(this.#submittedMs)
    const mapped = this.#buffer.getMappedRange()
    this.#floats = new Float32Array(mapped)
    this.#words = new Uint32Array(mapped)
  }

  #check(): void {
    this.#device.check()
    if (this.#disposed) throw new RangeError(`"${this.#buffer.label}" was disposed of while an upload waited for it.`)
  }

  write({ storage }: Tensor, data: Float32Array | Uint32Array): void {
    const sizeBytes = data.byteLength
    if (sizeBytes > storage.sizeBytes)
      throw new RangeError(`${sizeBytes} bytes for "${storage.label}", which has ${storage.sizeBytes}.`)
    const fromBytes = this.#filled * 4
    if (fromBytes + sizeBytes > this.#buffer.size)
      throw new RangeError(`"${storage.label}" needs ${sizeBytes} bytes of a staging buffer of ${this.#buffer.size}.`)
    if (sizeBytes === 0) return
    if (data instanceof Float32Array) this.#floats!.set(data, this.#filled)
    else this.#words!.set(data, this.#filled)
    this.#filled += data.length
    this.#copies.push({ buffer: storage.buffer!, toBytes: storage.offsetBytes, fromBytes, sizeBytes })
  }

  flush(encoder: GPUCommandEncoder): void {
    this.#buffer.unmap()
    this.#floats = null
    this.#words = null
    for (const { buffer, toBytes, fromBytes, sizeBytes } of this.#copies)
      encoder.copyBufferToBuffer(this.#buffer, fromBytes, buffer, toBytes, sizeBytes)
    this.#submittedMs = performance.now()
  }

  dispose(): void {
    this.#disposed = true
    this.#device.release(this.#buffer)
  }
}
