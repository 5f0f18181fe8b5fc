/** A service whose reads hold the thread, as many at once as it has callers. */
import type { EmbeddingStore } from '@headwater/store'
import { unpack } from 'msgpackr'
import { expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { ask, holdReads, startService } from '../../testing/listening-service.ts'
import { RawConnection } from '../../testing/raw-connection.ts'
import { rawRead } from '../../testing/raw-read.ts'

/** @returns how many reads of the store there were */
function slowReads(ms: number) {
  const calls = { count: 0 }
  const around = (store: EmbeddingStore) =>
    new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (name === 'read') {
            calls.count++
            const endMs = performance.now() + ms
            while (performance.now() < endMs);
          }
          return Reflect.apply(value, target, args)
        }
      },
    })
  return { calls, around }
}

/** Sends to `one` behind a request of each of `crowd`. @returns the answer to `one` */
async function askAmong(crowd: readonly RawConnection[], one: RawConnection, sent: Buffer) {
  const others = together(crowd)
  void one.send([sent])
  const [answer] = await Promise.all([one.next(), others])
  return answer!
}

/** Sends a request on each connection at once. @returns statuses, in order, and what `retry-after` says of the refused */
async function together(connections: readonly RawConnection[], ...more: readonly string[]) {
  for (const connection of connections) void connection.send([rawRead(more)])
  const answers = await Promise.all(connections.map((connection) => connection.next()))
  return answers.map((answer) => ({
    status: answer!.status,
    code: /"code":"(\w+)"/.exec(answer!.body.toString())?.[1],
    retryAfter: answer!.headers.get('retry-after'),
  }))
}

it('reads that waited for too long are shed while the queue stands, and counted; who runs the service is let in', async () => {
  const reads = slowReads(5)
  const { url, server } = await startService({ limits: { targetDelayMs: 20 }, around: reads.around })
  const connections = Array.from({ length: 20 }, () => new RawConnection(Number(new URL(url).port)))
  const seen = { answered: 0, shed: 0 }
  const ofShed = new Set<string>()
  while (seen.shed < 100) {
    for (const { status, code, retryAfter } of await together(connections)) {
      if (status === 200) seen.answered++
      else {
        seen.shed++
        ofShed.add(`${status} ${code} ${retryAfter}`)
      }
    }
  }
  expect([...ofShed]).toEqual(['503 overloaded 1'])
  // Each answer is of a read; what was shed cost none.
  expect(reads.calls.count).toBe(seen.answered)
  const headers = { authorization: `Bearer ${tokenOf.boss}`, connection: 'close' }
  const [, { status }] = await Promise.all([
    together(connections),
    fetch(`${url}/v1/users/a`, { method: 'DELETE', headers }),
  ])
  expect(status).toBe(200)
  const { payload } = await server.inject({ url: '/metrics', headers })
  const shed = Number(/headwater_requests_shed_total\{reason="delay"\} (\d+)/.exec(payload)?.[1])
  expect(shed).toBeGreaterThanOrEqual(seen.shed)
  expect(payload).toMatch(/headwater_request_wait_seconds_bucket\{le="0.01"\} \d/)
  for (const connection of connections) connection.breakOff()
  // Alone, a read is answered again.
  while ((await ask(url, '/v1/embeddings/read', { users: ['a'], models: ['m'] })).status !== 200);
})

it('what is shed is answered in its own format, whoever asks, and its connection goes on behind its body', async () => {
  const { url } = await startService({ limits: { targetDelayMs: 20 }, around: slowReads(5).around })
  const port = Number(new URL(url).port)
  const crowd = Array.from({ length: 30 }, () => new RawConnection(port))
  const stranger = new RawConnection(port)
  const head =
    'POST /v1/embeddings/read HTTP/1.1\r\nhost: localhost\r\naccept: application/msgpack\r\ncontent-length: 4\r\n\r\n'
  let refused = await askAmong(crowd, stranger, Buffer.from(`${head}ab`))
  while (refused.status !== 503) {
    expect(refused.status).toBe(401)
    // In one piece with what is left of the one before: by that alone its connection would be looked at first.
    refused = await askAmong(crowd, stranger, Buffer.from(`cd${head}ab`))
  }
  expect(refused.headers.get('content-type')).toBe('application/msgpack')
  expect(unpack(refused.body)).toMatchObject({ error: { code: 'overloaded' } })
  // The rest of its body is no request.
  void stranger.send([Buffer.from('cd'), Buffer.from('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')])
  expect((await stranger.next())!.status).toBe(200)
  for (const connection of [...crowd, stranger]) connection.breakOff()
})

it('eight callers that wait for their answers are never refused, however long those take', async () => {
  const { url } = await startService({ limits: { targetDelayMs: 1 }, around: slowReads(8).around })
  const callers = Array.from({ length: 8 }, () => new RawConnection(Number(new URL(url).port)))
  for (let round = 0; round < 6; round++) {
    expect(new Set((await together(callers)).map(({ status }) => status))).toEqual(new Set([200]))
  }
  for (const caller of callers) caller.breakOff()
})

it('work whose deadline has passed is not begun', async () => {
  const reads = slowReads(120)
  const { url } = await startService({ around: reads.around })
  const connection = new RawConnection(Number(new URL(url).port))
  const requests = 5
  void connection.send([Buffer.concat(Array.from({ length: requests }, () => rawRead(['x-deadline-ms: 100'])))])
  const codes: (string | undefined)[] = []
  for (let i = 0; i < requests; i++) codes.push(/"code":"(\w+)"/.exec((await connection.next())!.body.toString())?.[1])
  // Only the first was begun in time.
  expect(codes.slice(1)).toEqual(Array.from({ length: requests - 1 }, () => 'deadline_exceeded'))
  expect(reads.calls.count).toBe(1)
  connection.breakOff()
})

it('a tenant has its own limit where it is not alone, and is told that it is its own', async () => {
  const reads = holdReads()
  const { url } = await startService({ limits: { maxConcurrent: 4 }, around: reads.around })
  const asOther = { authorization: `Bearer ${tokenOf.other}` }
  const asked = (headers = {}) => ask(url, '/v1/embeddings/read', { users: ['a'], models: ['m'] }, headers)
  const held = Array.from({ length: 3 }, () => asked())
  await reads.until(3)
  const refused = await asked()
  expect([refused.status, refused.body.error.code, refused.headers.get('retry-after')]).toEqual([
    429,
    'too_many_requests',
    '1',
  ])
  const others = [asked(asOther)]
  await reads.until(4)
  // Now all places are taken, which is nobody's own.
  expect((await asked(asOther)).body.error.code).toBe('overloaded')
  reads.release()
  expect((await Promise.all([...held, ...others])).map(({ status }) => status)).toEqual([200, 200, 200, 200])
})
