import { KeyError } from './errors.ts'

export const maxKeyBytes = 512
/** Tenants and models are few and named by people. */
export const maxNameBytes = 128

const loneSurrogate = /\p{Surrogate}/u

/**
 * Checks a user's or an item's key: 1 … 512 bytes of UTF-8 without NUL, which separates the parts of a stored key.
 *
 * @throws KeyError
 */
export function checkKey(what: string, key: string, row: number): void {
  checkText(what, key, maxKeyBytes, ` of row ${row}`)
}

/** Checks a tenant's or a model's name: as a key, but at most 128 bytes. @throws KeyError */
export function checkName(what: string, name: string): void {
  checkText(what, name, maxNameBytes, '')
}

function checkText(what: string, text: string, maxBytes: number, where: string): void {
  if (typeof text !== 'string') throw new KeyError(`${what}${where} is a ${typeof text}; give a string`)
  if (text.length === 0) throw new KeyError(`${what}${where} is empty; give 1 to ${maxBytes} bytes of UTF-8`)
  // A UTF-16 unit takes three bytes of UTF-8 at most, so that short keys need no count.
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) {
    const sizeBytes = Buffer.byteLength(text)
    throw new KeyError(`${what}${where} has ${sizeBytes} bytes, over the limit of ${maxBytes}; hash or shorten it`)
  }
  if (text.includes('\0')) throw new KeyError(`${what}${where} holds a NUL character; remove it`)
  if (loneSurrogate.test(text)) {
    throw new KeyError(`${what}${where} holds half a surrogate pair, which is no valid UTF-8; repair its encoding`)
  }
}
