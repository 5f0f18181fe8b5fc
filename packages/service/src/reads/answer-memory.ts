import { encodeHalves } from '@headwater/binary16'
import type { VectorEncoding } from '@headwater/client'
import { bytesOf } from '@headwater/client/wire'

export const binaryHeadBytes = 5
export const listHeadBytes = 3

/** Memory of one answer after another, each filled from its start. */
export class AnswerMemory {
  #buffer: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(this.#buffer.buffer)
  #at = 0
  /** The answer. It is written anew once the next one begins. */
  written: Buffer = this.#buffer

  get sizeBytes(): number {
    return this.#buffer.length
  }

  /** Memory for an answer of at most so many bytes, of which `take` has the first. */
  reserve(sizeBytes: number): Buffer {
    if (sizeBytes > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(sizeBytes)))
      this.#view = new DataView(this.#buffer.buffer)
    }
    return this.#buffer
  }

  take(sizeBytes: number): Buffer {
    this.written = this.#buffer.subarray(0, sizeBytes)
    return this.written
  }

  begin(sizeBytes: number): void {
    this.reserve(sizeBytes)
    // Most answers are as long as the one before.
    if (sizeBytes !== this.written.length || this.written.buffer !== this.#buffer.buffer) {
      this.written = this.#buffer.subarray(0, sizeBytes)
    }
    this.#at = 0
  }

  bytes(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#buffer[this.#at++] = bytes[i]
  }

  binary(bytes: Uint8Array): void {
    this.#binaryHead(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  float64(value: number): void {
    this.#view.setFloat64(this.#at, value)
    this.#at += 8
  }

  listHead(entries: number): void {
    this.#buffer[this.#at] = 0xdc
    this.#view.setUint16(this.#at + 1, entries)
    this.#at += listHeadBytes
  }

  vectors(values: Float32Array, encoding: VectorEncoding): void {
    if (encoding === 'f32') {
      this.binary(bytesOf(values))
      return
    }
    this.#binaryHead(2 * values.length)
    encodeHalves(values, 0, values.length, this.#buffer, this.#at)
    this.#at += 2 * values.length
  }

  octets(values: Uint8Array): void {
    this.#binaryHead(values.length)
    for (let i = 0; i < values.length; i++) this.#buffer[this.#at++] = values[i]
  }

  words(values: Uint32Array): void {
    this.#binaryHead(4 * values.length)
    for (let i = 0; i < values.length; i++, this.#at += 4) this.#view.setUint32(this.#at, values[i], true)
  }

  doubles(values: Float64Array): void {
    this.#binaryHead(8 * values.length)
    for (let i = 0; i < values.length; i++, this.#at += 8) this.#view.setFloat64(this.#at, values[i], true)
  }

  #binaryHead(sizeBytes: number): void {
    this.#buffer[this.#at] = 0xc6
    this.#view.setUint32(this.#at + 1, sizeBytes)
    this.#at += binaryHeadBytes
  }
}
