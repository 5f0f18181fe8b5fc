/** What a request's body says, and the format that its answer is wanted in. */
import type { FastifyRequest } from 'fastify'
import { type Format, formatOf, mediaTypes, parseJson, unpackMessage } from '../../wire/formats.ts'
import type { MessageLimits } from '../../wire/message-limits.ts'
import { WireError } from '../../wire/wire-error.ts'

/** @throws WireError `unsupported_media_type`, `malformed_body` */
export function bodyOf(request: FastifyRequest, limits: MessageLimits): unknown {
  const format = formatOf(request.headers['content-type'] ?? '')
  if (format === undefined || !(request.body instanceof Uint8Array)) {
    throw new WireError('unsupported_media_type', `the body has no known type; send ${mediaTypes.join(' or ')}`)
  }
  return format === 'json' ? parseJson(request.body) : unpackMessage(request.body, limits)
}

/** What the caller accepts; else the format of the body, or JSON. @throws WireError `not_acceptable` */
export function answerFormat(request: FastifyRequest): Format {
  const { accept, 'content-type': contentType } = request.headers
  const ofBody = formatOf(contentType ?? '') ?? 'json'
  if (accept === undefined) return ofBody
  for (const range of accept.split(',')) {
    const format = formatOf(range)
    if (format !== undefined) return format
    if (/^\s*(\*|application)\/\*/.test(range)) return ofBody
  }
  throw new WireError('not_acceptable', `no accepted type is served; accept ${mediaTypes.join(' or ')}`)
}
