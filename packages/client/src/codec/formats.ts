import { Packr } from 'msgpackr'
import { maxDepth } from './message-limits.ts'
import { tryDecode } from './utf8.ts'
import { WireError } from './wire-error.ts'

export { unpackMessage } from './unpack-message.ts'

export type Format = 'msgpack' | 'json'

export const contentTypeOf = { msgpack: 'application/msgpack', json: 'application/json' } as const

/** Of an answer: some callers take JSON for Latin-1 where no charset is given. */
export const answerTypeOf = { msgpack: 'application/msgpack', json: 'application/json; charset=utf-8' } as const

/** Names that are in use for MessagePack, beside the registered one. */
const formatOfType: ReadonlyMap<string, Format> = new Map([
  ['application/msgpack', 'msgpack'],
  ['application/x-msgpack', 'msgpack'],
  ['application/vnd.msgpack', 'msgpack'],
  ['application/json', 'json'],
])

/** The media types that a body may have. */
export const mediaTypes = [...formatOfType.keys()]

/** The format of a content type, its parameters aside; undefined for another one. */
export function formatOf(contentType: string): Format | undefined {
  return formatOfType.get(contentType) ?? formatOfType.get(contentType.split(';', 1)[0].trim().toLowerCase())
}

// Plain maps, which every other MessagePack library reads, in place of msgpackr's own records.
const packr = new Packr({ useRecords: false, mapsAsObjects: true, encodeUndefinedAsNil: true })

/** A message as bytes of its own. Typed arrays must be `Uint8Array`s: msgpackr packs other kinds as extensions. */
export function packMessage(message: unknown): Uint8Array<ArrayBuffer> {
  return packr.pack(message) as Uint8Array<ArrayBuffer>
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
