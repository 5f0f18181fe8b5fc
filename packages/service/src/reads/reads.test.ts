/** Reads over HTTP in memory that is used again and again, and what a request says beside users and models. */
import type { AddressInfo } from 'node:net'
import { floatToHalf, halfToFloat } from '@headwater/binary16'
import { createClient } from '@headwater/client'
import { bucketOf } from '@headwater/features'
import { createPooling, type Encoder } from '@headwater/pooling'
import { constantEncoder, policy, profileSpace } from '@headwater/pooling/testing/towers'
import type { SeededRandom } from '@headwater/statistics'
import { openStore } from '@headwater/store'
import { fuzz } from '@headwater/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { testLimits } from '../../testing/http-service.ts'
import { ask, holdReads } from '../../testing/listening-service.ts'
import { createServer } from '../server/server.ts'

const models = [
  { name: 'm', dim: 4, policy, segmentField: 'country' },
  { name: 'n', dim: 37, policy, defaultVector: Float32Array.from({ length: 37 }, (_, i) => 0.1 * i - 1) },
]
const country = profileSpace.user.bags.findIndex(({ name }) => name === 'country')
/** Tells the country of a user. */
const encoder: Encoder = {
  ...constantEncoder(1, 0),
  encode: async (batch) =>
    Float32Array.from({ length: 4 * batch.rows }, (_, i) => (i % 4 === 0 ? batch.bags[country].ids[i / 4] : 0.3)),
}
const held = ['a', 'b', 'é', 'user-4', 'user-5']

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function released() {
  const holding = holdReads()
  holding.release()
  return holding
}

