import type { SideBatch, SideLayout } from '../batch/batch.ts'
import { bucketSeed, seededBucket } from '../events/bucket.ts'
import type { LogEvent } from '../events/event.ts'
import { idOf } from '../events/event-values.ts'
import type { CalendarPart, Field, Schema, SequenceFeature } from '../schema/schema.ts'
import { schemaDefaults } from '../schema/schema-defaults.ts'
import { decayPerMs, logSeconds } from './aggregator.ts'
import { calendarBag, calendarBucket } from './calendar.ts'
import type { ImageLayout, StateImage } from './state-image.ts'

/** Bits of the float32 NaN that marks a missing value inside a state; it is never encoded. */
const missingBits = 0x7fc00000

/** A category's field and the place of its L bucketed ids among a state's words. */
interface CategoryPlace {
  readonly field: Field
  readonly index: number
  readonly seed: number
  readonly buckets: number
  readonly idsAt: number
}

const double = new Float64Array(1)
const doubleWords = new Uint32Array(double.buffer)

function copyDouble(from: Float64Array, index: number, into: Uint32Array, at: number): void {
  double[0] = from[index]
  into[at] = doubleWords[0]
  into[at + 1] = doubleWords[1]
}

function doubleOf(words: Uint32Array, at: number): number {
  doubleWords[0] = words[at]
  doubleWords[1] = words[at + 1]
  return double[0]
}

/** Scaled value, log(1 + seconds from the event to now) ÷ 16, and 1 where the value is missing. */
const ownChannels = 3

/**
 * The last L events of a user as a ring in their state. Event number n lies in place n mod L, so the header's event
 * count is the ring's only cursor. Shape letters: R rows, L length, C channels.
 */
export class SequenceRing {
  /**
   * Its C channels: scaled value, log(1 + seconds from the event to now) ÷ 16, 1 where the value is missing; the scaled residual, 0
   * where the value is missing, if it is asked for; then the weights,
   * 2^(−age ÷ each half-life) and the scaled value times each of these.
   */
  readonly layout: NonNullable<SideLayout['sequence']>
  /** Of an event as `copyEvents` gives it: its time (two), item, value, residual where it has one, and categories. */
  readonly eventWords: number
  readonly #sequence: SequenceFeature
  readonly #seed = bucketSeed('item')
  readonly #timesAt: number
  readonly #idsAt: number
  readonly #valuesAt: number
  /** −1 without residuals. */
  readonly #residualsAt: number
  readonly #places: readonly CategoryPlace[]
  readonly #decaysPerMs: readonly number[]
  readonly #calendar: readonly CalendarPart[]

