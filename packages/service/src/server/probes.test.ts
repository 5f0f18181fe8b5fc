import { once } from 'node:events'
import { connect } from 'node:net'
import type { EncoderStatus } from '@headwater/pooling'
import { expect, it, onTestFinished } from 'vitest'
import { ask, holdReads, startService } from '../../testing/listening-service.ts'
import { listenForProbes } from './probes.ts'

async function startProbes(encoder: () => EncoderStatus | undefined = () => undefined) {
  const probes = await listenForProbes({ host: '127.0.0.1', port: 0, encoder })
  onTestFinished(() => probes.close())
  const { port } = probes.address
  return { probes, port, probe: (path: string) => fetch(`http://127.0.0.1:${port}${path}`) }
}

it('says that the process lives, and what it waits for, before there is a service', async () => {
  let encoder: EncoderStatus | undefined
  const { probes, probe } = await startProbes(() => encoder)
  const problem = async () => {
    const answer = await probe('/readyz')
    const { error } = (await answer.json()) as { error: { code: string; message: string } }
    return [answer.status, answer.headers.get('retry-after'), error.code, error.message]
  }
  expect(await (await probe('/healthz')).json()).toEqual({ status: 'ok' })
  expect(await problem()).toEqual([503, '1', 'not_ready', 'the server is starting'])
  encoder = { state: 'ready', restarts: 0, pid: 1, lastError: null, compiling: { number: 3, total: 40 } }
  expect((await problem()).at(-1)).toBe('the server is starting, compiling kernels 3 of 40')
  expect((await probe('/v1/models')).status).toBe(404)
  const { server } = await startService()
  await probes.serve(server)
  expect(await (await probe('/readyz')).json()).toEqual({ status: 'ready' })
})

it('answers on its own port, with every place of the service taken, and to its end', async () => {
  const reads = holdReads()
  const limits = { maxConnections: 1, maxConnectionsPerAddress: 1, drainMs: 100 }
  const { url, server } = await startService({ limits, around: reads.around })
  const { probes, port, probe } = await startProbes()
  await probes.serve(server)
  const read = ask(url, '/v1/embeddings/read', { users: ['a'], models: ['m'] })
  await reads.until(1)
  await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  // Of probes' own places, too, idle connections are closed for others.
  const idle = Array.from({ length: 70 }, () => connect(port, '127.0.0.1'))
  for (const socket of idle) socket.on('error', () => {})
  await Promise.all(idle.slice(0, 6).map((socket) => once(socket, 'close')))
  const statusOf = async (path: string) => (await probe(path)).status
  expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 200])
  // Nothing else is there.
  const others = ['/v1/models', '/metrics', '/healthz?x']
  expect(await Promise.all(others.map(statusOf))).toEqual([404, 404, 404])
  const closing = server.close()
  expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 503])
  reads.release()
  expect((await read).status).toBe(200)
  await closing
  expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 503])
  for (const socket of idle) socket.destroy()
})
