/**
 * Encoded examples on disk, so that a log larger than memory can be trained on: records of one size, appended in time
 * order and read back in any order. Of a user's sequence a record has the moment alone, and the events lie beside it, each
 * once. The operating system's page cache is the only cache.
 * Shape letters: R rows, T tasks.
 */
import { endianness } from 'node:os'
import { arraysOf, type FeatureSpace } from '@headwater/features'
import { momentWords, PastSequences } from './past-sequences.ts'
import { ScratchFile } from './scratch-file.ts'
import { allocateExamples, type TrainingBatch } from './training-batch.ts'

/** A part of a record: the batch's array as words, [R, width]. */
interface Segment {
  readonly words: Uint32Array
  readonly width: number
}

/** Everything of a batch but the sequences and its labels, which are bytes, in the order of a record. */
function segmentsOf({ user, item, labelWeights, timeMs }: TrainingBatch): Segment[] {
  // The arrays' rows, not those in use: of a batch only the first may be.
  const { rows } = user
  return [...arraysOf({ ...user, sequence: null }), ...arraysOf({ ...item, sequence: null }), timeMs, labelWeights].map(
    (array) => ({
      words: new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4),
      width: array.byteLength / 4 / rows,
    }),
  )
}

export class ExampleFile {
  readonly space: FeatureSpace
  /** To be given every event that a user's state ingests; null where the space has no sequence. */
  readonly sequences: PastSequences | null
  /** Examples appended so far. */
  length = 0
  #fingerprint = 0x811c9dc5
  readonly #file: ScratchFile
  readonly #tasks: number
  readonly #recordWords: number
  readonly #momentWords: number
  readonly #record: Uint32Array
  /** Records being written; used again, so the bytes behind a record's labels stay 0. */
  #block = new Uint32Array(0)

  /** @param path a file that must not exist, nor one of that name with `.sequences` behind it; `close` removes them */
  constructor(space: FeatureSpace, path: string) {
    if (endianness() !== 'LE') throw new RangeError('Example files need a little-endian machine.')
    this.space = space
    this.sequences = space.user.sequence === null ? null : new PastSequences(space, `${path}.sequences`)
    try {
      this.#file = new ScratchFile(path)
    } catch (cause) {
      this.sequences?.close()
      throw cause
    }
    this.#tasks = space.tasks.length
    this.#momentWords = this.sequences === null ? 0 : momentWords
    const words = segmentsOf(allocateExamples(space, 1)).reduce((sum, { width }) => sum + width, 0)
    this.#recordWords = words + this.#momentWords + Math.ceil(this.#tasks / 4)
    this.#record = new Uint32Array(this.#recordWords)
  }

  /** Bytes of an example in the file. */
  get recordBytes(): number {
    return 4 * this.#recordWords
  }

  /** Room for the moments of so many rows, [R, words]; empty where the space has no sequence. */
  allocateMoments(rows: number): Uint32Array {
    return new Uint32Array(rows * this.#momentWords)
  }

  /**
   * Appends rows 0 … rows − 1 of a batch, whose sequences are not looked at.
   * @param moments of their users, as `sequences` gives them
   */
  append(batch: TrainingBatch, moments: Uint32Array): void {
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
      for (let i = 0; i < this.#momentWords; i++) block[at++] = moments[r * this.#momentWords + i]
      for (let t = 0; t < tasks; t++) blockLabels[at * 4 + t] = labels[r * tasks + t]
    }
    this.#file.append(block, 4 * words)
    this.length += rows
    let hash = this.#fingerprint
    for (let i = 0; i < words; i++) hash = Math.imul(hash ^ block[i], 0x01000193)
    this.#fingerprint = hash
  }

  /** FNV-1a over the words of all examples in their order, u32: tells whether another file holds the same. */
  get fingerprint(): number {
    return this.#fingerprint >>> 0
  }

  /**
   * Reads the examples `order[from … to)` into a batch.
   * @param sequences null: the batch's sequences stay as they are
   * @throws RangeError where one of them was not written
   */
  read(
    order: Uint32Array,
    from: number,
    to: number,
    into: TrainingBatch,
    sequences: PastSequences | null = this.sequences,
  ): TrainingBatch {
    const bytes = this.recordBytes
    const tasks = this.#tasks
    const record = this.#record
    const recordLabels = new Uint8Array(record.buffer)
    const segments = segmentsOf(into)
    for (let i = from; i < to; i++) {
      const row = i - from
      if (!this.#file.read(record, 0, bytes, order[i] * bytes))
        throw new RangeError(`Example ${order[i]} is beyond the ${this.length} that were written.`)
      let at = 0
      for (const { words, width } of segments) {
        const end = (row + 1) * width
        for (let k = row * width; k < end; k++) words[k] = record[at++]
      }
      sequences?.encode(record, at, into.user, row, into.timeMs[row])
      at += this.#momentWords
      for (let t = 0; t < tasks; t++) into.labels[row * tasks + t] = recordLabels[at * 4 + t]
    }
    return { ...into, rows: to - from }
  }

  close(): void {
    this.sequences?.close()
    this.#file.close()
  }
}
