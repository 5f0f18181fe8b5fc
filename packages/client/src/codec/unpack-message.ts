import type { MessageLimits } from './message-limits.ts'
import { textAt } from './utf8.ts'
import { WireError } from './wire-error.ts'

/**
 * Unpacks a MessagePack message in one walk, and allocates no more than the bytes that are there call for: each length must
 * be covered by them, texts must be UTF-8, keys of maps must be texts, and extension types, which the protocol has no use
 * for, are refused. A binary is a view of the message's own memory. An integer that no number holds exactly is a bigint.
 *
 * @throws WireError `malformed_body`
 */
export function unpackMessage(bytes: Uint8Array, limits: MessageLimits): unknown {
  const walk = new Walk(bytes, limits)
  const value = walk.value(0)
  if (walk.at !== bytes.length) throw malformed(walk.at, `goes on for ${bytes.length - walk.at} bytes after its end`)
  return value
}

class Walk {
  at = 0
  readonly #bytes: Uint8Array
  readonly #limits: MessageLimits
  #values = 0
  #view: DataView | null = null

  constructor(bytes: Uint8Array, limits: MessageLimits) {
    this.#bytes = bytes
    this.#limits = limits
    this.#count(1, 0)
  }

  /** @param depth lists and maps around it */
  value(depth: number): unknown {
    const start = this.at
    const tag = this.#tag()
    if (tag < 0x80) return tag
    if (tag < 0x90) return this.#map(tag & 0x0f, depth, start)
    if (tag < 0xa0) return this.#list(tag & 0x0f, depth, start)
    if (tag < 0xc0) return this.#text(tag & 0x1f, start)
    if (tag >= 0xe0) return tag - 0x100
    switch (tag) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#length(1 << (tag - 0xc4), start), start)
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(1 << (tag - 0xd9), start), start)
      case 0xdc:
      case 0xdd:
        return this.#list(this.#length(2 << (tag - 0xdc), start), depth, start)
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(2 << (tag - 0xde), start), depth, start)
    }
    const number = numbers[tag - 0xca]
    if (number === undefined) throw malformed(start, `has type 0x${tag.toString(16)}, which the protocol does not use`)
    const [sizeBytes, read] = number
    return read(this.#number(sizeBytes, start), start + 1)
  }

  #list(entries: number, depth: number, start: number): unknown[] {
    this.#open(entries, depth, start)
    const list: unknown[] = []
    for (let i = 0; i < entries; i++) list.push(this.value(depth + 1))
    return list
  }

  #map(pairs: number, depth: number, start: number): Record<string, unknown> {
    this.#open(2 * pairs, depth, start)
    const map: Record<string, unknown> = {}
    for (let i = 0; i < pairs; i++) {
      const key = this.#key()
      const value = this.value(depth + 1)
      // An assignment would set the prototype.
      if (key === '__proto__') Object.defineProperty(map, key, { value, enumerable: true, configurable: true })
      else map[key] = value
    }
    return map
  }

  #key(): string {
    const start = this.at
    const tag = this.#tag()
    if (tag >= 0xa0 && tag < 0xc0) return this.#text(tag & 0x1f, start)
    if (tag >= 0xd9 && tag <= 0xdb) return this.#text(this.#length(1 << (tag - 0xd9), start), start)
    throw malformed(start, 'has a map key that is no text')
  }

  #open(entries: number, depth: number, start: number): void {
    // An entry takes at least a byte.
    this.#covered(entries, start)
    if (depth >= this.#limits.maxDepth) throw malformed(start, `is deeper than ${this.#limits.maxDepth} levels`)
    this.#count(entries, start)
  }

  #count(values: number, start: number): void {
    this.#values += values
    const { maxValues } = this.#limits
    if (this.#values > maxValues) throw malformed(start, `holds more than ${maxValues} values; send it in slices`)
  }

  #text(length: number, start: number): string {
    this.#covered(length, start)
    const text = textAt(this.#bytes, this.at, this.at + length)
    if (text === undefined) throw malformed(start, 'has a text that is no UTF-8')
    this.at += length
    return text
  }

  #binary(length: number, start: number): Uint8Array {
    this.#covered(length, start)
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  /** Passes a number's bytes, which start after its tag. */
  #number(length: number, start: number): DataView {
    this.#covered(length, start)
    this.at += length
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength)
    return this.#view
  }

  #tag(): number {
    if (this.at >= this.#bytes.length) throw cutOff(this.at)
    return this.#bytes[this.at++]
  }

  /** A length of 1, 2 or 4 bytes. */
  #length(bytes: number, start: number): number {
    if (bytes > this.#bytes.length - this.at) throw cutOff(start)
    let length = 0
    for (let i = 0; i < bytes; i++) length = length * 256 + this.#bytes[this.at++]
    return length
  }

  #covered(length: number, start: number): void {
    if (length > this.#bytes.length - this.at) {
      throw malformed(start, `claims ${length} bytes or entries that are not there`)
    }
  }
}

type ReadNumber = (view: DataView, at: number) => number | bigint

/** Bytes of a number and how they are read, from the tag 0xca on. */
const numbers: readonly (readonly [number, ReadNumber])[] = [
  [4, (view, at) => view.getFloat32(at)],
  [8, (view, at) => view.getFloat64(at)],
  [1, (view, at) => view.getUint8(at)],
  [2, (view, at) => view.getUint16(at)],
  [4, (view, at) => view.getUint32(at)],
  [8, (view, at) => exactly(view.getBigUint64(at))],
  [1, (view, at) => view.getInt8(at)],
  [2, (view, at) => view.getInt16(at)],
  [4, (view, at) => view.getInt32(at)],
  [8, (view, at) => exactly(view.getBigInt64(at))],
]

function exactly(integer: bigint): number | bigint {
  const value = Number(integer)
  return Number.isSafeInteger(value) ? value : integer
}

function cutOff(at: number): WireError {
  return malformed(at, 'ends in the middle of a value; send it whole')
}

function malformed(at: number, problem: string): WireError {
  return new WireError('malformed_body', `the body, at byte ${at}, ${problem}`)
}