/** Every held user has two embeddings a model. @param holding reads of the store wait until it is released */
async function start(holding: ReturnType<typeof holdReads>) {
  const store = await openStore('memory:')
  const requests: (string | undefined)[] = []
  const pooling = createPooling({
    store: holding.around(store),
    space: profileSpace,
    models,
    clock: Date,
    onServed: (_, request) => requests.push(request),
  })
  await pooling.publish('m', encoder)
  for (const { name, dim } of models) {
    for (const snapshot of [1, 2]) {
      const vectors = Float32Array.from({ length: held.length * dim }, (_, i) => Math.sin(i + snapshot))
      const featureTimeMs = Float64Array.from(held, (_, u) => 1_700_000_000_000 + u)
      const slots = { slots: 3, count: 3, slot: 'snapshot' } as const
      const tag = { snapshot, frame: 0, featureTimeMs, writtenMs: Date.now() }
      await store.append({ model: name, dim, users: held, vectors, policy: slots, ...tag })
    }
  }
  const server = createServer({
    tenants: new Map([['default', { store, pooling }]]),
    space: profileSpace,
    models,
    auth: 'loopback',
    limits: testLimits,
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  closers.push(
    () => store.close(),
    () => pooling.close(),
    () => server.close(),
  )
  return { url, pooling, requests }
}

const half = (values: Float32Array) => values.map((value) => halfToFloat(floatToHalf(value)))

describe('reads of any users, models and encodings, several at once', () => {
  it('are what a read in new memory gives, whatever reads came before and come beside', async () => {
    const { url, pooling } = await start(released())
    const clients = {
      f32: createClient({ url, encoding: 'f32', deadlineMs: 5_000 }),
      f16: createClient({ url, encoding: 'f16', deadlineMs: 5_000 }),
    }
    const drawRead = (random: SeededRandom) => {
      const oneOf = <T>(...values: readonly T[]) => values[random.nextBelow(values.length)]
      const users = Array.from({ length: random.nextBelow(5) }, () => oneOf(...held, 'cold', 'colder'))
      return {
        users,
        asked: oneOf<readonly string[]>([], ['m'], ['n'], ['m', 'n'], ['n', 'm']),
        isJson: oneOf(true, false),
        request: oneOf(undefined, 'r'),
        encoding: oneOf<'f32' | 'f16' | undefined>('f32', 'f16', undefined),
        latest: oneOf(true, false, undefined),
        // A stranger's would change the default, once that is computed.
        segments: oneOf(
          undefined,
          users.map((user) => (held.includes(user) ? 'PE' : null)),
        ),
      }
    }
    const answerOf = async ({ users, asked, isJson, request, ...said }: ReturnType<typeof drawRead>) => {
      const { encoding, latest, segments } = said
      if (!isJson) {
        const options = { ...(latest !== undefined && { latest }), ...(segments && { segments }) }
        return clients[encoding ?? 'f32'].read(users, asked, { ...options, ...(request && { request }) })
      }
      const headers: Record<string, string> = request === undefined ? {} : { 'x-request-id': request }
      const { status, body } = await ask(url, '/v1/embeddings/read', { users, models: asked, ...said }, headers)
      expect(status).toBe(200)
      return body
    }
    const check = async (read: ReturnType<typeof drawRead>) => {
      const { users, asked, encoding, latest = false } = read
      const { models } = await answerOf(read)
      const truth = await pooling.look(users, asked)
      const bits = (values: ArrayLike<number>) => {
        const floats = Float32Array.from(values)
        return encoding === 'f16' ? half(floats) : floats
      }
      expect(models.map(({ model }) => model)).toEqual(asked)
      for (const [m, got] of [...models].entries()) {
        const want = truth.models[m]
        expect(bits(got.vectors)).toEqual(bits(want.vectors))
        expect((got.latest ?? null) === null).toBe(!latest)
        for (const [u, user] of users.entries()) {
          const row = held.indexOf(user)
          if (!latest || row < 0) continue
          const newest = Float32Array.from({ length: got.dim }, (_, d) => Math.sin(row * got.dim + d + 2))
          expect(bits(Array.from(got.latest!).slice(u * got.dim, (u + 1) * got.dim))).toEqual(half(newest))
        }
        for (const column of ['status', 'snapshot', 'frame', 'featureTimeMs'] as const)
          expect([...got[column]], column).toEqual([...want[column]])
      }
    }
    await fuzz(
      (random) => Array.from({ length: 4 }, () => Array.from({ length: 5 }, () => drawRead(random))),
      async (lanes) => {
        const inTurn = lanes.map(async (reads) => {
          for (const read of reads) await check(read)
        })
        await Promise.all(inTurn)
      },
      { runs: 15 },
    )
  })

  it('read back from JSON to the bits of the encoding that was asked for', async () => {
    const { url } = await start(released())
    const users = [...held, 'cold']
    const client = createClient({ url, encoding: 'f32', deadlineMs: 5_000 })
    const { models: truth } = await client.read(users, ['m', 'n'], { latest: true })
    for (const encoding of [undefined, 'f32', 'f16'] as const) {
      const { body } = await ask(url, '/v1/embeddings/read', { users, models: ['m', 'n'], latest: true, encoding })
      const bits = (values: ArrayLike<number>) => {
        const floats = Float32Array.from(values)
        return encoding === 'f16' ? half(floats) : floats
      }
      for (const [m, got] of body.models.entries()) {
        expect(got.encoding).toBe(encoding ?? 'f32')
        expect(bits(got.vectors)).toEqual(bits(truth[m].vectors))
        expect(bits(got.latest)).toEqual(bits(truth[m].latest!))
        for (const column of ['status', 'snapshot', 'frame', 'featureTimeMs'] as const) {
          expect(got[column], column).toEqual([...truth[m][column]])
        }
        expect(got.ageMs.map((age) => age === null)).toEqual(users.map((user) => user === 'cold'))
      }
    }
  })

  it('are not touched by one that the store answers after its deadline', async () => {
    const holding = holdReads()
    const { url, pooling } = await start(holding)
    const client = createClient({ url, encoding: 'f16', deadlineMs: 5_000 })
    const late = ask(url, '/v1/embeddings/read', { users: ['b'], models: ['n'] }, { 'x-deadline-ms': '200' })
    await holding.until(1)
    expect((await late).status).toBe(504)
    holding.release()
    const want = (await pooling.look(['a'], ['n'])).models[0].vectors
    for (let i = 0; i < 5; i++) expect((await client.read(['a'], ['n'])).models[0].vectors).toEqual(want)
  })
})

describe('what a request says besides', () => {
  it('segments give strangers their default', async () => {
    const { url } = await start(released())
    const read = async (segments: (string | null)[]) => {
      const body = { users: segments.map((_, i) => `stranger-${i}`), models: ['m'], segments }
      return (await ask(url, '/v1/embeddings/read', body)).body.models[0].vectors as number[]
    }
    const bucket = (name: string) => bucketOf('country', name, 997)
    // They are computed off the read path, once they are known.
    while ((await read(['PE', null, 'NZ']))[8] !== bucket('NZ')) await new Promise((resolve) => setTimeout(resolve, 1))
    const [first, , , , second] = await read(['PE', null, 'NZ'])
    expect([first, second]).toEqual([bucket('PE'), 0])
    const { status, body } = await ask(url, '/v1/embeddings/read', { users: ['x'], models: ['m'], segments: [] })
    expect([status, body.error.message]).toEqual([400, expect.stringContaining('segments has 0 entries')])
  })

  it('its id comes to whoever is told what was served', async () => {
    const { url, requests } = await start(released())
    const body = { users: ['a'], models: ['m'] }
    await ask(url, '/v1/embeddings/read', body, { 'x-request-id': 'request-7' })
    await ask(url, '/v1/embeddings/read', body)
    await ask(url, '/v1/embeddings/read', body, { 'x-request-id': 'x'.repeat(513) })
    expect(requests).toEqual(['request-7', undefined, undefined])
  })

  it('ids of events make one that comes again change nothing', async () => {
    const { url, pooling } = await start(released())
    const event = { users: ['a'], items: ['i'], timesMs: [Date.now()], fields: { rating: [5] } }
    for (const id of ['e-1', 'e-1', 'e-2']) {
      expect((await ask(url, '/v1/events', { ...event, ids: [id] })).status).toBe(200)
    }
    expect((await ask(url, '/v1/events', event)).status).toBe(200)
    expect(pooling.counters).toMatchObject({ events: 3, repeated: 1 })
  })
})
