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
  readonly #numeric: readonly (FloatPlace | VectorPlace)[]
  readonly #categorical: readonly BagPlace[]
  /** First double of the fields' times. */
  #timesAt = 0

  constructor(schema: Schema, owners: readonly Field['of'][], layout: ImageLayout) {
    const numeric: (FloatPlace | VectorPlace)[] = []
    const categorical: BagPlace[] = []
    schema.fields.forEach((field, index) => {
      if (!owners.includes(field.of)) return
      if (field.type === 'float') numeric.push(new FloatPlace(field, index, layout))
      else if (field.type === 'vector') numeric.push(new VectorPlace(field, index, layout))
      else categorical.push(new BagPlace(field, index, layout))
    })
    this.#numeric = numeric
    this.#categorical = categorical
    this.columns = numeric.flatMap((place) => place.columns)
    this.bags = categorical.map((place) => place.bag)
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

/** `put` writes a field's value, or only checks it where there is no image; it returns whether the event has one. */
class FloatPlace {
  readonly columns: readonly string[]
  readonly #field: Field
  readonly #index: number
  readonly #valueAt: number
  readonly #presentAt: number
  readonly #center: number
  readonly #scale: number

  constructor(field: Field, index: number, layout: ImageLayout) {
    this.columns = [field.name, `${field.name}.missing`]
    this.#field = field
    this.#index = index
    this.#valueAt = layout.reserveDoubles(1)
    this.#presentAt = layout.reserveWords(1)
    this.#center = field.center ?? 0
    this.#scale = field.scale ?? 1
  }

  put(image: Image | null, event: LogEvent): boolean {
    const value = floatOf(event, this.#index, this.#field)
    if (Number.isNaN(value)) return false
    if (image === null) return true
    image.f64[this.#valueAt] = value
    image.u32[this.#presentAt] = 1
    return true
  }

  encode(image: Image, out: Float32Array, at: number): void {
    const present = image.u32[this.#presentAt] === 1
    out[at] = present ? (image.f64[this.#valueAt] - this.#center) / this.#scale : 0
    out[at + 1] = present ? 0 : 1
  }
}

class VectorPlace {
  readonly columns: readonly string[]
  readonly #field: Field
  readonly #index: number
  readonly #size: number
  readonly #valuesAt: number
  readonly #presentAt: number
  readonly #center: number
  readonly #scale: number

  constructor(field: Field, index: number, layout: ImageLayout) {
    this.#field = field
    this.#index = index
    this.#size = field.size ?? 0
    this.columns = [...Array.from({ length: this.#size }, (_, k) => `${field.name}[${k}]`), `${field.name}.missing`]
    this.#presentAt = layout.reserveWords(1)
    this.#valuesAt = layout.reserveWords(this.#size)
    this.#center = field.center ?? 0
    this.#scale = field.scale ?? 1
  }

  put(image: Image | null, event: LogEvent): boolean {
    const vector = vectorOf(event, this.#index, this.#field)
    if (vector === null) return false
    image?.f32.set(vector, this.#valuesAt)
    if (image !== null) image.u32[this.#presentAt] = 1
    return true
  }

  encode(image: Image, out: Float32Array, at: number): void {
    const present = image.u32[this.#presentAt] === 1
    for (let k = 0; k < this.#size; k++) {
      out[at + k] = present ? (image.f32[this.#valuesAt + k] - this.#center) / this.#scale : 0
    }
    out[at + this.#size] = present ? 0 : 1
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
    if (this.#field.type === 'id') {
      const id = idOf(event, this.#index, this.#field)
      if (id === null) return false
      if (image === null) return true
      image.u32[this.#lengthAt] = 1
      image.u32[this.#idsAt] = seededBucket(this.#seed, id, this.bag.buckets)
      return true
    }
    const ids = idsOf(event, this.#index, this.#field)
    if (ids === null) return false
    if (image === null) return true
    const count = Math.min(ids.length, this.bag.maxValues)
    image.u32[this.#lengthAt] = count
    for (let i = 0; i < this.bag.maxValues; i++) {
      image.u32[this.#idsAt + i] = i < count ? seededBucket(this.#seed, ids[i], this.bag.buckets) : 0
    }
    return true
  }

  encode(image: Image, ids: Uint32Array, lengths: Uint32Array, row: number): void {
    const { maxValues } = this.bag
    for (let i = 0; i < maxValues; i++) ids[row * maxValues + i] = image.u32[this.#idsAt + i]
    lengths[row] = Math.max(1, image.u32[this.#lengthAt])
  }
}
