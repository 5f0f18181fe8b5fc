import type { LogEvent } from '../events/event.ts'
import { EventError, idsOf, vectorOf } from '../events/event-values.ts'
import type { Field, Schema } from '../schema/schema.ts'
import { schemaDefaults } from '../schema/schema-defaults.ts'

/** How much one event weighs in each slot of a `by`. Shape letter: S slots. */
export interface SlotWeights {
  /** Names of the S slots, empty text for the only slot of an aggregation without `by`. */
  readonly names: readonly string[]
  /** Slots of weight above 0 in the event last read: places 0 … active − 1. */
  readonly slots: Int32Array
  readonly weights: Float64Array
  active: number
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
  const index = schema.fields.findIndex((field) => field.name === by)
  const field = schema.fields[index]
  return field.type === 'vector' ? vectorWeights(field, index) : categoryWeights(field, index)
}

function vectorWeights(field: Field, index: number): SlotWeights {
  const names = Array.from({ length: field.size ?? 0 }, (_, slot) => String(slot))
  const slots = new Int32Array(names.length)
  const weights = new Float64Array(names.length)
  return {
    names,
    slots,
    weights,
    active: 0,
    read(event) {
      const vector = vectorOf(event, index, field)
      this.active = 0
      if (vector === null) return
      for (let slot = 0; slot < vector.length; slot++) {
        const weight = vector[slot]
        if (weight < 0) {
          const reason = `entry ${slot} is ${weight}; a vector used in "by" holds weights, give none below 0`
          throw new EventError(event.row, field.name, reason)
        }
        if (weight === 0) continue
        slots[this.active] = slot
        weights[this.active++] = weight
      }
    },
  }
}

function categoryWeights(
  { values = [], maxValues = schemaDefaults.maxValues, ...field }: Field,
  index: number,
): SlotWeights {
  const slotOf = new Map(values.map((value, slot) => [value, slot]))
  const names = [...values, '*']
  const slots = new Int32Array(names.length)
  return {
    names,
    slots,
    weights: new Float64Array(names.length).fill(1),
    active: 0,
    read(event) {
      const ids = idsOf(event, index, field)
      this.active = 0
      if (ids === null) return
      for (let i = 0; i < Math.min(ids.length, maxValues); i++) {
        const slot = slotOf.get(ids[i]) ?? names.length - 1
        let seen = 0
        while (seen < this.active && slots[seen] !== slot) seen++
        if (seen === this.active) slots[this.active++] = slot
      }
    },
  }
}
