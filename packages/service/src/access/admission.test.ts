/** Who is let in, how much of what, for how long, and what becomes of it at the end. */
import { connect } from 'node:net'
import { createClient, type ErrorAnswer } from '@headwater/client'
import { dim } from '@headwater/pooling/testing/towers'
import type { FastifyInstance } from 'fastify'
import { describe, expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { ask, eventAt, holdReads, startService, untilHeld } from '../../testing/listening-service.ts'

describe('tokens', () => {
  it('let in by scope alone', async () => {
    const { url, clientOf } = await startService()
    const [reader, writer, stranger] = [clientOf(tokenOf.reader), clientOf(tokenOf.writer), clientOf('stranger')]
    await reader.read(['a'], ['m'])
    await expect(reader.ingest(eventAt('a', 1))).rejects.toMatchObject({ status: 403, code: 'forbidden' })
    await writer.ingest(eventAt('a', 1))
    await expect(writer.forget('a')).rejects.toMatchObject({ status: 403, name: 'ForbiddenError' })
    await expect(stranger.read(['a'], ['m'])).rejects.toMatchObject({ status: 401, name: 'AuthenticationError' })
    for (const authorization of [
      '',
      'Bearer ',
      'Basic YTpi',
      `Bearer ${tokenOf.reader} x`,
      `bearer${tokenOf.reader}`,
    ]) {
      const { status, headers, body } = await ask(url, '/v1/embeddings/read', {}, { authorization })
      expect([status, body.error.code, headers.get('www-authenticate')], authorization).toEqual([
        401,
        'unauthenticated',
        'Bearer',
      ])
    }
    expect((await fetch(`${url}/metrics`)).status).toBe(401)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('of another tenant see, change and forget nothing', async () => {
    const { boss, clientOf } = await startService()
    await boss.ingest(eventAt('a', 9))
    const held = await untilHeld(boss, 'a')
    const other = clientOf(tokenOf.other)
    expect([...(await other.read(['a'], ['m'])).models[0].status]).toEqual([2])
    const receipt = await other.forget('a')
    expect(receipt.tenant).toBe('other')
    expect(receipt.removed.every(({ count }) => count === 0)).toBe(true)
    const after = await boss.read(['a'], ['m'])
    expect(after.models[0].vectors).toEqual(held.models[0].vectors)
  })

  it('are not needed over loopback where the server has none', async () => {
    const { url } = await startService({ auth: 'loopback' })
    const client = createClient({ url })
    await client.ingest(eventAt('a', 1))
    expect(await client.models()).toEqual([
      { model: 'm', dim, snapshot: 3, frame: 0, dataCutoffMs: expect.any(Number) },
    ])
  })

  it('are needed from elsewhere', async () => {
    const { server } = await startService({ auth: 'loopback' })
    const ask = async (remoteAddress: string, host: string) => {
      const response = await server.inject({ url: '/v1/models', remoteAddress, headers: { host } })
      return response.statusCode === 200 ? 'served' : response.json().error.code
    }
    expect(await ask('10.0.0.1', 'localhost')).toBe('loopback_only')
    expect(await ask('127.0.0.1', 'evil.example:8080')).toBe('loopback_only')
    expect(await ask('127.0.0.1', '127.evil.example')).toBe('loopback_only')
    expect(await ask('127.0.0.1', 'localhost:evil.example')).toBe('loopback_only')
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080'])
      expect(await ask('::1', host), host).toBe('served')
    expect(await ask('::ffff:127.0.0.1', 'localhost')).toBe('served')
  })
})

describe('pages of other sites', () => {
  const rollback = { method: 'POST', url: '/v1/models/m/rollback' } as const
  const own = { host: 'localhost:8080' }
  const codeOf = async (server: FastifyInstance, headers: Record<string, string>) =>
    (await server.inject({ ...rollback, headers: { ...own, ...headers } })).json().error.code

  it('change nothing where the address alone lets in, whichever way the browser names them', async () => {
    const { server } = await startService({ auth: 'loopback' })
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'http://localhost:8081' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'http://localhost:8080' },
    ])
      expect(await codeOf(server, headers), JSON.stringify(headers)).toBe('cross_site')
    // The service's own page, its own machine's programs, and what is only read.
    const others = [
      {},
      { origin: 'http://localhost:8080' },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ]
    for (const headers of others) expect(await codeOf(server, headers as never)).toBe('unmanaged_model')
    const read = { url: '/v1/models', headers: { ...own, origin: 'http://evil.example' } }
    expect((await server.inject(read)).statusCode).toBe(200)
  })

  it('need a token like everyone where there are tokens', async () => {
    const { server } = await startService()
    const origin = 'http://evil.example'
    expect(await codeOf(server, { origin })).toBe('unauthenticated')
    expect(await codeOf(server, { origin, authorization: `Bearer ${tokenOf.boss}` })).toBe('unmanaged_model')
  })
})

