/** Requests that bring fields of the model's schema: which these are, and of what length, is known here alone. */
import { messages } from '@headwater/client/schemas'
import { fieldOf, invalid, listAt, type MessageLimits, maxDepth, objectAt, show } from '@headwater/client/wire'
import type { Schema } from '@headwater/features'
import type { ServerLimits } from '../requests/limits.ts'
import { checkOf } from './message-check.ts'

type Field = Pick<Schema['fields'][number], 'name'>

/** E events: `columns[i]`, [E], are the values of the schema's field i, null where it was left out. */
export interface EventColumns {
  readonly users: readonly string[]
  readonly items: readonly string[]
  readonly timesMs: ArrayLike<number>
  readonly ids: readonly (string | null)[] | null
  readonly columns: readonly (readonly unknown[] | null)[]
}

/** Values of a body of columns. */
export function columnLimits({ maxEventValues }: Pick<ServerLimits, 'maxEventValues'>): MessageLimits {
  return { maxDepth, maxValues: maxEventValues }
}

const checkEvents = checkOf(messages.EventsRequest)

/**
 * Reads a body. Kinds of the fields' values, and what is in them, are left to the feature space, which checks them anyway.
 *
 * @throws WireError `invalid_request`, `invalid_key`, `invalid_event`, `batch_too_large`
 */
export function parseEventsMessage(
  body: unknown,
  fields: readonly Field[],
  limits: Pick<ServerLimits, 'maxEvents'>,
): EventColumns {
  const { users, items, timesMs, ids = null, fields: given } = checkEvents(body, limits)
  const columns = valuesOf(given ?? {}, 'fields', fields)
  return { users, items, timesMs, ids, columns: fields.map(({ name }) => columnAt(columns[name], name, users.length)) }
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
  const { values, timeMs: givenMs } = checkFeatures(body)
  const timeMs = givenMs ?? nowMs
  if (timeMs > latestMs) throw invalid('timeMs', "is ahead of the server's clock; check its unit, milliseconds")
  return { values: valuesOf(values, 'values', fields), timeMs }
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