  /** @param schema a checked one */
  constructor(sequence: SequenceFeature, schema: Schema, layout: ImageLayout) {
    this.#sequence = sequence
    this.#timesAt = layout.reserveDoubles(sequence.length)
    this.#idsAt = layout.reserveWords(sequence.length)
    this.#valuesAt = layout.reserveWords(sequence.length)
    this.#residualsAt = sequence.residual ? layout.reserveWords(sequence.length) : -1
    this.#places = (sequence.categories ?? []).map((name) => {
      const index = schema.fields.findIndex((field) => field.name === name)
      const field = schema.fields[index]
      const buckets = field.buckets ?? schemaDefaults.buckets
      return { field, index, seed: bucketSeed(name), buckets, idsAt: layout.reserveWords(sequence.length) }
    })
    this.#decaysPerMs = (sequence.halfLivesDays ?? []).map(decayPerMs)
    this.#calendar = sequence.calendar ?? []
    const { length, buckets } = sequence
    const weights = 2 * this.#decaysPerMs.length
    const residuals = sequence.residual ? 1 : 0
    const categories = [
      ...this.#places.map(({ field, buckets }) => ({ name: field.name, buckets })),
      ...this.#calendar.map((part) => ({ name: part, buckets: calendarBag(part).buckets })),
    ]
    this.layout = { length, buckets, channels: ownChannels + residuals + weights, weights, categories }
    this.eventWords = 4 + residuals + this.#places.length
  }

  /**
   * Stores an event that the header does not count yet.
   *
   * @param value the sequence's outcome, NaN where it is missing
   * @param residual of it, NaN likewise
   * @throws EventError
   */
  push(state: StateImage, event: LogEvent, value: number, residual: number): void {
    const { length, buckets } = this.#sequence
    const place = state.eventCount % length
    state.f64[this.#timesAt + place] = event.timeMs
    state.u32[this.#idsAt + place] = seededBucket(this.#seed, event.item, buckets)
    if (Number.isNaN(value)) state.u32[this.#valuesAt + place] = missingBits
    else state.f32[this.#valuesAt + place] = value
    if (this.#residualsAt >= 0) state.f32[this.#residualsAt + place] = Number.isNaN(residual) ? 0 : residual
    for (const category of this.#places) {
      const id = idOf(event, category.index, category.field)
      // Bucket 0 stands for a missing value, as in a bag.
      state.u32[category.idsAt + place] = id === null ? 0 : seededBucket(category.seed, id, category.buckets)
    }
  }

  /** Copies the words of events `from … to − 1`, by their numbers, which are among the state's last L. */
  copyEvents(state: StateImage, from: number, to: number, into: Uint32Array): void {
    const { length } = this.#sequence
    let at = 0
    for (let n = from; n < to; n++) {
      const place = n % length
      copyDouble(state.f64, this.#timesAt + place, into, at)
      into[at + 2] = state.u32[this.#idsAt + place]
      into[at + 3] = state.u32[this.#valuesAt + place]
      at += 4
      if (this.#residualsAt >= 0) into[at++] = state.u32[this.#residualsAt + place]
      for (const { idsAt } of this.#places) into[at++] = state.u32[idsAt + place]
    }
  }

  /** Makes the words of `count` events, L at most, a state's first ones; the header does not count them. */
  putEvents(state: StateImage, events: Uint32Array, count: number): void {
    let at = 0
    for (let place = 0; place < count; place++) {
      state.f64[this.#timesAt + place] = doubleOf(events, at)
      state.u32[this.#idsAt + place] = events[at + 2]
      state.u32[this.#valuesAt + place] = events[at + 3]
      at += 4
      if (this.#residualsAt >= 0) state.u32[this.#residualsAt + place] = events[at++]
      for (const { idsAt } of this.#places) state.u32[idsAt + place] = events[at++]
    }
  }

  /**
   * Encodes one row, in the order of arrival, oldest first.
   * @param count of the state's events, that of its header by default
   */
  encode(
    state: StateImage,
    into: NonNullable<SideBatch['sequence']>,
    row: number,
    nowMs: number,
    count = state.eventCount,
  ): void {
    const { length, center = 0, scale = 1 } = this.#sequence
    const { channels: C, weights } = this.layout
    const { ids, channels, lengths } = into
    const kept = Math.min(count, length)
    const first = (count - kept) % length
    let place = first
    let idAt = row * length
    let channelAt = idAt * C
    for (let i = 0; i < kept; i++) {
      const missing = state.u32[this.#valuesAt + place] === missingBits
      ids[idAt++] = state.u32[this.#idsAt + place]
      const value = missing ? 0 : (state.f32[this.#valuesAt + place] - center) / scale
      channels[channelAt++] = value
      const ageMs = Math.max(0, nowMs - state.f64[this.#timesAt + place])
      channels[channelAt++] = logSeconds(ageMs)
      channels[channelAt++] = missing ? 1 : 0
      if (this.#residualsAt >= 0) channels[channelAt++] = state.f32[this.#residualsAt + place] / scale
      const halfLives = this.#decaysPerMs.length
      for (let k = 0; k < halfLives; k++) {
        const weight = Math.exp(-this.#decaysPerMs[k] * ageMs)
        channels[channelAt + k] = weight
        channels[channelAt + halfLives + k] = value * weight
      }
      channelAt += weights
      if (++place === length) place = 0
    }
    ids.fill(0, idAt, (row + 1) * length)
    channels.fill(0, channelAt, (row + 1) * length * C)
    lengths[row] = kept
    for (let k = 0; k < this.#places.length; k++) {
      const { idsAt } = this.#places[k]
      const out = into.categories[k]
      for (let i = 0; i < kept; i++) out[row * length + i] = state.u32[idsAt + ((first + i) % length)]
      out.fill(0, row * length + kept, (row + 1) * length)
    }
    for (let k = 0; k < this.#calendar.length; k++) {
      const out = into.categories[this.#places.length + k]
      for (let i = 0; i < kept; i++) {
        const timeMs = state.f64[this.#timesAt + ((first + i) % length)]
        out[row * length + i] = calendarBucket(this.#calendar[k], timeMs)
      }
      out.fill(0, row * length + kept, (row + 1) * length)
    }
  }
}
