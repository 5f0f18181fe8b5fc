import { type Field, maxMagnitude } from '../schema/schema.ts'
import type { FieldValue, LogEvent } from './event.ts'

/** Range of a JavaScript Date. */
const maxTimeMs = 8.64e15

/** An event that cannot be used: which row, which field, and what to do. */
export class EventError extends Error {
  override readonly name = 'EventError'
  readonly row: number
  readonly field: string
  readonly reason: string

  constructor(row: number, field: string, reason: string) {
    super(`event in row ${row}, field "${field}": ${reason}`)
    this.row = row
    this.field = field
    this.reason = reason
  }
}

/** Checks what does not belong to a field: item key, time and number of values. */
export function checkEvent(event: LogEvent, fields: readonly Field[]): void {
  if (typeof event.item !== 'string') throw new EventError(event.row, 'item', 'is no text; give the item key as text')
  if (!isTime(event.timeMs)) {
    throw new EventError(event.row, 'timeMs', `is ${event.timeMs}; give milliseconds since 1970`)
  }
  if (event.values.length !== fields.length) {
    const reason = `has ${event.values.length} entries; give one for each of the schema's ${fields.length} fields`
    throw new EventError(event.row, 'values', reason)
  }
}

export function isTime(timeMs: number): boolean {
  return typeof timeMs === 'number' && timeMs >= -maxTimeMs && timeMs <= maxTimeMs
}

/** The number in field `i`, NaN where it is missing. */
export function floatOf(event: LogEvent, i: number, field: Field): number {
  const value = event.values[i] as FieldValue
  if (value === null) return Number.NaN
  if (typeof value !== 'number' || !(Math.abs(value) <= maxMagnitude)) {
    throw new EventError(event.row, field.name, `is ${show(value)}; give a finite number or null`)
  }
  return value
}

/** The vector in field `i`, null where it is missing. */
export function vectorOf(event: LogEvent, i: number, field: Field): Float32Array | null {
  const value = event.values[i] as FieldValue
  if (value === null) return null
  if (!(value instanceof Float32Array) || value.length !== field.size) {
    throw new EventError(event.row, field.name, `is ${show(value)}; give a Float32Array of ${field.size} or null`)
  }
  for (let k = 0; k < value.length; k++) {
    if (!(Math.abs(value[k]) <= maxMagnitude)) {
      throw new EventError(event.row, field.name, `entry ${k} is ${value[k]}; give finite numbers`)
    }
  }
  return value
}

/** The text in `id` field `i`, null where it is missing. */
export function idOf(event: LogEvent, i: number, field: Field): string | null {
  const value = event.values[i] as FieldValue
  if (value !== null && typeof value !== 'string') {
    throw new EventError(event.row, field.name, `is ${show(value)}; give a text or null`)
  }
  return value
}

/** The texts in `ids` field `i`, null where it is missing. */
export function idsOf(event: LogEvent, i: number, field: Field): readonly string[] | null {
  const value = event.values[i] as FieldValue
  if (value === null) return null
  if (!Array.isArray(value))
    throw new EventError(event.row, field.name, `is ${show(value)}; give a list of texts or null`)
  for (const entry of value) {
    if (typeof entry !== 'string') {
      throw new EventError(event.row, field.name, `holds ${show(entry)}; give a list of texts or null`)
    }
  }
  return value
}

function show(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (value instanceof Float32Array) return `a vector of ${value.length}`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return `the text "${value.slice(0, 40)}"`
  return String(value)
}
