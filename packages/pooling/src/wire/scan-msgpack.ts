import type { MessageLimits } from './message-limits.ts'
import { isUtf8 } from './utf8.ts'
import { WireError } from './wire-error.ts'

/**
 * Walks a MessagePack message without allocating for what it claims to hold: each length must be covered by bytes that are
 * there, texts must be UTF-8, and extension types, which the protocol has no use for, are refused. What passes can be
 * unpacked in memory that is bounded by the message's own size.
 *
 * @throws WireError `malformed_body`
 */
export function scanMsgpack(bytes: Uint8Array, limits: MessageLimits): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  /** Values left to read at each level. A map's keys count and must be texts: `isMap` tells which levels are maps. */
  const left: number[] = [1]
  const isMap: boolean[] = [false]
  let at = 0
  let values = 0
  while (left.length > 0) {
    const level = left.length - 1
    if (left[level] === 0) {
      left.pop()
      isMap.pop()
      continue
    }
    const isKey = isMap[level] && left[level] % 2 === 0
    left[level]--
    if (++values > limits.maxValues) {
      throw malformed(at, `holds more than ${limits.maxValues} values; send it in slices`)
    }
    if (at >= bytes.length) throw malformed(at, 'ends in the middle of a value; send it whole')
    const tag = bytes[at]
    const shape = shapeOf(tag)
    if (shape === undefined) throw malformed(at, `has type 0x${tag.toString(16)}, which the protocol does not use`)
    if (isKey && shape.kind !== 'text') throw malformed(at, 'has a map key that is no text')
    const { kind, lengthBytes } = shape
    if (at + 1 + lengthBytes > bytes.length) throw malformed(at, 'ends in the middle of a value; send it whole')
    const length = lengthBytes === 0 ? shape.length : readLength(view, at + 1, lengthBytes)
    const start = at + 1 + lengthBytes
    const entries = kind === 'map' ? 2 * length : length
    // An entry takes at least a byte, so one rule bounds lists, maps, texts, binaries and numbers.
    if (entries > bytes.length - start) throw malformed(at, `claims ${entries} bytes or entries that are not there`)
    if (kind === 'list' || kind === 'map') {
      if (left.length > limits.maxDepth) throw malformed(at, `is deeper than ${limits.maxDepth} levels`)
      left.push(entries)
      isMap.push(kind === 'map')
      at = start
      continue
    }
    if (kind === 'text' && !isUtf8(bytes, start, start + length)) throw malformed(at, 'has a text that is no UTF-8')
    at = start + length
  }
  if (at !== bytes.length) throw malformed(at, `goes on for ${bytes.length - at} bytes after its end`)
}

interface Shape {
  readonly kind: 'plain' | 'text' | 'binary' | 'list' | 'map'
  /** Bytes of the length that follows the tag. */
  readonly lengthBytes: number
  /** Where no length follows. */
  readonly length: number
}

const shapes: readonly (Shape | undefined)[] = Array.from({ length: 256 }, (_, tag) => makeShape(tag))

function shapeOf(tag: number): Shape | undefined {
  return shapes[tag]
}

function makeShape(tag: number): Shape | undefined {
  const plain = (length: number): Shape => ({ kind: 'plain', lengthBytes: 0, length })
  const sized = (kind: Shape['kind'], lengthBytes: number): Shape => ({ kind, lengthBytes, length: 0 })
  if (tag < 0x80 || tag >= 0xe0) return plain(0)
  if (tag < 0x90) return { kind: 'map', lengthBytes: 0, length: tag & 0x0f }
  if (tag < 0xa0) return { kind: 'list', lengthBytes: 0, length: tag & 0x0f }
  if (tag < 0xc0) return { kind: 'text', lengthBytes: 0, length: tag & 0x1f }
  if (tag === 0xc0 || tag === 0xc2 || tag === 0xc3) return plain(0)
  if (tag >= 0xc4 && tag <= 0xc6) return sized('binary', 1 << (tag - 0xc4))
  if (tag === 0xca) return plain(4)
  if (tag === 0xcb) return plain(8)
  if (tag >= 0xcc && tag <= 0xcf) return plain(1 << (tag - 0xcc))
  if (tag >= 0xd0 && tag <= 0xd3) return plain(1 << (tag - 0xd0))
  if (tag >= 0xd9 && tag <= 0xdb) return sized('text', 1 << (tag - 0xd9))
  if (tag === 0xdc || tag === 0xdd) return sized('list', 2 << (tag - 0xdc))
  if (tag === 0xde || tag === 0xdf) return sized('map', 2 << (tag - 0xde))
  return undefined
}

function readLength(view: DataView, at: number, lengthBytes: number): number {
  if (lengthBytes === 1) return view.getUint8(at)
  return lengthBytes === 2 ? view.getUint16(at) : view.getUint32(at)
}

function malformed(at: number, problem: string): WireError {
  return new WireError('malformed_body', `the body, at byte ${at}, ${problem}`)
}
