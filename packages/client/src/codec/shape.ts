/** Checks of a message's shape that name the place of what is wrong. */
import { WireError } from './wire-error.ts'

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

/** A text of the request's, cut short for a message. */
export function show(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
