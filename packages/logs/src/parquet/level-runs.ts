import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js'
import { ByteWriter } from 'hyparquet-writer'

/**
 * Definition or repetition levels as runs of Parquet's RLE hybrid: a varint of twice the run's length, then the level in one
 * byte. Levels of lists of one width are few runs a row, whatever the width; neighbours of one level become one.
 */
export class LevelRuns {
  /** Levels taken. */
  count = 0
  readonly #writer = new ByteWriter()
  #level = 0
  #length = 0

  push(level: number, length: number): void {
    if (length === 0) return
    if (level !== this.#level) this.#end()
    this.#level = level
    this.#length += length
    this.count += length
  }

  bytes(): Uint8Array {
    this.#end()
    return this.#writer.getBytes()
  }

  #end(): void {
    if (this.#length === 0) return
    this.#writer.appendVarInt(2 * this.#length)
    this.#writer.appendUint8(this.#level)
    this.#length = 0
  }
}

/** @param bits of a level */
export function levelsIn(bytes: Uint8Array, count: number, bits: number): Uint8Array {
  const levels = new Uint8Array(count)
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
  readRleBitPackedHybrid(reader, bits, levels, bytes.length)
  return levels
}
