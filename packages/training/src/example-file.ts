/**
 * Encoded examples on disk, so that a log larger than memory can be trained on: records of one size, appended in time
 * order and read back in any order. The operating system's page cache is the only cache.
 * Shape letters: R rows, T tasks.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { endianness } from 'node:os'
import type { FeatureSpace, SideBatch } from '@headwater/features'
import type { TrainingBatch } from './train-step.ts'

/** A batch of R zeroed rows of a feature space, to be filled by a replay or an example file. */
export function allocateExamples(space: FeatureSpace, rows: number): TrainingBatch {
  const tasks = space.tasks.length
  return {
    rows,
    user: space.allocate('user', rows),
    item: space.allocate('item', rows),
    labels: new Uint8Array(rows * tasks),
    labelWeights: new Float32Array(rows * tasks),
    timeMs: new Float64Array(rows),
  }
}

/** A part of a record: the batch's array as words, [R, width]. */
interface Segment {
  readonly words: Uint32Array
  readonly width: number
}

function sideArrays({ dense, bags, sequence }: SideBatch): (Float32Array | Uint32Array)[] {
  const arrays = [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]
  if (sequence) arrays.push(sequence.ids, sequence.lengths, sequence.channels, ...sequence.categories)
  return arrays
}

/** Everything of a batch but its labels, which are bytes, in the order of a record. */
function segmentsOf({ user, item, labelWeights, timeMs }: TrainingBatch): Segment[] {
  // The arrays' rows, not those in use: of a batch only the first may be.
  const { rows } = user
  return [...sideArrays(user), ...sideArrays(item), timeMs, labelWeights].map((array) => ({
    words: new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4),
    width: array.byteLength / 4 / rows,
  }))
}

export class ExampleFile {
  readonly space: FeatureSpace
  /** Examples appended so far. */
  length = 0
  #fingerprint = 0x811c9dc5
  readonly #path: string
  readonly #file: number
  readonly #tasks: number
  readonly #recordWords: number
  readonly #record: Uint32Array
  /** Records being written; used again, so the bytes behind a record's labels stay 0. */
  #block = new Uint32Array(0)

  /** @param path a file that must not exist; it is removed by `close`. */
  constructor(space: FeatureSpace, path: string) {
    if (endianness() !== 'LE') throw new RangeError('Example files need a little-endian machine.')
    this.space = space
    this.#path = path
    this.#file = openSync(path, 'wx+')
    this.#tasks = space.tasks.length
    const words = segmentsOf(allocateExamples(space, 1)).reduce((sum, { width }) => sum + width, 0)
    this.#recordWords = words + Math.ceil(this.#tasks / 4)
    this.#record = new Uint32Array(this.#recordWords)
  }

  /** Bytes of an example in the file. */
  get recordBytes(): number {
    return 4 * this.#recordWords
  }

  /** Appends rows 0 … rows − 1 of a batch. */
  append(batch: TrainingBatch): void {
    const { rows, labels } = batch
    const tasks = this.#tasks
    const segments = segmentsOf(batch)
    const words = rows * this.#recordWords
    if (this.#block.length < words) this.#block = new Uint32Array(words)
    const block = this.#block
    const blockLabels = new Uint8Array(block.buffer)
    for (let r = 0; r < rows; r++) {
      let at = r * this.#recordWords
      for (const { words, width } of segments) {
        const end = (r + 1) * width
        for (let i = r * width; i < end; i++) block[at++] = words[i]
      }
      for (let t = 0; t < tasks; t++) blockLabels[at * 4 + t] = labels[r * tasks + t]
    }
    const bytes = 4 * words
    let done = 0
    while (done < bytes) done += writeSync(this.#file, block, done, bytes - done, this.length * this.recordBytes + done)
    this.length += rows
    let hash = this.#fingerprint
    for (let i = 0; i < words; i++) hash = Math.imul(hash ^ block[i], 0x01000193)
    this.#fingerprint = hash
  }

  /** FNV-1a over the words of all examples in their order, u32: tells whether another file holds the same. */
  get fingerprint(): number {
    return this.#fingerprint >>> 0
  }

  /** Reads the examples `order[from … to)` into a batch. */
  read(order: Uint32Array, from: number, to: number, into: TrainingBatch): TrainingBatch {
    const bytes = this.recordBytes
    const tasks = this.#tasks
    const record = this.#record
    const recordLabels = new Uint8Array(record.buffer)
    const segments = segmentsOf(into)
    for (let i = from; i < to; i++) {
      const row = i - from
      if (readSync(this.#file, record, 0, bytes, order[i] * bytes) !== bytes)
        throw new RangeError(`Example ${order[i]} is beyond the ${this.length} that were written.`)
      let at = 0
      for (const { words, width } of segments) {
        const end = (row + 1) * width
        for (let k = row * width; k < end; k++) words[k] = record[at++]
      }
      for (let t = 0; t < tasks; t++) into.labels[row * tasks + t] = recordLabels[at * 4 + t]
    }
    return { ...into, rows: to - from }
  }

  close(): void {
    closeSync(this.#file)
    rmSync(this.#path, { force: true })
  }
}
