const maxKeyBytes = 512

/** What keeps a text from being a key, of a user, an item or an event; null where it is one: 1 … 512 bytes of UTF-8 without NUL. */
export function keyProblem(key: string): string | null {
  if (key.length === 0) return 'is empty'
  if (key.length * 3 > maxKeyBytes && new TextEncoder().encode(key).length > maxKeyBytes) {
    return `has more than ${maxKeyBytes} bytes`
  }
  if (key.includes('\0')) return 'holds a NUL character'
  return key.isWellFormed() ? null : 'holds half a surrogate pair'
}
