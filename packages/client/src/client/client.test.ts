/** What the client does with answers good and bad; `src/http` tests the server's side with it, over real sockets. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { packMessage, unpackMessage } from '../codec/formats.ts'
import { type Client, ClientError, createClient } from '../index.ts'

const packed = (status: number, message: unknown, headers: Record<string, string> = {}) =>
  new Response(packMessage(message), { status, headers: { 'content-type': 'application/msgpack', ...headers } })
const failed = (status: number, code: string, headers: Record<string, string> = {}) =>
  packed(status, { error: { code, message: `told of ${code}` } }, headers)

interface Asked {
  readonly users: readonly string[]
  readonly models: readonly string[]
  readonly latest: boolean
  readonly segments?: readonly (string | null)[]
  readonly ids?: readonly string[]
}

/** An honest answer: the vector of user `u7` is [7, 7]. */
function answerTo({ users, models }: Asked): Response {
  const bytes = (array: Float32Array | Uint32Array | Float64Array | Uint8Array) =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const number = users.map((user) => Number(user.slice(1)))
  return packed(200, {
    servedMs: 5,
    models: models.map((model) => ({
      model,
      dim: 2,
      encoding: 'f32',
      vectors: bytes(Float32Array.from(number.flatMap((n) => [n, n]))),
      status: bytes(Uint8Array.from(number, () => 0)),
      snapshot: bytes(Uint32Array.from(number)),
      frame: bytes(new Uint32Array(users.length)),
      featureTimeMs: bytes(new Float64Array(users.length)),
      ageMs: bytes(new Float64Array(users.length)),
    })),
  })
}

/** A client whose server is a function; `calls` are what it was asked. */
function clientOf(serve: (asked: Asked, call: number) => Response | Promise<Response>, options = {}) {
  const calls: Asked[] = []
  const headers: Headers[] = []
  const ask: typeof fetch = async (_, init) => {
    const body = init?.body as Uint8Array | null
    const asked = (body === null ? {} : unpackMessage(body, { maxDepth: 9, maxValues: 1e6 })) as Asked
    calls.push(asked)
    headers.push(new Headers(init?.headers))
    return serve(asked, calls.length)
  }
  return { client: createClient({ url: 'http://server/', fetch: ask, ...options }), calls, headers }
}

