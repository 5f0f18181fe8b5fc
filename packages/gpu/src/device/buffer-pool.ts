/** Sizes are rounded up to a quarter of a power of two, so at most a quarter of a buffer is wasted. */
export function sizeClass(sizeBytes: number): number {
  const size = Math.max(256, sizeBytes)
  const step = 2 ** Math.max(6, Math.floor(Math.log2(size)) - 2)
  return Math.ceil(size / step) * step
}

/** Bytes that wait for another use at most; what comes back over this is freed. */
const maxFreeBytes = 64 * 2 ** 20

/** Makes and frees buffers, as a `GpuDevice` does. */
interface BufferSource {
  buffer(label: string, sizeBytes: number, usage: GPUBufferUsageFlags): GPUBuffer
  release(buffer: GPUBuffer): void
}

/**
 * Buffers that are used again, by usage and size class. What a buffer held before is still in it: for staging, scratch and
 * whatever is written in full before it is read.
 */
export class BufferPool {
  readonly #source: BufferSource
  readonly #free = new Map<string, GPUBuffer[]>()
  #freeBytes = 0

  constructor(source: BufferSource) {
    this.#source = source
  }

  /** Bytes of the buffers that are free. */
  get freeBytes(): number {
    return this.#freeBytes
  }

  /**
   * A buffer of at least `sizeBytes`.
   * @throws what the device's `buffer` throws
   */
  take(label: string, sizeBytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = sizeClass(sizeBytes)
    const buffer = this.#free.get(`${usage}:${size}`)?.pop()
    if (!buffer) return this.#source.buffer(label, size, usage)
    this.#freeBytes -= size
    buffer.label = label
    return buffer
  }

  /** Gives a buffer of this pool back; the caller must not touch it any more. */
  give(buffer: GPUBuffer): void {
    if (this.#freeBytes + buffer.size > maxFreeBytes) {
      this.#source.release(buffer)
      return
    }
    this.#freeBytes += buffer.size
    const key = `${buffer.usage}:${buffer.size}`
    const free = this.#free.get(key)
    if (free) free.push(buffer)
    else this.#free.set(key, [buffer])
  }

  /** Destroys the buffers that are free. */
  clear(): void {
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.#source.release(buffer)
    this.#free.clear()
    this.#freeBytes = 0
  }
}
