/**
 * Bodies that do not end, over bare sockets, by a caller who sends on whatever the answer is and never closes its side: the
 * server closes the connection.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { describe, expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { startService } from '../../testing/listening-service.ts'

/** Pieces that a caller sends before it gives up: an open end of the test, were the connection never closed. */
const mostPieces = 500

/** Sends a head, then pieces of a body, until the connection is closed. */
async function pour(server: FastifyInstance, url: string, head: readonly string[], piece: string) {
  const accepted = once(server.server, 'connection') as Promise<[Socket]>
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  let answer = ''
  socket.on('data', (part) => {
    answer += part
  })
  // A reset, as the other end is closed.
  socket.on('error', () => {})
  const isOver = new Promise((resolve) => {
    for (const end of ['end', 'close']) socket.once(end, resolve)
  })
  const [connection] = await accepted
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  for (let pieces = 0; pieces < mostPieces && !connection.destroyed; pieces++) {
    await wait(10)
    if (socket.writable) socket.write(piece)
  }
  const isClosed = connection.destroyed
  if (isClosed) await isOver
  socket.destroy()
  const [status, body] = [/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1], answer.split('\r\n\r\n')[1] ?? '']
  const code = /"code":"(\w+)"/.exec(body)?.[1]
  return { status: Number(status), code, isClosed, takenBytes: connection.bytesRead }
}

describe.each(['/v1/embeddings/read', '/v1/events'])('a body without end at %s', (path) => {
  const json = 'content-type: application/json'
  const chunked = 'transfer-encoding: chunked'
  const headOf = (token: string, ...more: string[]) => [
    `POST ${path} HTTP/1.1`,
    'host: x',
    `authorization: Bearer ${token}`,
    json,
    ...more,
  ]

  it('that grows beyond the limit is refused, and no more of it is taken', async () => {
    const { server, url, pooling } = await startService({ limits: { maxBodyBytes: 10_000 } })
    const piece = `3e8\r\n${' '.repeat(1_000)}\r\n`
    const { takenBytes, ...answer } = await pour(server, url, headOf(tokenOf.boss, chunked), piece)
    expect(answer).toEqual({ status: 413, code: 'body_too_large', isClosed: true })
    expect(takenBytes).toBeGreaterThan(10_000)
    expect(takenBytes).toBeLessThan(20_000)
    expect(pooling.counters).toMatchObject({ reads: 0, events: 0 })
  })

  it('that is announced as larger is refused before it comes', async () => {
    const { server, url } = await startService({ limits: { maxBodyBytes: 10_000 } })
    const head = headOf(tokenOf.boss, 'content-length: 1000000000')
    const { takenBytes, ...answer } = await pour(server, url, head, ' '.repeat(1_000))
    expect(answer).toEqual({ status: 413, code: 'body_too_large', isClosed: true })
    expect(takenBytes).toBeLessThan(10_000)
  })

  it('that comes too slowly is cut off', async () => {
    const { server, url, pooling } = await startService({ limits: { arrivalTimeoutMs: 200 } })
    const { takenBytes: _, ...answer } = await pour(server, url, headOf(tokenOf.boss, chunked), '1\r\n \r\n')
    expect(answer).toEqual({ status: 408, code: 'request_timeout', isClosed: true })
    expect(pooling.counters).toMatchObject({ reads: 0, events: 0 })
  })

  it('of a caller who is not let in is cut off, too', async () => {
    const { server, url } = await startService({ limits: { arrivalTimeoutMs: 200 } })
    const { takenBytes: _, ...answer } = await pour(server, url, headOf('stranger', chunked), '1\r\n \r\n')
    expect(answer).toEqual({ status: 401, code: 'unauthenticated', isClosed: true })
  })
})
