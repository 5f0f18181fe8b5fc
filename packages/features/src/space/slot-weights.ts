import type { LogEvent } from '../events/event.ts'
import { EventError, idsOf, vectorOf } from '../events/event-values.ts'
import type { Schema } from '../schema/schema.ts'
import { schemaDefaults } from '../schema/schema-defaults.ts'

/** How much one event weighs in each slot of a `by`. Shape letter: S slots. */
export interface SlotWeights {
  /** Names of the S slots, empty text for the only slot of an aggregation without `by`. */
  readonly names: readonly string[]
  /** Slots of weight above 0 in the event last read: places 0 … active − 1. */
  readonly slots: Int32Array
  readonly weights: Float64Array
  readonly active: number
  /** @throws EventError */
  read(event: LogEvent): void
}

/** One slot, weight 1 for every event. */
export const singleSlot: SlotWeights = {
  names: [''],
  slots: new Int32Array(1),
  weights: new Float64Array([1]),
  active: 1,
  read: () => {},
}

/** Weights from the item field named `by`: 1 for each category, or the vector's entries. */
export function slotWeightsBy(schema: Schema, by: string): SlotWeights {
  const fieldIndex = schema.fields.findIndex((field) => field.name === by)
  return schema.fields[fieldIndex].type === 'vector'
    ? new VectorWeights(schema, fieldIndex)
    : new CategoryWeights(schema, fieldIndex)
}

class VectorWeights implements SlotWeights {
  readonly names: readonly string[]
  readonly slots: Int32Array
  readonly weights: Float64Array
  active = 0
  readonly #field: Schema['fields'][number]
  readonly #fieldIndex: number

  constructor(schema: Schema, fieldIndex: number) {
    this.#field = schema.fields[fieldIndex]
    this.#fieldIndex = fieldIndex
    this.names = Array.from({ length: this.#field.size ?? 0 }, (_, slot) => String(slot))
    this.slots = new Int32Array(this.names.length)
    this.weights = new Float64Array(this.names.length)
  }

  read(event: LogEvent): void {
    const vector = vectorOf(event, this.#fieldIndex, this.#field)
    this.active = 0
    if (vector === null) return
    for (let slot = 0; slot < vector.length; slot++) {
      const weight = vector[slot]
      if (weight < 0) {
        const reason = `entry ${slot} is ${weight}; a vector used in "by" holds weights, give none below 0`
        throw new EventError(event.row, this.#field.name, reason)
      }
      if (weight === 0) continue
      this.slots[this.active] = slot
      this.weights[this.active++] = weight
    }
  }
}

class CategoryWeights implements SlotWeights {
  readonly names: readonly string[]
  readonly slots: Int32Array
  readonly weights: Float64Array
  active = 0
  readonly #field: Schema['fields'][number]
  readonly #fieldIndex: number
  readonly #maxValues: number
  readonly #slotOf: ReadonlyMap<string, number>

  constructor(schema: Schema, fieldIndex: number) {
    this.#field = schema.fields[fieldIndex]
    this.#fieldIndex = fieldIndex
    this.#maxValues = this.#field.maxValues ?? schemaDefaults.maxValues
    const values = this.#field.values ?? []
    this.#slotOf = new Map(values.map((value, slot) => [value, slot]))
    this.names = [...values, '*']
    this.slots = new Int32Array(this.names.length)
    this.weights = new Float64Array(this.names.length).fill(1)
  }

  read(event: LogEvent): void {
    const ids = idsOf(event, this.#fieldIndex, this.#field)
    this.active = 0
    if (ids === null) return
    const count = Math.min(ids.length, this.#maxValues)
    for (let i = 0; i < count; i++) {
      const slot = this.#slotOf.get(ids[i]) ?? this.names.length - 1
      let seen = 0
      while (seen < this.active && this.slots[seen] !== slot) seen++
      if (seen === this.active) this.slots[this.active++] = slot
    }
  }
}
