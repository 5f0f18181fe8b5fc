/** The messages of `POST /v1/events`. E events, as columns: one entry an event in each list. */
import { arrayAt } from '../codec/binary.ts'
import { type MessageLimits, maxDepth } from '../codec/message-limits.ts'
import { fieldOf, invalid, keysAt, kindOf, listAt, objectAt, show, textsAt } from '../codec/shape.ts'
import { WireError } from '../codec/wire-error.ts'

/** A field of an event as it travels: a number, a text, a list of texts or of numbers, or nothing. */
export type WireValue = number | string | null | readonly string[] | readonly number[]

export interface EventsMessage {
  /** [E] */
  readonly users: readonly string[]
  /** [E] */
  readonly items: readonly string[]
  /** [E] milliseconds since 1970. */
  readonly timesMs: readonly number[] | Float64Array
  /** [E] an id of each event, by which one that is sent again is known; null: it has none. Absent: none has. */
  readonly ids?: readonly (string | null)[]
  /** By field of the schema, [E] each; a field that is left out is missing in all events. */
  readonly fields: Readonly<Record<string, readonly WireValue[]>>
}

export interface EventLimits {
  readonly maxEvents: number
  /** Values of one body, the entries of lists among them. */
  readonly maxEventValues: number
}

export function eventLimits({ maxEventValues }: EventLimits): MessageLimits {
  return { maxDepth, maxValues: maxEventValues }
}

/** What the schema says of a field, as far as its values' kind goes. */
export interface EventField {
  readonly name: string
  readonly type: 'float' | 'id' | 'ids' | 'vector'
}

/** A parsed body: `columns[i]`, [E], are the values of `fields[i]`, null where the field was left out. */
export interface EventColumns {
  readonly users: readonly string[]
  readonly items: readonly string[]
  readonly timesMs: ArrayLike<number>
  readonly ids: readonly (string | null)[] | null
  readonly columns: readonly (readonly unknown[] | null)[]
}

/**
 * Reads a body. Kinds of values, and what is in them, are left to the feature space, which checks them anyway.
 *
 * @throws WireError `invalid_request`, `invalid_key`, `invalid_event`, `batch_too_large`
 */
export function parseEventsMessage(body: unknown, fields: readonly EventField[], limits: EventLimits): EventColumns {
  const object = objectAt(body, 'the body', ['users', 'items', 'timesMs', 'ids', 'fields'])
  const users = keysAt(fieldOf(object, 'users'), 'users', limits.maxEvents)
  const items = keysAt(fieldOf(object, 'items'), 'items', limits.maxEvents)
  const rows = users.length
  if (items.length !== rows) throw invalid('items', `has ${items.length} entries, users has ${rows}; give one an event`)
  const timesMs = timesAt(fieldOf(object, 'timesMs'), rows)
  const ids = textsAt(fieldOf(object, 'ids'), 'ids', rows, 'an event')
  const given = fieldOf(object, 'fields') ?? {}
  const names = fields.map(({ name }) => name)
  const columns = objectAt(given, 'fields', names)
  return { users, items, timesMs, ids, columns: names.map((name) => columnAt(fieldOf(columns, name), name, rows)) }
}

function timesAt(value: unknown, rows: number): ArrayLike<number> {
  if (value instanceof Uint8Array) {
    const times = arrayAt(value, 'timesMs', Float64Array, rows)
    for (const [i, timeMs] of times.entries()) checkTime(timeMs, i)
    return times
  }
  const list = listAt(value, 'timesMs', Number.POSITIVE_INFINITY)
  if (list.length !== rows) throw invalid('timesMs', `has ${list.length} entries, users has ${rows}; give one an event`)
  // An integer beyond 2^53 is unpacked as a bigint.
  for (const [i, timeMs] of list.entries()) checkTime(timeMs, i)
  return list as readonly number[]
}

function checkTime(timeMs: unknown, i: number): void {
  if (typeof timeMs === 'number' && Math.abs(timeMs) <= 8.64e15) return
  const given = typeof timeMs === 'number' ? String(timeMs) : kindOf(timeMs)
  throw new WireError('invalid_event', `timesMs[${i}] is ${given}; give milliseconds since 1970`)
}

function columnAt(value: unknown, name: string, rows: number): readonly unknown[] | null {
  if (value === undefined || value === null) return null
  const where = `fields[${show(name)}]`
  const list = listAt(value, where, Number.POSITIVE_INFINITY)
  if (list.length !== rows) throw invalid(where, `has ${list.length} entries, users has ${rows}; give one an event`)
  return list
}