describe('limits', () => {
  it('of batches, bodies, models and answers', async () => {
    const limits = { maxUsers: 3, maxEvents: 2, maxBodyBytes: 2_000, maxVectorValues: 8 }
    const { url, boss } = await startService({ limits })
    const read = '/v1/embeddings/read'
    const codeOf = async (path: string, body: unknown) => (await ask(url, path, body)).body.error.code
    expect(await codeOf(read, { users: ['a', 'b', 'c', 'd'], models: ['m'] })).toBe('batch_too_large')
    expect(await codeOf(read, { users: ['a', 'b', 'c'], models: ['m'] })).toBe('batch_too_large')
    expect(await codeOf(read, { users: ['a'], models: ['m', 'm'] })).toBe('invalid_request')
    expect(await codeOf(read, { users: ['a'], models: ['none'] })).toBe('unknown_model')
    expect(await codeOf(read, 'x'.repeat(2_001))).toBe('body_too_large')
    expect(await codeOf('/v1/events', { users: ['a', 'a', 'a'], items: [], timesMs: [] })).toBe('batch_too_large')
    await boss.read(['a', 'b'], ['m'])
  })

  it('of a chunked body without end', async () => {
    const { url } = await startService({ limits: { maxBodyBytes: 10_000 } })
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
    })
    const response = await fetch(`${url}/v1/embeddings/read`, {
      method: 'POST',
      headers: {
        'content-type': 'application/msgpack',
        authorization: `Bearer ${tokenOf.boss}`,
        accept: 'application/json',
      },
      body: endless,
      duplex: 'half',
    } as RequestInit)
    expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([
      413,
      'body_too_large',
    ])
  })

  it('of how long a request may take to arrive', async () => {
    const { url } = await startService({ limits: { arrivalTimeoutMs: 300 } })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (text) => {
      answer += text
    })
    const head = `POST /v1/embeddings/read HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokenOf.boss}\r\n`
    socket.write(`${head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{`)
    await new Promise((resolve) => socket.once('close', resolve))
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(JSON.parse(answer.split('\r\n\r\n')[1]).error.code).toBe('request_timeout')
  })

  it('of what is under way at once, aborted requests not counted', async () => {
    const reads = holdReads()
    const { url, boss } = await startService({ limits: { maxConcurrent: 2 }, around: reads.around })
    const read = (signal?: AbortSignal) =>
      fetch(`${url}/v1/embeddings/read`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${tokenOf.boss}` },
        body: JSON.stringify({ users: ['a'], models: ['m'] }),
        ...(signal && { signal }),
      })
    const abort = new AbortController()
    const held = [read(), read(abort.signal)]
    await reads.until(2)
    const refused = await read()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(((await refused.json()) as ErrorAnswer).error.code).toBe('overloaded')
    abort.abort()
    await expect(held[1]).rejects.toThrow()
    let third: Response
    do {
      reads.release()
      third = await read()
    } while (third.status === 503)
    expect(third.status).toBe(200)
    expect((await held[0]).status).toBe(200)
    expect((await boss.models()).length).toBe(1)
  })
})

describe('deadlines', () => {
  it('that a read cannot meet end it with 504, others go on', async () => {
    const reads = holdReads()
    const { url } = await startService({ around: reads.around })
    const body = { users: ['a'], models: ['m'] }
    const { status, body: answer } = await ask(url, '/v1/embeddings/read', body, { 'x-deadline-ms': '20' })
    expect([status, answer.error.code]).toEqual([504, 'deadline_exceeded'])
    reads.release()
    expect((await ask(url, '/v1/embeddings/read', body, { 'x-deadline-ms': '5000' })).status).toBe(200)
    for (const deadline of ['0', '-1', 'soon', '1.5', '1e3']) {
      const refused = await ask(url, '/v1/embeddings/read', body, { 'x-deadline-ms': deadline })
      expect([refused.status, refused.body.error.code], deadline).toEqual([400, 'invalid_request'])
    }
  })

  it('of the client end a call that is not answered', async () => {
    const reads = holdReads()
    const { url } = await startService({ around: reads.around })
    const client = createClient({ url, token: tokenOf.reader, deadlineMs: 30 })
    await expect(client.read(['a'], ['m'])).rejects.toMatchObject({ name: 'DeadlineError' })
    reads.release()
  })
})

describe('closing', () => {
  it('answers what is under way, refuses what comes, and loses nothing acknowledged', async () => {
    const reads = holdReads()
    const { server, boss, tenants, url } = await startService({ around: reads.around })
    const held = boss.read(['a'], ['m'])
    await reads.until(1)
    const acknowledged: string[] = []
    const writes = Array.from({ length: 50 }, (_, i) => {
      const user = `w${i}`
      return boss.ingest(eventAt(user, 1)).then(
        () => acknowledged.push(user),
        () => {},
      )
    })
    await new Promise((resolve) => setTimeout(resolve, 5))
    const closing = server.close()
    reads.release()
    expect([...(await held).models[0].status]).toEqual([2])
    await Promise.all(writes)
    await closing
    const { states } = await tenants.get('default')!.store.readStates('user', acknowledged)
    expect(states.every((state) => state !== undefined)).toBe(true)
    await expect(createClient({ url, deadlineMs: 500 }).read(['a'], ['m'])).rejects.toMatchObject({
      name: expect.stringMatching(/UnavailableError|DeadlineError/),
    })
  })
})
