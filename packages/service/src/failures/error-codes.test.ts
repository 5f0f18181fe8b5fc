/** Every code that callers may meet, written out, and what brings a real server to those that no other file of tests does. */
import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import type { ErrorAnswer } from '@headwater/client'
import { errorStatus } from '@headwater/client/wire'
import { openEventLog, openOutcomeLog } from '@headwater/logs'
import { LogWriteError, SnapshotRefusedError } from '@headwater/pooling'
import { type Intercepted, interceptStore } from '@headwater/pooling/testing/intercepted-store'
import { space } from '@headwater/pooling/testing/towers'
import {
  type EmbeddingStore,
  ForgetError,
  type ForgetReceipt,
  StoreBusyError,
  StoreClosedError,
  StoreFullError,
  StoreReadOnlyError,
  StoreUnavailableError,
  StoreWriteError,
} from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { eventAt, holdReads, startService } from '../../testing/listening-service.ts'
import { observeService } from '../../testing/observed-service.ts'
import { wireErrorOf } from './failure.ts'

/** A promise to callers: nothing here is ever changed, only added. */
const statusOf = {
  malformed_body: 400,
  invalid_request: 400,
  invalid_key: 400,
  invalid_event: 400,
  invalid_outcome: 400,
  malformed_http: 400,
  unauthenticated: 401,
  forbidden: 403,
  loopback_only: 403,
  cross_site: 403,
  unknown_route: 404,
  unknown_model: 404,
  unknown_snapshot: 404,
  no_item_vectors: 404,
  not_acceptable: 406,
  request_timeout: 408,
  snapshot_refused: 409,
  unmanaged_model: 409,
  too_many_downstreams: 409,
  body_too_large: 413,
  batch_too_large: 413,
  unsupported_media_type: 415,
  too_many_requests: 429,
  headers_too_large: 431,
  internal: 500,
  forget_incomplete: 500,
  contention: 503,
  store_unavailable: 503,
  log_unavailable: 503,
  encoder_unavailable: 503,
  draining: 503,
  not_ready: 503,
  overloaded: 503,
  deadline_exceeded: 504,
  store_full: 507,
}

const requests = {
  read: ['POST', '/v1/embeddings/read', { users: ['ann'], models: ['m'] }],
  events: ['POST', '/v1/events', eventAt('ann', 5)],
  features: ['PUT', '/v1/users/ann/features', { values: {} }],
  forget: ['DELETE', '/v1/users/ann', undefined],
  models: ['GET', '/v1/models', undefined],
} as const
type Request = keyof typeof requests

/** A request's answer: its status, and what it says where it is an error. */
async function send(url: string, request: Request, more: Record<string, string> = {}) {
  const [method, path, body] = requests[request]
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${tokenOf.boss}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...more,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const { error } = (await response.json()) as Partial<ErrorAnswer>
  const { code, message, details } = error ?? {}
  return { status: response.status, code, message, details, headers: response.headers }
}

async function codeOf(...asked: Parameters<typeof send>) {
  const { status, code } = await send(...asked)
  return [status, code]
}

it('codes of errors are these, with these statuses', async () => {
  expect(errorStatus).toEqual(statusOf)
  const { url } = await startService()
  const { components } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    components: { schemas: { ErrorAnswer: { properties: { error: { properties: { code: { enum: string[] } } } } } } }
  }
  const codes = components.schemas.ErrorAnswer.properties.error.properties.code.enum
  expect(codes.sort()).toEqual(Object.keys(statusOf).sort())
})

