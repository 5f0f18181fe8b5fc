const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Whether bytes are UTF-8. Keys are ASCII most often, which needs no decoding. */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] >= 0x80) return tryDecode(bytes.subarray(i, to)) !== undefined
  return true
}

/** The text, or undefined where the bytes are no UTF-8. */
export function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
