/**
 * Encoded examples on disk, so that a log larger than memory can be trained on: records of one size, appended in time
 * order and read back in any order. The operating system's page cache is the only cache.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { endianness } from 'node:os'
import type { FeatureSpace, SideBatch } from '@headwater/features'
import type { TrainingBatch } from './train-step.ts'

interface Segment {
  /** Words of one row. */
  readonly words: number
  copy(from: SideBatch, to: Uint32Array, row: number, at: number): void
  restore(from: Uint32Array, at: number, to: SideBatch, row: number): void
}

const words = (array: Float32Array | Uint32Array) => new Uint32Array(array.buffer, array.byteOffset, array.length)

function segment(width: number, pick: (side: SideBatch) => Float32Array | Uint32Array): Segment {
  return {
    words: width,
    copy: (from, to, row, at) => to.set(words(pick(from)).subarray(row * width, (row + 1) * width), at),
    restore: (from, at, to, row) => words(pick(to)).set(from.subarray(at, at + width), row * width),
  }
}

function sideSegments(space: FeatureSpace, side: 'user' | 'item'): Segment[] {
  const layout = space[side]
  const segments = [segment(layout.dense.length, (b) => b.dense)]
  for (const [i, bag] of layout.bags.entries())
    segments.push(
      segment(bag.maxValues, (b) => b.bags[i].ids),
      segment(1, (b) => b.bags[i].lengths),
    )
  const { sequence } = layout
  if (sequence)
    segments.push(
      segment(sequence.length, (b) => b.sequence!.ids),
      segment(1, (b) => b.sequence!.lengths),
      segment(sequence.length * sequence.channels, (b) => b.sequence!.channels),
    )
  return segments
}

export class ExampleFile {
  readonly space: FeatureSpace
  /** Examples appended so far. */
  length = 0
  #fingerprint = 0x811c9dc5
  readonly #path: string
  readonly #file: number
  readonly #sides: { readonly side: 'user' | 'item'; readonly segments: readonly Segment[] }[]
  readonly #tasks: number
  readonly #recordWords: number
  readonly #record: Uint32Array

  /** @param path a file that must not exist; it is removed by `close`. */
  constructor(space: FeatureSpace, path: string) {
    if (endianness() !== 'LE') throw new RangeError('Example files need a little-endian machine.')
    this.space = space
    this.#path = path
    this.#file = openSync(path, 'wx+')
    this.#sides = (['user', 'item'] as const).map((side) => ({ side, segments: sideSegments(space, side) }))
    this.#tasks = space.schema.tasks.length
    const sideWords = this.#sides.flatMap((s) => s.segments).reduce((sum, s) => sum + s.words, 0)
    this.#recordWords = sideWords + Math.ceil(this.#tasks / 4)
    this.#record = new Uint32Array(this.#recordWords)
  }

  /** Appends rows 0 … rows − 1 of a batch. */
  append(batch: TrainingBatch): void {
    const { rows, labels } = batch
    const block = new Uint32Array(rows * this.#recordWords)
    const blockLabels = new Uint8Array(block.buffer)
    for (let r = 0; r < rows; r++) {
      let at = r * this.#recordWords
      for (const { side, segments } of this.#sides)
        for (const s of segments) {
          s.copy(batch[side], block, r, at)
          at += s.words
        }
      blockLabels.set(labels.subarray(r * this.#tasks, (r + 1) * this.#tasks), at * 4)
    }
    let done = 0
    while (done < block.byteLength)
      done += writeSync(this.#file, block, done, block.byteLength - done, this.length * this.#recordWords * 4 + done)
    this.length += rows
    let hash = this.#fingerprint
    for (const word of block) hash = Math.imul(hash ^ word, 0x01000193)
    this.#fingerprint = hash
  }

  /** FNV-1a over the words of all examples in their order, u32: tells whether another file holds the same. */
  get fingerprint(): number {
    return this.#fingerprint >>> 0
  }

  /** Reads the examples `order[from … to)` into a batch. */
  read(order: Uint32Array, from: number, to: number, into: TrainingBatch): TrainingBatch {
    const bytes = this.#recordWords * 4
    const labels = new Uint8Array(this.#record.buffer)
    for (let i = from; i < to; i++) {
      const row = i - from
      if (readSync(this.#file, this.#record, 0, bytes, order[i] * bytes) !== bytes)
        throw new RangeError(`Example ${order[i]} is beyond the ${this.length} that were written.`)
      let at = 0
      for (const { side, segments } of this.#sides)
        for (const s of segments) {
          s.restore(this.#record, at, into[side], row)
          at += s.words
        }
      into.labels.set(labels.subarray(at * 4, at * 4 + this.#tasks), row * this.#tasks)
    }
    return { ...into, rows: to - from }
  }

  close(): void {
    closeSync(this.#file)
    rmSync(this.#path, { force: true })
  }
}