describe('a store that fails', () => {
  const away = new StoreUnavailableError('no server answered')
  const full = new StoreFullError('the disk is full')
  const cases: readonly (readonly [keyof EmbeddingStore, Error, Request, number, string])[] = [
    ['read', away, 'read', 503, 'store_unavailable'],
    ['read', new StoreClosedError(), 'read', 503, 'draining'],
    ['readStates', away, 'events', 503, 'store_unavailable'],
    ['compareAndSetStates', new StoreReadOnlyError('/data'), 'events', 503, 'store_unavailable'],
    ['compareAndSetStates', new StoreBusyError('/data', 1), 'features', 503, 'store_unavailable'],
    ['flushed', new StoreWriteError('the disk does not answer'), 'events', 503, 'store_unavailable'],
    ['forget', away, 'forget', 503, 'store_unavailable'],
    ['compareAndSetStates', full, 'events', 507, 'store_full'],
    ['flushed', full, 'features', 507, 'store_full'],
    ['forget', full, 'forget', 507, 'store_full'],
  ]
  it.each(cases)(
    'in %s with a %o answers %s with %i %s, and goes on once it is mended',
    async (call, error, ...rest) => {
      const [request, status, code] = rest
      const calls: Intercepted = {}
      const { url } = await startService({ around: (store) => interceptStore(store, calls) })
      Object.assign(calls, { [call]: () => Promise.reject(error) })
      const failed = await send(url, request)
      expect([failed.status, failed.code]).toEqual([status, code])
      expect(failed.headers.get('retry-after')).toBe(status === 503 ? '1' : null)
      expect(failed.message).not.toMatch(/\/data|disk|answered/)
      delete calls[call]
      expect(await codeOf(url, request)).toEqual([200, undefined])
    },
  )
})

it('no message names a directory of the server', () => {
  const receipt: ForgetReceipt = {
    user: 'ann',
    tenant: 'default',
    atMs: 1,
    removed: [],
    failed: [{ where: 'panel', reason: 'cannot write /srv/models/ctr/snapshot-000004: EACCES' }],
  }
  const errors = [
    new LogWriteError('the event log in /srv/log/events cannot be written: ENOSPC'),
    new StoreWriteError('store /srv/store could not commit'),
    new SnapshotRefusedError('/srv/models/ctr/snapshot-000004 cannot be served: (/srv/models/ctr/x.json) has no end'),
    new ForgetError(receipt, []),
    new Error('ENOENT: /srv/store'),
  ].map(wireErrorOf)
  expect(JSON.stringify(errors.map(({ message, details }) => [message, details]))).not.toContain('/srv')
  expect(errors[2].message).toBe('snapshot-000004 cannot be served: (x.json) has no end')
})

it.each(['events', 'features'] as const)('contention: another writer is always faster than %s', async (request) => {
  const calls: Intercepted = {}
  let store: EmbeddingStore
  const { url, tenants, pooling } = await startService({
    around: (own) => {
      store ??= own
      return interceptStore(own, calls)
    },
  })
  expect(await codeOf(url, 'events')).toEqual([200, undefined])
  const state = async () => (await tenants.get('default')!.store.readStates('user', ['ann'])).states[0]!
  const before = await state()
  // Between the server's look and its write the other one writes the same anew.
  calls.compareAndSetStates = async (groups) => {
    const { states, versions } = await store.readStates('user', ['ann'])
    const other = { kind: 'user', key: 'ann', expected: versions[0], state: states[0]! } as const
    expect([...(await store.compareAndSetStates([[other]]))]).toEqual([1])
    return store.compareAndSetStates(groups)
  }
  expect(await codeOf(url, request)).toEqual([503, 'contention'])
  expect([await state(), pooling.counters.events]).toEqual([before, 1])
  delete calls.compareAndSetStates
  expect(await codeOf(url, request)).toEqual([200, undefined])
})

describe('log_unavailable', () => {
  it('events that their log cannot keep are not applied', async () => {
    const directory = temporaryDirectory()
    const eventLog = await openEventLog({ directory, tenant: 'default', schema: space.schema })
    const { url, tenants, pooling } = await observeService({ space }, { space, eventLog })
    rmSync(directory, { recursive: true })
    expect(await codeOf(url, 'events')).toEqual([503, 'log_unavailable'])
    expect(pooling.counters.events).toBe(0)
    expect((await tenants.get('default')!.store.readStates('user', ['ann'])).states).toEqual([undefined])
    await eventLog.close()
  })

  it('outcomes that their log cannot keep are not scored', async () => {
    const directory = temporaryDirectory()
    const log = await openOutcomeLog({ directory, tenant: 'default' })
    const outcome = { downstream: 'ctr', requests: ['r1'], predictions: [0.5], labels: [1], timesMs: [1] }
    // What it has is read at the start already.
    rmSync(directory, { recursive: true })
    const { ask } = await observeService({ outcomes: () => log })
    for (const _ of ['once', 'again']) {
      const { status, body } = await ask('POST', '/v1/outcomes', outcome)
      expect([status, body.error?.code]).toEqual([503, 'log_unavailable'])
    }
    expect(log.counters.rows).toBe(0)
    await log.close()
  })
})

