/** The messages of `PUT /v1/users/{id}/features`. */

import { fieldOf, invalid, kindOf, objectAt } from '../codec/shape.ts'
import type { EventField, WireValue } from './events-message.ts'

export interface FeaturesMessage {
  /** By field of the schema, of those that describe the user; null leaves what is known. */
  readonly values: Readonly<Record<string, WireValue>>
  /** Since when they hold, milliseconds since 1970; what is known from later stays. Default: now. */
  readonly timeMs?: number
}

/**
 * Reads a body. Kinds of values are left to the feature space, which checks them anyway.
 *
 * @param fields those that describe a user
 * @param latestMs times after this are refused
 * @throws WireError `invalid_request`
 */
export function parseFeaturesMessage(
  body: unknown,
  fields: readonly EventField[],
  nowMs: number,
  latestMs: number,
): { readonly values: Readonly<Record<string, unknown>>; readonly timeMs: number } {
  const object = objectAt(body, 'the body', ['values', 'timeMs'])
  const names = fields.map(({ name }) => name)
  const values = objectAt(fieldOf(object, 'values'), 'values', names)
  const timeMs = fieldOf(object, 'timeMs') ?? nowMs
  if (typeof timeMs !== 'number' || !(Math.abs(timeMs) <= 8.64e15)) {
    throw invalid('timeMs', `is ${typeof timeMs === 'number' ? timeMs : kindOf(timeMs)}; give milliseconds since 1970`)
  }
  if (timeMs > latestMs) throw invalid('timeMs', "is ahead of the server's clock; check its unit, milliseconds")
  return { values, timeMs }
}
