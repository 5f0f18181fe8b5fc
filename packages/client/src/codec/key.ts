const maxKeyBytes = 512

/** What keeps a text from being a key, of a user, an item or an event; null where it is one: 1 … 512 bytes of UTF-8 without NUL. */
export function keyProblem(key: string): string | null {
  if (key.length === 0) return 'is empty'
  if (key.length * 3 > maxKeyBytes && new TextEncoder().encode(key).length > maxKeyBytes) {
    return `has more than ${maxKeyBytes} bytes`
  }
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit === 0) return 'holds a NUL character'
    if ((unit & 0xf800) !== 0xd800) continue
    const isPair = unit < 0xdc00 && (key.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    if (!isPair) return 'holds half a surrogate pair'
    i++
  }
  return null
}
