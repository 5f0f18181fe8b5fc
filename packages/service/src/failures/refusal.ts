import type { IncomingHttpHeaders } from 'node:http'
import type { ErrorAnswer } from '@headwater/client'
import type { WireError } from '@headwater/client/wire'
import { answerTypeOf, type Format, formatOf } from '@headwater/client/wire'
import { encodedAs } from '../requests/body.ts'

export interface Refusal {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Of a refusal, by the request's headers. */
export function refusalFormat(headers: IncomingHttpHeaders): Format {
  return formatOf(headers.accept ?? '') ?? formatOf(headers['content-type'] ?? '') ?? 'json'
}

/** @param headers of the request, which is answered in its own format, or in JSON */
export function refusalOf({ status, code, message, details }: WireError, headers: IncomingHttpHeaders): Refusal {
  const format = refusalFormat(headers)
  const body: ErrorAnswer = { error: { code, message, ...(details !== undefined && { details }) } }
  return {
    headers: {
      'content-type': answerTypeOf[format],
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...((status === 429 || status === 503) && { 'retry-after': '1' }),
      // A body that was not read would be taken for the next request.
      ...(code === 'body_too_large' && { connection: 'close' }),
    },
    body: encodedAs(format, body),
  }
}
