import { tokenOf } from './http-service.ts'

const body = JSON.stringify({ users: ['a'], models: ['m'] })

/** A read of one user, as JSON. @param more lines of its head @param sent its body, as far as it comes */
export function rawRead(more: readonly string[] = [], sent = body): Buffer {
  const lines = [
    'POST /v1/embeddings/read HTTP/1.1',
    'host: localhost',
    `authorization: Bearer ${tokenOf.boss}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    ...more,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${sent}`)
}
