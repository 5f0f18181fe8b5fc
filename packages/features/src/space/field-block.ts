import type { BagLayout, SideBatch } from '../batch/batch.ts'
import { bucketSeed, seededBucket } from '../events/bucket.ts'
import type { LogEvent } from '../events/event.ts'
import { floatOf, idOf, idsOf, vectorOf } from '../events/event-values.ts'
import type { Field, Schema } from '../schema/schema.ts'
import { schemaDefaults } from '../schema/schema-defaults.ts'
import type { Image, ImageLayout } from './state-image.ts'

/**
 * The raw fields of some owners, held in an image (a user's state, or scratch for an item) and encoded from there, so
 * that both sides share one code. Missing values are zeros: in the image, and in the batch beside a flag of 1.
 */
export class FieldBlock {
  /** Dense columns: each float's or vector's values, then its missing flag. */
  readonly columns: readonly string[]
  readonly bags: readonly BagLayout[]
  readonly #numeric: NumericPlace[] = []
  readonly #categorical: BagPlace[] = []
  /** First double of the fields' times. */
  #timesAt = 0

  constructor(schema: Schema, owners: readonly Field['of'][], layout: ImageLayout) {
    for (const [index, field] of schema.fields.entries()) {
      if (!owners.includes(field.of)) continue
      if (field.type === 'float' || field.type === 'vector') this.#numeric.push(new NumericPlace(field, index, layout))
      else this.#categorical.push(new BagPlace(field, index, layout))
    }
    this.columns = this.#numeric.flatMap((place) => place.columns)
    this.bags = this.#categorical.map((place) => place.bag)
  }

  /** Keeps a time for each field, in the layout's next doubles. @returns their number */
  reserveTimes(layout: ImageLayout): number {
    const count = this.#numeric.length + this.#categorical.length
    this.#timesAt = layout.reserveDoubles(count)
    return count
  }

  /**
   * Writes an event's values into the image; a missing one leaves what is there.
   *
   * @throws EventError
   */
  put(image: Image, event: LogEvent): void {
    for (const place of this.#numeric) place.put(image, event)
    for (const place of this.#categorical) place.put(image, event)
  }

  /**
   * The same, for a block whose fields have times: a value older than the one that is there leaves it.
   *
   * @throws EventError
   */
  putNewer(image: Image, event: LogEvent): void {
    let at = this.#timesAt
    for (const places of [this.#numeric, this.#categorical]) {
      for (const place of places) {
        const isNewer = event.timeMs >= image.f64[at]
        // One that is passed over is checked all the same.
        if (place.put(isNewer ? image : null, event) && isNewer) image.f64[at] = event.timeMs
        at++
      }
    }
  }

  /** Encodes the image: dense columns from place `at` of the batch's array, bags from the batch's bag `firstBag`. */
  encode(image: Image, into: SideBatch, row: number, at: number, firstBag: number): void {
    for (const place of this.#numeric) {
      place.encode(image, into.dense, at)
      at += place.columns.length
    }
    for (let i = 0; i < this.#categorical.length; i++) {
      const { ids, lengths } = into.bags[firstBag + i]
      this.#categorical[i].encode(image, ids, lengths, row)
    }
  }
}

/** A float, or a vector. `put` writes its value, or only checks it where there is no image; it returns whether the event has one. */
class NumericPlace {
  /** The values' columns, then that of the missing flag. */
  readonly columns: readonly string[]
  readonly #field: Field
  readonly #index: number
  readonly #presentAt: number
  /** Of the first value: a float's among the doubles, a vector's among the words. */
  readonly #valuesAt: number

  constructor(field: Field, index: number, layout: ImageLayout) {
    const { name, type, size = 0 } = field
    const values = type === 'vector' ? Array.from({ length: size }, (_, k) => `${name}[${k}]`) : [name]
    this.columns = [...values, `${name}.missing`]
    this.#field = field
    this.#index = index
    this.#presentAt = layout.reserveWords(1)
    this.#valuesAt = type === 'vector' ? layout.reserveWords(size) : layout.reserveDoubles(1)
  }

  put(image: Image | null, event: LogEvent): boolean {
    const read = this.#field.type === 'vector' ? vectorOf : floatOf
    const value = read(event, this.#index, this.#field)
    if (value === null || Number.isNaN(value)) return false
    if (image === null) return true
    if (typeof value === 'number') image.f64[this.#valuesAt] = value
    else image.f32.set(value, this.#valuesAt)
    image.u32[this.#presentAt] = 1
    return true
  }

  encode(image: Image, out: Float32Array, at: number): void {
    const { type, center = 0, scale = 1 } = this.#field
    const size = this.columns.length - 1
    const present = image.u32[this.#presentAt] === 1
    const values = type === 'vector' ? image.f32 : image.f64
    for (let k = 0; k < size; k++) out[at + k] = present ? (values[this.#valuesAt + k] - center) / scale : 0
    out[at + size] = present ? 0 : 1
  }
}

/** An `id` is an `ids` of at most one value. A bag is never empty: where the value is missing it holds bucket 0. */
class BagPlace {
  readonly bag: BagLayout
  readonly #field: Field
  readonly #index: number
  readonly #seed: number
  readonly #lengthAt: number
  readonly #idsAt: number

  constructor(field: Field, index: number, layout: ImageLayout) {
    const maxValues = field.type === 'id' ? 1 : (field.maxValues ?? schemaDefaults.maxValues)
    this.bag = { name: field.name, buckets: field.buckets ?? schemaDefaults.buckets, maxValues }
    this.#field = field
    this.#index = index
    this.#seed = bucketSeed(field.name)
    this.#lengthAt = layout.reserveWords(1)
    this.#idsAt = layout.reserveWords(maxValues)
  }

  put(image: Image | null, event: LogEvent): boolean {
    const read = this.#field.type === 'id' ? idOf : idsOf
    const value = read(event, this.#index, this.#field)
    if (value === null) return false
    if (image === null) return true
    const ids = typeof value === 'string' ? [value] : value
    const { buckets, maxValues } = this.bag
    const count = Math.min(ids.length, maxValues)
    image.u32[this.#lengthAt] = count
    for (let i = 0; i < maxValues; i++)
      image.u32[this.#idsAt + i] = i < count ? seededBucket(this.#seed, ids[i], buckets) : 0
    return true
  }

  encode(image: Image, ids: Uint32Array, lengths: Uint32Array, row: number): void {
    const { maxValues } = this.bag
    for (let i = 0; i < maxValues; i++) ids[row * maxValues + i] = image.u32[this.#idsAt + i]
    lengths[row] = Math.max(1, image.u32[this.#lengthAt])
  }
}
