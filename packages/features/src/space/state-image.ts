import { murmur3 } from '../events/murmur3.ts'

/** Changes whenever the meaning of state bytes does. */
const formatVersion = 1

/** Doubles of the header: version and fingerprint (u32 each), time of the last event, number of events. */
export const headerDoubles = 3
const lastEventAt = 1
const eventCountAt = 2

/** State bytes that do not belong to this schema: which side's, what is wrong, and what to do. */
export class StateError extends Error {
  override readonly name = 'StateError'
  readonly side: 'user' | 'item'
  readonly reason: string

  constructor(side: 'user' | 'item', reason: string) {
    super(`${side} state: ${reason}; start from a new state and ingest the ${side}'s events again`)
    this.side = side
    this.reason = reason
  }
}

/** Typed views of one block of values: `f64` first, then 4-byte words, seen as `u32` and as `f32`. */
export interface Image {
  readonly f64: Float64Array
  readonly u32: Uint32Array
  readonly f32: Float32Array
}

/** Counts the places that a block's parts ask for; doubles and words are numbered apart. */
export class ImageLayout {
  doubles: number
  words = 0

  constructor(doubles: number) {
    this.doubles = doubles
  }

  /** @returns the index in `f64` of the first of `count` doubles. */
  reserveDoubles(count: number): number {
    this.doubles += count
    return this.doubles - count
  }

  /** @returns the index in `u32` and `f32` of the first of `count` words. */
  reserveWords(count: number): number {
    this.words += count
    return this.words - count
  }
}

export function newImage(layout: ImageLayout): Image {
  const bytes = new ArrayBuffer(8 * layout.doubles + 4 * layout.words)
  const wordsAt = 8 * layout.doubles
  return {
    f64: new Float64Array(bytes, 0, layout.doubles),
    u32: new Uint32Array(bytes, wordsAt, layout.words),
    f32: new Float32Array(bytes, wordsAt, layout.words),
  }
}

/**
 * Working copy of one state. States come from a store at any byte offset, so they are copied here, where views are
 * aligned, and back. Bytes are in the machine's order; a state of the other order fails the version check.
 */
export class StateImage implements Image {
  readonly sizeBytes: number
  readonly f64: Float64Array
  readonly u32: Uint32Array
  readonly f32: Float32Array
  readonly #side: 'user' | 'item'
  readonly #bytes: Uint8Array
  readonly #header: Uint32Array
  readonly #fingerprint: number
  /** Doubles at the end that states from before there were any do not have. */
  readonly #fieldTimes: Float64Array

  /**
   * @param meaning text that differs whenever states of two schemas must not be mixed
   * @param fieldTimes last doubles of the layout, times at which fields were set
   */
  constructor(side: 'user' | 'item', layout: ImageLayout, meaning: string, fieldTimes = 0) {
    const image = newImage(layout)
    this.f64 = image.f64
    this.u32 = image.u32
    this.f32 = image.f32
    this.#side = side
    this.#bytes = new Uint8Array(image.f64.buffer)
    this.#header = new Uint32Array(image.f64.buffer, 0, 2)
    this.#fingerprint = murmur3(`${side} ${meaning}`, formatVersion)
    this.#fieldTimes = image.f64.subarray(layout.doubles - fieldTimes)
    this.sizeBytes = this.#bytes.length
  }

  newState(): Uint8Array {
    this.#bytes.fill(0)
    this.#header.set([formatVersion, this.#fingerprint])
    this.#fieldTimes.fill(Number.NEGATIVE_INFINITY)
    return this.#bytes.slice()
  }

  /** @throws StateError where size, version or schema differ */
  load(state: Uint8Array): void {
    if (!(state instanceof Uint8Array)) throw new StateError(this.#side, 'is no Uint8Array')
    const isWithoutTimes = state.length === this.sizeBytes - this.#fieldTimes.byteLength
    if (state.length !== this.sizeBytes && !isWithoutTimes) {
      throw new StateError(this.#side, `has ${state.length} bytes where the schema makes ${this.sizeBytes}`)
    }
    if (isWithoutTimes) this.#addTimes(state)
    else this.#bytes.set(state)
    if (this.#header[0] !== formatVersion) {
      throw new StateError(
        this.#side,
        `has format version ${this.#header[0]} where this program reads ${formatVersion}`,
      )
    }
    if (this.#header[1] !== this.#fingerprint) throw new StateError(this.#side, 'was written under another schema')
  }

  /** @param state `sizeBytes` long */
  save(state: Uint8Array): void {
    state.set(this.#bytes)
  }

  /** Loads a state from before fields had times: each of them was set by the newest event at the latest. */
  #addTimes(state: Uint8Array): void {
    const timesAt = this.#fieldTimes.byteOffset
    this.#bytes.set(state.subarray(0, timesAt))
    this.#bytes.set(state.subarray(timesAt), timesAt + this.#fieldTimes.byteLength)
    this.#fieldTimes.fill(this.eventCount === 0 ? Number.NEGATIVE_INFINITY : this.lastEventMs)
  }

  get eventCount(): number {
    return this.f64[eventCountAt]
  }

  /** Time of the newest event; 0 before the first. */
  get lastEventMs(): number {
    return this.f64[lastEventAt]
  }

  /** Time of the newest event or field; −Infinity before the first. */
  get newestMs(): number {
    return Math.max(this.eventCount === 0 ? Number.NEGATIVE_INFINITY : this.lastEventMs, ...this.#fieldTimes)
  }

  /** Milliseconds since the newest event, 0 before the first and for a time before it. */
  elapsedMs(nowMs: number): number {
    return this.eventCount === 0 ? 0 : Math.max(0, nowMs - this.lastEventMs)
  }

  /** Counts an event; one that comes late does not turn the clock back. */
  advance(timeMs: number): void {
    this.f64[lastEventAt] = this.eventCount === 0 ? timeMs : Math.max(this.lastEventMs, timeMs)
    this.f64[eventCountAt] += 1
  }
}
