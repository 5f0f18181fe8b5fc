import type { IncomingHttpHeaders } from 'node:http'

/** The caller's name of a request, by which outcomes are joined with what was served. */
export const requestHeader = 'x-request-id'

/** 1 to 512 bytes, null where the caller gives none: what is no such name was meant for somebody else on the way. */
export function requestName({ [requestHeader]: name }: IncomingHttpHeaders): string | null {
  return typeof name === 'string' && name.length > 0 && Buffer.byteLength(name) <= 512 ? name : null
}