it('forget_incomplete: a place beside the store keeps the user, and the receipt says which', async () => {
  const { url, tenants } = await startService()
  const { store } = tenants.get('default')!
  await send(url, 'events')
  let isBroken = true
  store.addForgetHolder({
    where: 'panel',
    forget: async () => {
      if (isBroken) throw new Error('its disk is away')
      return [{ what: 'line', count: 2 }]
    },
  })
  const { status, code, details } = await send(url, 'forget')
  expect([status, code]).toEqual([500, 'forget_incomplete'])
  expect(details).toMatchObject({ user: 'ann', failed: [{ where: 'panel', reason: 'its disk is away' }] })
  expect((details as ForgetReceipt).removed).toContainEqual({ where: 'store', what: 'state', count: 1 })
  expect((await store.readStates('user', ['ann'])).states).toEqual([undefined])
  isBroken = false
  expect(await codeOf(url, 'forget')).toEqual([200, undefined])
})

describe('what is no request', () => {
  /** All that comes back for some bytes, until the server closes the connection. */
  async function answerTo(url: string, text: string) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (part) => {
      answer += part
    })
    socket.write(text)
    await new Promise((resolve) => socket.once('close', resolve))
    const [head, body] = answer.split('\r\n\r\n')
    return [Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]), JSON.parse(body).error.code]
  }
  const headOf = (path: string, ...more: string[]) =>
    [`POST ${path} HTTP/1.1`, 'host: x', `authorization: Bearer ${tokenOf.boss}`, ...more, '', ''].join('\r\n')
  const json = 'content-type: application/json'
  const chunked = 'transfer-encoding: chunked'

  it.each(['/v1/embeddings/read', '/v1/events'])('headers_too_large, malformed_http: at %s', async (path) => {
    const { url, pooling } = await startService()
    const cases = [
      [headOf(path, `x-long: ${'x'.repeat(20_000)}`), 431, 'headers_too_large'],
      ['NONSENSE\r\n\r\n', 400, 'malformed_http'],
      [headOf(path, 'no colon'), 400, 'malformed_http'],
      [headOf(path, json, 'content-length: 2x'), 400, 'malformed_http'],
      [headOf(path, json, 'content-length: 2', chunked), 400, 'malformed_http'],
      [`${headOf(path, json, chunked)}2\r\n{}\r\nzz\r\n`, 400, 'malformed_http'],
    ] as const
    for (const [text, status, code] of cases) {
      expect(await answerTo(url, text), text.slice(0, 200)).toEqual([status, code])
    }
    expect(pooling.counters).toMatchObject({ reads: 0, events: 0 })
  })
})

it('draining: requests that come once the server ends, while one is under way', async () => {
  const reads = holdReads()
  const { server, url, pooling } = await startService({ around: reads.around })
  const held = codeOf(url, 'read')
  await reads.until(1)
  const closing = server.close()
  while ((await fetch(`${url}/readyz`)).status === 200);
  for (const request of ['read', 'events', 'features', 'forget', 'models'] as const) {
    const { status, code, headers } = await send(url, request)
    expect([status, code, headers.get('retry-after'), headers.get('connection')], request).toEqual([
      503,
      'draining',
      '1',
      'close',
    ])
  }
  reads.release()
  expect(await held).toEqual([200, undefined])
  await closing
  expect(pooling.counters).toMatchObject({ reads: 1, events: 0 })
})

it('not_acceptable: the caller takes no type that is served, and nothing is done', async () => {
  const { url, tenants, pooling } = await startService()
  expect(await codeOf(url, 'events')).toEqual([200, undefined])
  const state = async () => (await tenants.get('default')!.store.readStates('user', ['ann'])).states[0]
  const before = await state()
  for (const request of ['read', 'events', 'features', 'forget', 'models'] as const) {
    expect(await codeOf(url, request, { accept: 'text/html' }), request).toEqual([406, 'not_acceptable'])
  }
  expect(await state()).toEqual(before)
  expect(pooling.counters).toMatchObject({ reads: 0, events: 1 })
})
