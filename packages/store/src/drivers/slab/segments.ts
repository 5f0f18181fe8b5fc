/**
 * The slab's memory: segments of one size into which entries are laid back to back. An entry too large for that lies in a
 * segment of its own. A location is a number of 8-byte units, segment · unitsPerSegment + unit, in 32 bits: 32 GiB in
 * all. Segment 0 is left out, so that location 0 stands for none.
 *
 * Segments are of two generations, each with one that is being filled and a queue of those that are full, oldest first:
 * `young` takes what is new, `main` what was read again or moved.
 */
import { StoreWriteError } from '../../validation/errors.ts'

export const unitBytes = 8
const locationBits = 32
export const young = 0
export const main = 1
export type Generation = typeof young | typeof main

/** How many queued segments are looked at for the one with the most dead bytes. */
const sampledSegments = 256

export class Segments {
  readonly unitsPerSegment: number
  /** Entries of more units get a segment of their own. */
  readonly largestShared: number
  readonly shift: number
  /** By segment; undefined where the number is free. */
  readonly words: Uint32Array[] = []
  readonly bytes: Uint8Array[] = []
  /** By segment: units laid out, and those of them that entries still use. */
  readonly used: number[] = []
  readonly live: number[] = []
  /** Bytes of all segments, full or not. */
  allocatedBytes = 0
  /** Of full segments of the young generation. */
  youngBytes = 0
  liveUnits = 0
  readonly #generation: Generation[] = []
  readonly #freeNumbers: number[] = []
  readonly #spare: ArrayBuffer[] = []
  readonly #queues: readonly [number[], number[]] = [[], []]
  /** Being filled; 0 is none. */
  readonly #heads: [number, number] = [0, 0]
  readonly #keepSpare: number
  #usedUnits = 0
  #sampleFrom = 0

  /**
   * @param segmentBytes a power of two
   * @param keepSpare released segments that are kept for use again
   */
  constructor(segmentBytes: number, keepSpare: number) {
    this.unitsPerSegment = segmentBytes / unitBytes
    this.largestShared = this.unitsPerSegment >>> 3
    this.shift = Math.log2(this.unitsPerSegment)
    this.#keepSpare = keepSpare
    // Number 0 is never given out.
    this.words.push(new Uint32Array())
    this.bytes.push(new Uint8Array())
    this.used.push(0)
    this.live.push(0)
    this.#generation.push(young)
  }

  get deadUnits(): number {
    return this.#usedUnits - this.liveUnits
  }

  /** An entry's first word, in the words of its segment. */
  wordAt(location: number): number {
    return 2 * (location & (this.unitsPerSegment - 1))
  }

  generationOf(location: number): Generation {
    return this.#generation[location >>> this.shift]
  }

  /**
   * Lays out an entry. Nothing else moves.
   *
   * @param maxBytes all segments together; what is moved out of one that will be released may take more for a while
   * @throws StoreWriteError where memory is used up
   */
  allocate(units: number, generation: Generation, maxBytes = Infinity): number {
    let segment = this.#heads[generation]
    if (units > this.largestShared) {
      segment = this.#open(units, generation, maxBytes)
      this.#seal(segment)
    } else if (segment === 0 || this.used[segment] + units > this.unitsPerSegment) {
      const next = this.#open(this.unitsPerSegment, generation, maxBytes)
      if (segment !== 0) this.#seal(segment)
      segment = next
      this.#heads[generation] = segment
    }
    const at = this.used[segment]
    this.used[segment] += units
    this.live[segment] += units
    this.#usedUnits += units
    this.liveUnits += units
    return segment * this.unitsPerSegment + at
  }

  /** Gives up an entry's units. @returns whether its segment is full and nothing in it lives */
  free(location: number, units: number): boolean {
    const segment = location >>> this.shift
    this.live[segment] -= units
    this.liveUnits -= units
    return this.live[segment] === 0 && segment !== this.#heads[0] && segment !== this.#heads[1]
  }

  /** Takes the oldest full segment of a generation out of its queue; 0 where there is none. */
  takeOldest(generation: Generation): number {
    return this.#take(generation, 0)
  }

  /** Takes the full segment with the most dead units of those sampled; 0 where none has any. */
  takeDeadest(): number {
    let best = 0
    let bestGeneration: Generation = young
    let bestPlace = -1
    const [youngQueue, mainQueue] = this.#queues
    const total = youngQueue.length + mainQueue.length
    for (let i = 0; i < Math.min(sampledSegments, total); i++) {
      const n = this.#sampleFrom++ % total
      const generation = n < youngQueue.length ? young : main
      const place = generation === young ? n : n - youngQueue.length
      const segment = this.#queues[generation][place]
      if (this.used[segment] - this.live[segment] <= best) continue
      best = this.used[segment] - this.live[segment]
      bestGeneration = generation
      bestPlace = place
    }
    return best === 0 ? 0 : this.#take(bestGeneration, bestPlace)
  }

  /** Gives back a full segment in which nothing lives. */
  release(segment: number): void {
    const generation = this.#generation[segment]
    const place = this.#queues[generation].indexOf(segment)
    if (place >= 0) this.#take(generation, place)
    const { buffer } = this.words[segment]
    this.#usedUnits -= this.used[segment]
    this.used[segment] = 0
    this.allocatedBytes -= buffer.byteLength
    const shared = buffer.byteLength === this.unitsPerSegment * unitBytes
    if (shared && this.#spare.length < this.#keepSpare) this.#spare.push(buffer as ArrayBuffer)
    this.words[segment] = this.words[0]
    this.bytes[segment] = this.bytes[0]
    this.#freeNumbers.push(segment)
  }

  /** Makes a taken segment the newest full one of the main generation. */
  requeue(segment: number): void {
    this.#generation[segment] = main
    this.#queues[main].push(segment)
  }

  #take(generation: Generation, place: number): number {
    const queue = this.#queues[generation]
    if (place >= queue.length) return 0
    const [segment] = queue.splice(place, 1)
    if (generation === young) this.youngBytes -= this.words[segment].byteLength
    return segment
  }

  #open(units: number, generation: Generation, maxBytes: number): number {
    const sizeBytes = units * unitBytes
    const numbersLeft = 2 ** (locationBits - this.shift) - this.words.length + this.#freeNumbers.length
    if (this.allocatedBytes + sizeBytes > maxBytes || numbersLeft === 0) {
      throw new StoreWriteError(
        `the slab holds ${this.allocatedBytes} bytes and cannot take ${sizeBytes} more; ` +
          'give it more capacity, or sweep tombstones, which are never evicted',
      )
    }
    const segment = this.#freeNumbers.pop() ?? this.words.length
    const buffer = (units === this.unitsPerSegment ? this.#spare.pop() : undefined) ?? new ArrayBuffer(sizeBytes)
    this.words[segment] = new Uint32Array(buffer)
    this.bytes[segment] = new Uint8Array(buffer)
    this.used[segment] = 0
    this.live[segment] = 0
    this.#generation[segment] = generation
    this.allocatedBytes += sizeBytes
    return segment
  }

  #seal(segment: number): void {
    const generation = this.#generation[segment]
    this.#queues[generation].push(segment)
    if (generation === young) this.youngBytes += this.words[segment].byteLength
  }
}
