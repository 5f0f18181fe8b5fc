/** Requests that bring fields of the model's schema: which these are, and of what length, is known here alone. */
import { messages } from '@headwater/client/schemas'
import {
  fieldOf,
  invalid,
  listAt,
  type MessageLimits,
  maxDepth,
  objectAt,
  show,
  WireError,
} from '@headwater/client/wire'
import type { FieldValue, LogEvent, Schema } from '@headwater/features'
import type { ServerLimits } from '../requests/limits.ts'
import { checkOf } from './message-check.ts'

type Field = Pick<Schema['fields'][number], 'name' | 'type'>

export function columnLimits({ maxEventValues }: Pick<ServerLimits, 'maxEventValues'>): MessageLimits {
  return { maxDepth, maxValues: maxEventValues }
}

const checkEvents = checkOf(messages.EventsRequest)

/**
 * Reads a body, as events in its order. Kinds of the fields' values, and what is in them, are left to the feature space, which
 * checks them where they are applied.
 *
 * @param latestMs times after this are refused: the user's later events would count as older
 * @throws WireError `invalid_request`, `invalid_key`, `invalid_event`, `batch_too_large`
 */
export function parseEventsMessage(
  body: unknown,
  fields: readonly Field[],
  limits: Pick<ServerLimits, 'maxEvents'>,
  latestMs: number,
): readonly LogEvent[] {
  const { users, items, timesMs, ids, fields: given } = checkEvents(body, limits)
  const held = valuesOf(given ?? {}, 'fields', fields)
  const columns = fields.map(({ name }) => columnAt(held[name], name, users.length))
  return users.map((user, row) => {
    const timeMs = timesMs[row]
    if (timeMs > latestMs) {
      const problem = `timesMs[${row}] is ${timeMs}, ahead of the server's clock`
      throw new WireError('invalid_event', `${problem}; check its unit, milliseconds`)
    }
    const values = fields.map(({ type }, i) => fieldValue(columns[i]?.[row] ?? null, type))
    const id = ids?.[row] ?? null
    return { row, user, item: items[row], timeMs, values, ...(id !== null && { id }) }
  })
}

function columnAt(value: unknown, name: string, rows: number): readonly unknown[] | null {
  if (value === undefined || value === null) return null
  const where = `fields[${show(name)}]`
  const list = listAt(value, where, Number.POSITIVE_INFINITY)
  if (list.length !== rows) throw invalid(where, `has ${list.length} entries, users has ${rows}; give one an event`)
  return list
}

const checkFeatures = checkOf(messages.FeaturesRequest)

/**
 * Reads a body. Kinds of values are left to the feature space, which checks them anyway.
 *
 * @param fields those that describe a user
 * @param latestMs times after this are refused
 * @throws WireError `invalid_request`
 */
export function parseFeaturesMessage(body: unknown, fields: readonly Field[], nowMs: number, latestMs: number) {
  const { values: given, timeMs: givenMs } = checkFeatures(body)
  const timeMs = givenMs ?? nowMs
  if (timeMs > latestMs) throw invalid('timeMs', "is ahead of the server's clock; check its unit, milliseconds")
  const held = valuesOf(given, 'values', fields)
  const values: Record<string, FieldValue> = {}
  for (const { name, type } of fields) if (name in held) values[name] = fieldValue(held[name], type)
  return { values, timeMs }
}

/** A value as it travelled, as what a field of the type holds: a vector's list of numbers becomes an array. */
function fieldValue(value: unknown, type: Field['type']): FieldValue {
  const isNumbers = type === 'vector' && Array.isArray(value) && value.every((each) => typeof each === 'number')
  return isNumbers ? Float32Array.from(value as readonly number[]) : (value as FieldValue)
}

/** By name, those that were given. */
function valuesOf(given: unknown, where: string, fields: readonly Field[]): Readonly<Record<string, unknown>> {
  const names = fields.map(({ name }) => name)
  const object = objectAt(given, where, names)
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = fieldOf(object, name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
