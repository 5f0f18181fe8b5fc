import { logSeconds } from './aggregator.ts'
import type { SideBatch } from './batch.ts'
import { bucketSeed, seededBucket } from './bucket.ts'
import type { SequenceFeature } from './schema.ts'
import type { ImageLayout, StateImage } from './state-image.ts'

/** Bits of the float32 NaN that marks a missing value inside a state; it is never encoded. */
const missingBits = 0x7fc00000

/**
 * The last L events of a user as a ring in their state. Event number n lies in place n mod L, so the header's event
 * count is the ring's only cursor. Shape letters: R rows, L length, C channels.
 */
export class SequenceRing {
  /** C: scaled value, log(1 + seconds from the event to now) ÷ 16, and 1 where the value is missing. */
  static readonly channels = 3
  readonly #sequence: SequenceFeature
  readonly #seed = bucketSeed('item')
  readonly #timesAt: number
  readonly #idsAt: number
  readonly #valuesAt: number

  constructor(sequence: SequenceFeature, layout: ImageLayout) {
    this.#sequence = sequence
    this.#timesAt = layout.reserveDoubles(sequence.length)
    this.#idsAt = layout.reserveWords(sequence.length)
    this.#valuesAt = layout.reserveWords(sequence.length)
  }

  /** Stores an event that the header does not count yet. */
  push(state: StateImage, item: string, value: number, timeMs: number): void {
    const { length, buckets } = this.#sequence
    const place = state.eventCount % length
    state.f64[this.#timesAt + place] = timeMs
    state.u32[this.#idsAt + place] = seededBucket(this.#seed, item, buckets)
    if (Number.isNaN(value)) state.u32[this.#valuesAt + place] = missingBits
    else state.f32[this.#valuesAt + place] = value
  }

  /** Encodes one row, in the order of arrival, oldest first. */
  encode(state: StateImage, into: NonNullable<SideBatch['sequence']>, row: number, nowMs: number): void {
    const { length, center = 0, scale = 1 } = this.#sequence
    const { ids, channels, lengths } = into
    const count = state.eventCount
    const kept = Math.min(count, length)
    let place = (count - kept) % length
    let idAt = row * length
    let channelAt = idAt * SequenceRing.channels
    for (let i = 0; i < kept; i++) {
      const missing = state.u32[this.#valuesAt + place] === missingBits
      ids[idAt++] = state.u32[this.#idsAt + place]
      channels[channelAt++] = missing ? 0 : (state.f32[this.#valuesAt + place] - center) / scale
      channels[channelAt++] = logSeconds(Math.max(0, nowMs - state.f64[this.#timesAt + place]))
      channels[channelAt++] = missing ? 1 : 0
      if (++place === length) place = 0
    }
    ids.fill(0, idAt, (row + 1) * length)
    channels.fill(0, channelAt, (row + 1) * length * SequenceRing.channels)
    lengths[row] = kept
  }
}
