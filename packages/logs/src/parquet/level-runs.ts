/**
 * Definition and repetition levels as runs of Parquet's RLE hybrid: a varint of twice the run's length, then the level in one
 * byte. Levels of lists of one width are few runs a row, whatever the width.
 */
import { LogFormatError } from '../directory/errors.ts'

/** Takes runs; neighbours of one level become one. */
export class LevelRuns {
  /** Levels taken. */
  count = 0
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024)
  #used = 0
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
    return this.#bytes.subarray(0, this.#used)
  }

  #end(): void {
    if (this.#length === 0) return
    if (this.#used + 6 > this.#bytes.length) {
      const wider = new Uint8Array(2 * this.#bytes.length)
      wider.set(this.#bytes)
      this.#bytes = wider
    }
    let rest = this.#length * 2
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#used++] = (rest & 0x7f) | 0x80
    this.#bytes[this.#used++] = rest
    this.#bytes[this.#used++] = this.#level
    this.#length = 0
  }
}

/** Calls back for each run. @throws LogFormatError for levels that are packed bit by bit */
export function eachRun(bytes: Uint8Array, run: (level: number, length: number) => void): void {
  for (let at = 0; at < bytes.length; ) {
    let header = 0
    let scale = 1
    for (;;) {
      const byte = bytes[at++]
      header += (byte & 0x7f) * scale
      if (byte < 0x80) break
      scale *= 0x80
    }
    if (header % 2 === 1) throw new LogFormatError('levels are packed as a served log does not write them')
    run(bytes[at++], header / 2)
  }
}