describe('reads of one tick', () => {
  it('are one call, and each gets its own rows', async () => {
    const { client, calls } = clientOf(answerTo)
    const wanted = [['u1', 'u2'], ['u3'], [], ['u2']]
    const answers = await Promise.all(wanted.map((users) => client.read(users, ['m', 'n'])))
    expect(calls).toHaveLength(1)
    for (const [i, { models }] of answers.entries()) {
      const numbers = wanted[i].map((user) => Number(user.slice(1)))
      for (const [m, model] of models.entries()) {
        expect(model.model).toBe(['m', 'n'][m])
        expect([...model.vectors]).toEqual(numbers.flatMap((n) => [n, n]))
        expect([...model.snapshot]).toEqual(numbers)
        expect(model.latest).toBeNull()
      }
    }
    await client.read(['u4'], ['m'])
    expect(calls).toHaveLength(2)
  })

  it('of other models, or with the newest, are calls of their own; so is what is over the limit of users', async () => {
    const { client, calls } = clientOf(answerTo, { maxUsers: 3 })
    await Promise.all([
      client.read(['u1', 'u2'], ['m']),
      client.read(['u3', 'u4'], ['m']),
      client.read(['u5'], ['m']),
      client.read(['u6'], ['n']),
      client.read(['u7'], ['m'], { latest: true }),
    ])
    expect(calls.map(({ users }) => users.join()).sort()).toEqual(['u1,u2', 'u3,u4,u5', 'u6', 'u7'])
  })

  it('carry the segments of those that have some', async () => {
    const { client, calls } = clientOf(answerTo)
    await Promise.all([
      client.read(['u1'], ['m']),
      client.read(['u2', 'u3'], ['m'], { segments: ['north', null] }),
      client.read(['u4'], ['n']),
    ])
    expect(calls.map(({ segments }) => segments)).toEqual([[null, 'north', null], undefined])
  })

  it('carry the name of their request, and travel with others of it alone', async () => {
    const { client, calls, headers } = clientOf(answerTo)
    await Promise.all([
      client.read(['u1'], ['m'], { request: 'r 1' }),
      client.read(['u2'], ['m']),
      client.read(['u3'], ['m'], { request: 'r 1' }),
      client.read(['u4'], ['m'], { request: 'r2' }),
    ])
    expect(calls.map(({ users }, i) => [headers[i].get('x-request-id'), users.join()])).toEqual([
      ['r 1', 'u1,u3'],
      [null, 'u2'],
      ['r2', 'u4'],
    ])
    for (const request of ['', ' r', 'é', 'a\nb', 'x'.repeat(513)])
      await expect(client.read(['u1'], ['m'], { request })).rejects.toMatchObject({ name: 'BadRequestError' })
    expect(calls).toHaveLength(3)
  })

  it('do not suffer from a bad one among them', async () => {
    const { client, calls } = clientOf((asked) =>
      asked.users.includes('bad') ? failed(400, 'invalid_key') : answerTo(asked),
    )
    const [good, bad, other] = await Promise.allSettled([
      client.read(['u1'], ['m']),
      client.read(['bad'], ['m']),
      client.read(['u2'], ['m']),
    ])
    expect([good.status, bad.status, other.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((bad as PromiseRejectedResult).reason).toMatchObject({ name: 'BadRequestError', code: 'invalid_key' })
    expect(calls).toHaveLength(4)
  })

  it('wait no longer than each wants', async () => {
    let letGo = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const { client, headers } = clientOf(async (asked) => {
      await held
      return answerTo(asked)
    })
    const patient = client.read(['u1'], ['m'], { deadlineMs: 60_000 })
    await expect(client.read(['u2'], ['m'], { deadlineMs: 5 })).rejects.toMatchObject({ name: 'DeadlineError' })
    letGo()
    expect([...(await patient).models[0].vectors]).toEqual([1, 1])
    const deadlineMs = Number(headers[0].get('x-deadline-ms'))
    expect(deadlineMs).toBeGreaterThan(5)
    expect(deadlineMs).toBeLessThanOrEqual(60_000)
  })
})

describe('tries', () => {
  it('are repeated for reads where the server is overloaded, away, or not to be reached', async () => {
    const { client, calls } = clientOf((asked, call) => {
      if (call === 1) return failed(429, 'too_many_requests', { 'retry-after': '0' })
      if (call === 2) throw new TypeError('fetch failed')
      return answerTo(asked)
    })
    expect([...(await client.read(['u3'], ['m'], { deadlineMs: 60_000 })).models[0].vectors]).toEqual([3, 3])
    expect(calls).toHaveLength(3)
  })

  it('are repeated for events under the same ids, and for all else that may be done twice', async () => {
    const answers = [failed(503, 'store_unavailable'), packed(200, {})]
    const { client, calls } = clientOf((_, call) => answers[(call - 1) % 2].clone())
    const event = { users: ['u1', 'u1'], items: ['i', 'i'], timesMs: [1, 1], fields: {} }
    await client.ingest(event)
    await client.ingest(event)
    await client.ingest({ ...event, ids: ['a', null] })
    const ids = calls.map((call) => call.ids!)
    for (const first of [0, 2, 4]) expect(ids[first]).toEqual(ids[first + 1])
    expect(ids[4][0]).toBe('a')
    expect(new Set(ids.flat()).size).toBe(6)
    await client.forget('u1')
    await client.putFeatures('u1', { plan: 'paid' })
    await client.promote('m', 3)
    const outcomes = { downstream: 'd', requests: ['r'], predictions: [0.5], labels: [1], timesMs: [1] }
    await client.outcomes(outcomes)
    expect(calls).toHaveLength(14)
  })

  it('are never repeated where the server would do it again', async () => {
    const { client, calls } = clientOf(() => failed(503, 'store_unavailable'))
    const many = Array.from({ length: 65 }, (_, i) => i)
    const events = { users: many.map(() => 'u'), items: many.map(String), timesMs: many, fields: {} }
    const refused = { name: 'UnavailableError', code: 'store_unavailable' }
    await expect(client.ingest(events)).rejects.toMatchObject(refused)
    await expect(client.rollback('m')).rejects.toMatchObject(refused)
    expect(calls).toHaveLength(2)
    // One event fewer of that user, and the server knows all of them again.
    const users = events.users.with(0, 'v')
    await expect(client.ingest({ ...events, users })).rejects.toMatchObject(refused)
    expect(calls.length).toBeGreaterThan(3)
  })

  it('do not help against what is wrong', async () => {
    const wrong = clientOf(() => failed(500, 'internal'))
    await expect(wrong.client.read(['u1'], ['m'])).rejects.toMatchObject({ name: 'ServerError', status: 500 })
    expect(wrong.calls).toHaveLength(1)
  })

  it('are a tenth of the calls at most, once what was saved is spent', async () => {
    const { client, calls } = clientOf(() => failed(503, 'draining', { 'retry-after': '0' }))
    for (let i = 0; i < 100; i++) await client.read(['u1'], ['m'], { deadlineMs: 60_000 }).catch(() => {})
    // A hundred first tries, ten saved ones and a tenth of the calls; fractions are lost at the full mark.
    expect(calls.length).toBeGreaterThanOrEqual(115)
    expect(calls.length).toBeLessThanOrEqual(120)
  })

  it.each([
    [429, 'too_many_requests'],
    [503, 'overloaded'],
  ])('that the deadline leaves no time for are not waited for: %i %s', async (status, code) => {
    const { client, calls } = clientOf(() => failed(status, code, { 'retry-after': '30' }))
    await expect(client.read(['u1'], ['m'], { deadlineMs: 5_000 })).rejects.toMatchObject({
      name: 'OverloadedError',
      retryAfterMs: 30_000,
    })
    expect(calls).toHaveLength(1)
  })
})

describe('a change of the snapshot', () => {
  const change = (snapshot: number | null, state: string, error: object | null = null) => ({ snapshot, state, error })
  /** Answers of the POST, then of each look at the model; the last one again and again. */
  const changing = (first: object, looks: readonly (object | null)[]) =>
    clientOf((_, call) => {
      if (call === 1) return packed(202, { model: 'm', change: first })
      return packed(200, { model: 'm', change: looks[Math.min(call - 2, looks.length - 1)] })
    })

  it('that takes longer than its request is waited for', async () => {
    const { client, calls } = changing(change(3, 'loading'), [change(3, 'loading'), change(3, 'served')])
    expect(await client.promote('m', 3)).toEqual({ model: 'm', snapshot: 3 })
    expect(calls).toHaveLength(3)
    const back = changing(change(null, 'loading'), [change(2, 'served')])
    expect(await back.client.rollback('m')).toEqual({ model: 'm', snapshot: 2 })
  })

  it.each<[string, object | null, object]>([
    [
      'is refused in the end',
      change(3, 'refused', { code: 'snapshot_refused', message: 'it is damaged' }),
      { name: 'ConflictError', code: 'snapshot_refused', message: 'it is damaged', status: 409 },
    ],
    ['gives way to another', change(4, 'served'), { name: 'ConflictError' }],
    ['a new server knows nothing of', null, { name: 'ConflictError' }],
  ])('that %s is told', async (_, look, error) => {
    const { client } = changing(change(3, 'loading'), [look])
    await expect(client.promote('m', 3)).rejects.toMatchObject(error)
  })

  it('is waited for no longer than the deadline', async () => {
    const { client, calls } = changing(change(3, 'loading'), [change(3, 'loading')])
    await expect(client.promote('m', 3, { deadlineMs: 600 })).rejects.toMatchObject({ name: 'DeadlineError' })
    expect(calls.length).toBeGreaterThan(1)
    expect(calls.length).toBeLessThan(6)
  })
})

describe('errors', () => {
  it.each([
    [400, 'invalid_request', 'BadRequestError'],
    [413, 'batch_too_large', 'BadRequestError'],
    [401, 'unauthenticated', 'AuthenticationError'],
    [403, 'forbidden', 'ForbiddenError'],
    [404, 'unknown_model', 'NotFoundError'],
    [409, 'snapshot_refused', 'ConflictError'],
    [504, 'deadline_exceeded', 'DeadlineError'],
    [500, 'internal', 'ServerError'],
    [507, 'store_full', 'ServerError'],
  ])('%i %s is a %s', async (status, code, name) => {
    const { client } = clientOf(() => failed(status, code))
    const error = await client.forget('u').catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(ClientError)
    expect(error).toMatchObject({ name, status, code, message: `told of ${code}` })
  })

  it.each<[string, () => Response, string]>([
    ['a page of a proxy', () => new Response('<html>', { status: 200 }), 'ProtocolError'],
    ['a page of a proxy that failed', () => new Response('<html>', { status: 502 }), 'ServerError'],
    [
      'an answer cut off',
      () => new Response(Uint8Array.of(0x82), { headers: { 'content-type': 'application/msgpack' } }),
      'ProtocolError',
    ],
    ['rows that are missing', () => answerTo({ users: [], models: ['m'], latest: false }), 'ProtocolError'],
    ['another message', () => packed(200, [1]), 'ProtocolError'],
  ])('%s is told', async (_, answer, name) => {
    const { client } = clientOf(answer)
    await expect(client.read(['u1'], ['m'])).rejects.toMatchObject({ name })
  })
})

it.each<[string, (client: Client) => Promise<unknown>]>([
  ['GET /v1/models', (client) => client.models()],
  ['GET /v1/models/a%2Fb', (client) => client.snapshots('a/b')],
  ['POST /v1/models/m/promote {"snapshot":3}', (client) => client.promote('m', 3)],
  ['POST /v1/models/m/rollback {}', (client) => client.rollback('m')],
  ['DELETE /v1/users/%C3%A9%20%2F', (client) => client.forget('é /')],
  [
    'PUT /v1/users/u/features {"values":{"a":[1,2]},"timeMs":5}',
    (client) => client.putFeatures('u', { a: [1, 2] }, { timeMs: 5 }),
  ],
  ['PUT /v1/users/u/features {"values":{"a":null}}', (client) => client.putFeatures('u', { a: null })],
])('asks %s', async (request, call) => {
  let asked = ''
  const ask: typeof fetch = async (url, init) => {
    const body = init?.body as Uint8Array | null
    const message = body === null ? '' : ` ${JSON.stringify(unpackMessage(body, { maxDepth: 9, maxValues: 99 }))}`
    asked = `${init?.method} ${new URL(String(url)).pathname}${message}`
    return packed(200, { models: [] })
  }
  await call(createClient({ url: 'http://server', fetch: ask }))
  expect(asked).toBe(request)
})

it('imports nothing that a browser has not, and of the schemas the types alone', () => {
  const here = dirname(fileURLToPath(import.meta.url))
  const packages = new Set<string>()
  const seen = new Set<string>()
  const visit = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    const text = readFileSync(path, 'utf8')
    for (const [statement, name] of text.matchAll(/^(?:import|export) [^'"]*?from '([^']+)'/gms)) {
      if (/^(import|export) type /.test(statement)) continue
      if (name.startsWith('.')) visit(join(dirname(path), name))
      else if (name.startsWith('@headwater/'))
        visit(join(here, '../../..', name.slice('@headwater/'.length), 'src/index.ts'))
      else packages.add(name)
    }
  }
  visit(join(here, '../index.ts'))
  expect(seen.size).toBeGreaterThan(8)
  expect([...packages]).toEqual(['msgpackr'])
  expect([...seen].filter((path) => path.includes('schemas'))).toEqual([])
})
