/** Checks of a message's shape that name the place of what is wrong. */
import { WireError } from './wire-error.ts'

const maxKeyBytes = 512

/** An object with no fields but the known ones. @throws WireError `invalid_request` */
export function objectAt(value: unknown, where: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw invalid(where, `is ${kindOf(value)}; give an object with ${known.join(', ')}`)
  }
  for (const name in value) {
    if (Object.hasOwn(value, name) && !known.includes(name))
      throw invalid(where, `has a field ${show(name)}; known are ${known.join(', ')}`)
  }
  return value as Readonly<Record<string, unknown>>
}

/** A field of the object's own. */
export function fieldOf(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** @throws WireError `invalid_request`, `batch_too_large` */
export function listAt(value: unknown, where: string, maxLength: number): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(where, `is ${kindOf(value)}; give a list`)
  if (value.length > maxLength) {
    throw new WireError(
      'batch_too_large',
      `${where} has ${value.length} entries, over the limit of ${maxLength}; send it in slices`,
    )
  }
  return value
}

/** Keys of users or items: texts of 1 … 512 bytes. @throws WireError `invalid_request`, `invalid_key`, `batch_too_large` */
export function keysAt(value: unknown, where: string, maxLength: number): readonly string[] {
  const list = listAt(value, where, maxLength)
  for (let i = 0; i < list.length; i++) checkKey(list[i], where, i)
  return list as readonly string[]
}

/**
 * A column of texts as keys are, each of which may be null; null where there is no column.
 *
 * @throws WireError `invalid_request`, `invalid_key`
 */
export function textsAt(value: unknown, where: string, rows: number, one: string): readonly (string | null)[] | null {
  if (value === undefined || value === null) return null
  const list = listAt(value, where, Number.POSITIVE_INFINITY)
  if (list.length !== rows) {
    throw invalid(where, `has ${list.length} entries, users has ${rows}; give one ${one}, or null`)
  }
  for (let i = 0; i < rows; i++) if (list[i] !== null) checkKey(list[i], where, i)
  return list as readonly (string | null)[]
}

/** @param row −1 where the place is the key's own. @throws WireError `invalid_request`, `invalid_key` */
export function checkKey(key: unknown, where: string, row: number): asserts key is string {
  if (typeof key !== 'string') throw invalid(placeOf(where, row), `is ${kindOf(key)}; give a text`)
  if (key.length === 0) throw invalidKey(placeOf(where, row), 'is empty')
  if (key.length * 3 > maxKeyBytes && new TextEncoder().encode(key).length > maxKeyBytes) {
    throw invalidKey(placeOf(where, row), `has more than ${maxKeyBytes} bytes`)
  }
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit === 0) throw invalidKey(placeOf(where, row), 'holds a NUL character')
    if ((unit & 0xf800) !== 0xd800) continue
    const isPair = unit < 0xdc00 && (key.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    if (!isPair) throw invalidKey(placeOf(where, row), 'holds half a surrogate pair')
    i++
  }
}

function placeOf(where: string, row: number): string {
  return row < 0 ? where : `${where}[${row}]`
}

export function kindOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (ArrayBuffer.isView(value)) return 'binary'
  return `a ${typeof value}`
}

export function invalid(where: string, problem: string): WireError {
  return new WireError('invalid_request', `${where} ${problem}`)
}

function invalidKey(where: string, problem: string): WireError {
  return new WireError('invalid_key', `${where} ${problem}; give 1 to ${maxKeyBytes} bytes of UTF-8 without NUL`)
}

/** A text of the request's, cut short for a message. */
export function show(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
