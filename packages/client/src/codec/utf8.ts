const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text, or undefined where the bytes are no UTF-8. */
export function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Node makes short texts of bytes many times as fast as a decoder does; browsers have no `Buffer`. */
const latin1Slice = globalThis.Buffer?.prototype.latin1Slice as
  | ((this: Uint8Array, from: number, to: number) => string)
  | undefined

/** The text of `bytes[from … to]`, or undefined where they are no UTF-8. Keys are ASCII most often, which is quick. */
export function textAt(bytes: Uint8Array, from: number, to: number): string | undefined {
  if (latin1Slice === undefined) return tryDecode(bytes.subarray(from, to))
  for (let i = from; i < to; i++) if (bytes[i] >= 0x80) return tryDecode(bytes.subarray(from, to))
  return latin1Slice.call(bytes, from, to)
}
