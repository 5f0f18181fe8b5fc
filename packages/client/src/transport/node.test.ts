/** The client over Node's own HTTP, and over `fetch`, against servers of real sockets, good and bad. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { packMessage } from '../codec/formats.ts'
import { createClient as createFetchClient } from '../index.ts'
import { createClient } from '../node.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server and how many connections it has had. */
async function serve(listener: RequestListener) {
  const server = createServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
}

const models = Buffer.from(packMessage({ models: [{ model: 'm', dim: 2, snapshot: 1, frame: 1, dataCutoffMs: 5 }] }))
const good: RequestListener = (_, response) =>
  void response.writeHead(200, { 'content-type': 'application/msgpack' }).end(models)

describe.each([
  ["Node's HTTP", createClient],
  ['fetch', createFetchClient],
])('over %s', (_, create) => {
  it('calls in turn share a connection; a path before the routes is kept', async () => {
    const paths: (string | undefined)[] = []
    const { url, sockets } = await serve((request, response) => {
      paths.push(request.url)
      good(request, response)
    })
    const client = create({ url: `${url}/behind/`, token: 'secret' })
    for (let i = 0; i < 5; i++) expect(await client.models()).toMatchObject([{ model: 'm', dim: 2 }])
    expect(paths).toEqual(Array(5).fill('/behind/v1/models'))
    // One; `fetch` opens a second one beside the first at times.
    expect(sockets.size).toBeLessThanOrEqual(2)
  })

  it('bodies, tokens and deadlines arrive', async () => {
    const seen: unknown[] = []
    const { url } = await serve((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part) => parts.push(part))
      request.on('end', () => {
        const { authorization, accept, 'content-type': contentType, 'content-length': length } = request.headers
        const deadlineMs = Number(request.headers['x-deadline-ms'])
        seen.push(request.method, authorization, accept, contentType, Number(length) === Buffer.concat(parts).length)
        seen.push(deadlineMs > 1_000 && deadlineMs <= 30_000)
        good(request, response)
      })
    })
    await create({ url, token: 'secret' }).promote('m', 3, { deadlineMs: 30_000 })
    expect(seen).toEqual(['POST', 'Bearer secret', 'application/msgpack', 'application/msgpack', true, true])
  })

  it('an answer of many pieces is put together', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/msgpack' })
      const send = (at: number) => {
        response.write(models.subarray(at, at + 7))
        if (at + 7 < models.length) setImmediate(() => send(at + 7))
        else response.end()
      }
      send(0)
    })
    expect((await create({ url }).models())[0].dataCutoffMs).toBe(5)
  })

  it('no answer, half an answer and no server are told as what they are', async () => {
    const silent = await serve(() => {})
    await expect(create({ url: silent.url }).models({ deadlineMs: 20 })).rejects.toMatchObject({
      name: 'DeadlineError',
    })
    const half = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/msgpack', 'content-length': 100 })
      response.write(models.subarray(0, 5), () => response.socket?.destroy())
    })
    await expect(create({ url: half.url }).models()).rejects.toMatchObject({ name: 'UnavailableError' })
    const stalled = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/msgpack', 'content-length': 100 })
      response.write(models.subarray(0, 5))
    })
    await expect(create({ url: stalled.url }).models({ deadlineMs: 50 })).rejects.toMatchObject({
      name: 'DeadlineError',
    })
    const gone = await serve(good)
    for (const close of closers.splice(0)) close()
    await expect(create({ url: gone.url }).models()).rejects.toThrow(/^http:.* cannot be reached: .*ECONNREFUSED/)
  })

  it('a connection that the server closed meanwhile is not used again', async () => {
    const { url, sockets } = await serve(good)
    const client = create({ url })
    await client.models()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await client.models()).toHaveLength(1)
    expect(sockets.size).toBe(2)
  })
})

it('shows a certificate, and checks the one of the server', async () => {
  const directory = temporaryDirectory()
  const [keyFile, certFile] = ['key.pem', 'cert.pem'].map((name) => join(directory, name))
  const kind = ['-x509', '-days', '3', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', ...kind, '-keyout', keyFile, '-out', certFile, ...subject], { stdio: 'ignore' })
  const [key, cert] = [keyFile, certFile].map((file) => readFileSync(file, 'utf8'))
  // Signed by itself, it is the authority of both sides.
  const server = createTlsServer({ key, cert, ca: cert, requestCert: true, rejectUnauthorized: true }, good)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close().closeAllConnections())
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await createClient({ url, tls: { ca: cert, cert, key } }).models()).toHaveLength(1)
  await expect(createClient({ url }).models()).rejects.toThrow(/cannot be reached: self-signed certificate/)
  await expect(createClient({ url, tls: { ca: cert } }).models()).rejects.toMatchObject({ name: 'UnavailableError' })
})

it.each(['127.0.0.1:8080', 'ftp://server', '', 'server'])('refuses %j for a URL', (url) => {
  expect(() => createClient({ url })).toThrow(/is no URL of a service; give one such as http:\/\//)
})
