import { Packr } from 'msgpackr'
import { type MessageLimits, maxDepth } from './message-limits.ts'
import { scanMsgpack } from './scan-msgpack.ts'
import { tryDecode } from './utf8.ts'
import { WireError } from './wire-error.ts'

export type Format = 'msgpack' | 'json'

export const contentTypeOf = { msgpack: 'application/msgpack', json: 'application/json' } as const

/** Names that are in use for MessagePack, beside the registered one. */
const formatOfType: Readonly<Record<string, Format>> = {
  'application/msgpack': 'msgpack',
  'application/x-msgpack': 'msgpack',
  'application/vnd.msgpack': 'msgpack',
  'application/json': 'json',
}

/** The media types that a body may have. */
export const mediaTypes = Object.keys(formatOfType)

/** The format of a content type, its parameters aside; undefined for another one. */
export function formatOf(contentType: string): Format | undefined {
  const type = contentType.split(';', 1)[0].trim().toLowerCase()
  return Object.hasOwn(formatOfType, type) ? formatOfType[type] : undefined
}

// Plain maps, which every other MessagePack library reads, in place of msgpackr's own records.
const packr = new Packr({ useRecords: false, mapsAsObjects: true, encodeUndefinedAsNil: true })

/** A message as bytes of its own. Typed arrays must be `Uint8Array`s: msgpackr packs other kinds as extensions. */
export function packMessage(message: unknown): Uint8Array<ArrayBuffer> {
  return packr.pack(message) as Uint8Array<ArrayBuffer>
}

/** @throws WireError `malformed_body` */
export function unpackMessage(bytes: Uint8Array, limits: MessageLimits): unknown {
  scanMsgpack(bytes, limits)
  try {
    return packr.unpack(bytes)
  } catch (cause) {
    throw new WireError('malformed_body', `the body cannot be unpacked: ${(cause as Error).message}`, { cause })
  }
}

/** @throws WireError `malformed_body` */
export function parseJson(bytes: Uint8Array): unknown {
  const text = tryDecode(bytes)
  if (text === undefined) throw new WireError('malformed_body', 'the body is no UTF-8; repair its encoding')
  checkJsonDepth(bytes)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new WireError('malformed_body', `the body is no JSON: ${(cause as Error).message}`, { cause })
  }
}

/** Counts brackets outside of texts. */
function checkJsonDepth(bytes: Uint8Array): void {
  let depth = 0
  let isText = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (isText) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) isText = false
    } else if (byte === 0x22) isText = true
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > maxDepth) {
        throw new WireError('malformed_body', `the body, at byte ${i}, is deeper than ${maxDepth} levels`)
      }
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
}
