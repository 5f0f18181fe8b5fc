/** What a request's body says, and the format that its answer is wanted in. */
import type { IncomingHttpHeaders } from 'node:http'
import type { MessageLimits } from '@headwater/client/wire'
import {
  type Format,
  formatOf,
  mediaTypes,
  packMessage,
  parseJson,
  unpackMessage,
  WireError,
} from '@headwater/client/wire'

interface WithHeaders {
  readonly headers: IncomingHttpHeaders
}

/** @throws WireError `unsupported_media_type`, `malformed_body` */
export function bodyOf(request: WithHeaders & { readonly body: unknown }, limits: MessageLimits): unknown {
  const format = bodyFormat(request)
  if (!(request.body instanceof Uint8Array)) throw untyped()
  return parseBody(request.body, format, limits)
}

/** @throws WireError `malformed_body` */
export function parseBody(body: Uint8Array, format: Format, limits: MessageLimits): unknown {
  return format === 'json' ? parseJson(body) : unpackMessage(body, limits)
}

/** A message as the body of an answer. */
export const encodedAs = (format: Format, message: unknown): Buffer =>
  Buffer.from(format === 'json' ? JSON.stringify(message) : packMessage(message))

/** @throws WireError `unsupported_media_type` */
export function bodyFormat({ headers }: WithHeaders): Format {
  const format = formatOf(headers['content-type'] ?? '')
  if (format === undefined) throw untyped()
  return format
}

function untyped(): WireError {
  return new WireError('unsupported_media_type', `the body has no known type; send ${mediaTypes.join(' or ')}`)
}

/** What the caller accepts; else the format of the body, or JSON. @throws WireError `not_acceptable` */
export function answerFormat({ headers: { accept, 'content-type': contentType } }: WithHeaders): Format {
  const ofBody = formatOf(contentType ?? '') ?? 'json'
  if (accept === undefined) return ofBody
  for (const range of accept.split(',')) {
    const format = formatOf(range)
    if (format !== undefined) return format
    if (/^\s*(\*|application)\/\*/.test(range)) return ofBody
  }
  throw new WireError('not_acceptable', `no accepted type is served; accept ${mediaTypes.join(' or ')}`)
}
