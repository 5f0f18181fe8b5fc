import { KeyError } from './errors.ts'
import { whereOf } from './numbers.ts'

const maxKeyBytes = 512
/** Tenants and models are few and named by people. */
const maxNameBytes = 128

/**
 * Checks a user's or an item's key: 1 … 512 bytes of UTF-8 without NUL, which separates the parts of a stored key.
 *
 * @throws KeyError
 */
export function checkKey(what: string, key: string, row: number): void {
  checkText(what, key, maxKeyBytes, row)
}

/** Checks a tenant's or a model's name: as a key, but at most 128 bytes. @throws KeyError */
export function checkName(what: string, name: string): void {
  checkText(what, name, maxNameBytes, -1)
}

function checkText(what: string, text: string, maxBytes: number, row: number): void {
  if (typeof text !== 'string') refuse(what, row, `is a ${typeof text}; give a string`)
  if (text.length === 0) refuse(what, row, `is empty; give 1 to ${maxBytes} bytes of UTF-8`)
  // A UTF-16 unit takes three bytes of UTF-8 at most, so that short keys need no count.
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) {
    refuse(what, row, `has ${Buffer.byteLength(text)} bytes, over the limit of ${maxBytes}; hash or shorten it`)
  }
  // One pass over the units: reads check every key, and a search with a regular expression costs more.
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0) refuse(what, row, 'holds a NUL character; remove it')
    if ((unit & 0xf800) !== 0xd800) continue
    const isPair = unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    if (!isPair) refuse(what, row, 'holds half a surrogate pair, which is no valid UTF-8; repair its encoding')
    i++
  }
}

function refuse(what: string, row: number, problem: string): never {
  throw new KeyError(`${what}${whereOf(row)} ${problem}`)
}
