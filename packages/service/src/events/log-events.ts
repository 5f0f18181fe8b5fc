import { WireError } from '@headwater/client/wire'
import type { FieldValue, LogEvent, Schema } from '@headwater/features'
import type { EventColumns } from '../messages/event-messages.ts'

/**
 * Columns of a request as events, in its order; a vector's list of numbers becomes an array. Their values are checked where
 * they are applied.
 *
 * @throws WireError `invalid_event` for a time ahead of the clock: the user's later events would count as older
 */
export function logEventsOf(given: EventColumns, schema: Schema, latestMs: number): readonly LogEvent[] {
  const { users, items, timesMs, ids, columns } = given
  return users.map((user, row) => {
    const timeMs = timesMs[row]
    if (timeMs > latestMs) {
      throw new WireError(
        'invalid_event',
        `timesMs[${row}] is ${timeMs}, ahead of the server's clock; check its unit, milliseconds`,
      )
    }
    const values = schema.fields.map(({ type }, i) => fieldValue(columns[i]?.[row] ?? null, type))
    const id = ids?.[row] ?? null
    return { row, user, item: items[row], timeMs, values, ...(id !== null && { id }) }
  })
}

/** A value as it travelled, as what a field of the type holds. */
export function fieldValue(value: unknown, type: Schema['fields'][number]['type']): FieldValue {
  const isNumbers = type === 'vector' && Array.isArray(value) && value.every((each) => typeof each === 'number')
  return isNumbers ? Float32Array.from(value as readonly number[]) : (value as FieldValue)
}
