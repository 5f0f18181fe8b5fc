/** Who holds connections, and who still gets in; over bare sockets of several addresses of this machine. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { ask, holdReads, startService } from '../../testing/listening-service.ts'
import { rawRead } from '../../testing/raw-read.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** Opens connections, one after the other, and sends something on each. */
async function open(url: string, connections: number, localAddress: string, bytes?: Uint8Array): Promise<Socket[]> {
  const opened: Socket[] = []
  for (let i = 0; i < connections; i++) {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    await once(socket, 'connect')
    if (bytes !== undefined) socket.write(bytes)
    opened.push(socket)
  }
  sockets.push(...opened)
  return opened
}

/** Resolves once so many of them are closed, by the other side. */
async function closedOf(opened: readonly Socket[], count: number): Promise<readonly boolean[]> {
  const isClosed = () => opened.map(({ destroyed }) => destroyed)
  while (isClosed().filter(Boolean).length < count) await new Promise((resolve) => setTimeout(resolve, 1))
  return isClosed()
}

const read = { users: ['a'], models: ['m'] }
it('closes the connections that are idle for the longest, and lets everybody in', async () => {
  const limits = { maxConnections: 10, maxConnectionsPerAddress: 10 }
  const { url, server } = await startService({ limits })
  const idle = await open(url, 15, '127.0.0.1')
  expect(await closedOf(idle, 5)).toEqual(Array.from({ length: 15 }, (_, i) => i < 5))
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await ask(url, '/v1/embeddings/read', read)).status).toBe(200)
  // A request is as good as a new connection; half of one is none.
  const [asked, half] = await open(url, 2, '127.0.0.1')
  const begun = once(server.server, 'request')
  half.write(rawRead([], '{'))
  await begun
  asked.write(rawRead())
  await once(asked, 'data')
  await open(url, 9, '127.0.0.1')
  await closedOf([half], 1)
  expect(asked.destroyed).toBe(false)
})

it('closes none whose request is worked on, then rather the newcomer', async () => {
  const reads = holdReads()
  const limits = { maxConnections: 4, maxConnectionsPerAddress: 4 }
  const { url } = await startService({ limits, around: reads.around })
  const working = await open(url, 4, '127.0.0.1', rawRead())
  await reads.until(4)
  await closedOf(await open(url, 1, '127.0.0.1'), 1)
  const answers = working.map((socket) => once(socket, 'data'))
  reads.release()
  for (const [answer] of await Promise.all(answers)) expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /)
})

it('keeps connections of an address within its own limit, and counts what it closes', async () => {
  const { url, server } = await startService({ limits: { maxConnections: 8 } })
  const own = await open(url, 2, '127.0.0.2')
  // Three quarters.
  const flood = await open(url, 20, '127.0.0.3')
  expect(await closedOf(flood, 14)).toEqual(Array.from({ length: 20 }, (_, i) => i < 14))
  expect(own.some(({ destroyed }) => destroyed)).toBe(false)
  const headers = { authorization: `Bearer ${tokenOf.boss}` }
  const { payload } = await server.inject({ url: '/metrics', headers })
  expect(payload).toContain('headwater_connections_closed_total{limit="address"} 14\n')
  expect(payload).toContain('headwater_connections 8\n')
})

it('has bodies that do not come take no place of requests that are there', async () => {
  const { url, server } = await startService({ limits: { maxConcurrent: 4 } })
  const unfinished = await open(url, 20, '127.0.0.1', rawRead([], '{'))
  // The longest in coming are cut off.
  expect(await closedOf(unfinished, 16)).toEqual(Array.from({ length: 20 }, (_, i) => i < 16))
  expect((await ask(url, '/v1/embeddings/read', read)).status).toBe(200)
  const { payload } = await server.inject({ url: '/metrics', headers: { authorization: `Bearer ${tokenOf.boss}` } })
  expect(payload).toMatch(/headwater_requests_shed_total\{reason="arrival"\} 1[67]\n/)
})
