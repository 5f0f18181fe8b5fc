/** The service over real sockets and a real store, with a function in a tower's place. */

import { createClient } from '@headwater/client'
import { errorStatus } from '@headwater/client/wire'
import { dim, model } from '@headwater/pooling/testing/towers'
import { describe, expect, it, vi } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { ask, eventAt, startService, untilHeld } from '../../testing/listening-service.ts'

describe('reads', () => {
  it('answer what pooling serves, bit for bit, and cold users with the default', async () => {
    const { boss, pooling, url } = await startService()
    await boss.ingest(eventAt('a', 9))
    await untilHeld(boss, 'a')
    const answer = await boss.read(['a', 'cold'], ['m'], { latest: true })
    const truth = await pooling.read(['a', 'cold'], ['m'], { latest: true })
    const [got, want] = [answer.models[0], truth.models[0]]
    for (const column of ['vectors', 'latest', 'status', 'snapshot', 'frame', 'featureTimeMs'] as const) {
      expect(got[column], column).toEqual(want[column])
    }
    expect(got.snapshot[0]).toBe(3)
    expect([...got.status]).toEqual([0, 2])
    expect([...got.vectors.subarray(dim)]).toEqual([...model.defaultVector])
    expect(got.ageMs[0]).toBe(answer.servedMs - got.featureTimeMs[0])
    expect(got.ageMs[1]).toBeNaN()
    // One embedding is held as fp16, so half the bytes say the same.
    const half = createClient({ url, token: tokenOf.reader, encoding: 'f16' })
    expect((await half.read(['a'], ['m'])).models[0].vectors).toEqual(want.vectors.subarray(0, dim))
  })

  it('of JSON are lists of numbers; a user named twice has two rows, nobody has none', async () => {
    const { url } = await startService()
    const { status, headers, body } = await ask(url, '/v1/embeddings/read', { users: ['x', 'x'], models: ['m'] })
    expect(status).toBe(200)
    expect(headers.get('content-type')).toContain('application/json')
    const [answered] = body.models
    expect(answered).toEqual({
      model: 'm',
      dim: 4,
      encoding: 'f32',
      vectors: [9, 8, 7, 6, 9, 8, 7, 6],
      status: [2, 2],
      snapshot: [0, 0],
      frame: [0, 0],
      featureTimeMs: [0, 0],
      ageMs: [null, null],
    })
    expect((await ask(url, '/v1/embeddings/read', { users: [], models: ['m'] })).body.models[0].vectors).toEqual([])
    expect((await ask(url, '/v1/embeddings/read', { users: ['x'], models: [] })).body.models).toEqual([])
  })

  it('speak JSON and MessagePack, as the caller accepts', async () => {
    const { url } = await startService()
    const body = { users: ['x'], models: ['m'] }
    const type = async (accept: string) => {
      const response = await fetch(`${url}/v1/embeddings/read`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${tokenOf.reader}` },
        body: JSON.stringify(body),
      })
      return [response.status, response.headers.get('content-type')]
    }
    expect(await type('application/x-msgpack')).toEqual([200, 'application/msgpack'])
    expect(await type('text/html, */*;q=0.1')).toEqual([200, 'application/json; charset=utf-8'])
    expect((await type('text/html'))[0]).toBe(406)
  })
})

describe('events', () => {
  it('are acknowledged once flushed, and the next reads serve them', async () => {
    const order: string[] = []
    const { boss } = await startService({
      around: (store) =>
        new Proxy(store, {
          get(target, name) {
            const value = Reflect.get(target, name)
            if (typeof value !== 'function') return value
            if (name !== 'flushed' && name !== 'compareAndSetStates') return value.bind(target)
            return async (...args: unknown[]) => {
              const result = await Reflect.apply(value, target, args)
              order.push(name)
              return result
            }
          },
        }),
    })
    await boss.ingest(eventAt('a', 2))
    expect(order.slice(0, 2)).toEqual(['compareAndSetStates', 'flushed'])
    const first = (await untilHeld(boss, 'a')).models[0]
    const eventMs = Date.now()
    await boss.ingest(eventAt('a', 10, eventMs))
    for (;;) {
      const next = (await boss.read(['a'], ['m'], { latest: true })).models[0]
      if (next.featureTimeMs[0] < eventMs) continue
      expect(next.latest).not.toEqual(first.latest)
      break
    }
  })

  it('of a hundred requests at once for one item all land, a bad one fails alone', async () => {
    const { boss, pooling } = await startService()
    const good = Array.from({ length: 100 }, (_, i) => boss.ingest(eventAt(`u${i % 10}`, i % 10)))
    const bad = boss.ingest({ ...eventAt('u1', 1), fields: { rating: ['much'] } })
    await expect(bad).rejects.toMatchObject({ code: 'invalid_event', message: expect.stringContaining('"rating"') })
    await Promise.all(good)
    expect(pooling.counters.events).toBe(100)
  })

  it('are refused whole: unknown fields, columns of unequal length, times ahead, keys that are none', async () => {
    const { boss, pooling } = await startService()
    const event = eventAt('a', 1)
    const cases = [
      [{ ...event, fields: { stars: [1] } }, 'invalid_request', 'fields has a field "stars"; known are rating'],
      [{ ...event, items: [] }, 'invalid_request', 'items has 0 entries, users has 1'],
      [{ ...event, fields: { rating: [1, 2] } }, 'invalid_request', 'has 2 entries'],
      [{ ...event, fields: { rating: [Number.NaN] } }, 'invalid_event', 'NaN'],
      [{ ...event, timesMs: [Number.NaN] }, 'invalid_event', 'timesMs[0] is NaN'],
      [{ ...event, timesMs: [Date.now() + 3_600_000] }, 'invalid_event', "ahead of the server's clock"],
      [{ ...event, users: [''] }, 'invalid_key', 'users[0] is empty'],
      [{ ...event, users: ['a\0b'] }, 'invalid_key', 'NUL'],
      [{ ...event, users: ['é'.repeat(257)] }, 'invalid_key', 'more than 512 bytes'],
    ] as const
    for (const [events, code, message] of cases) {
      await expect(boss.ingest(events), message).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      })
    }
    expect(pooling.counters.events).toBe(0)
    await boss.ingest({ users: ['é'.repeat(256)], items: ['i'], timesMs: [Date.now()], fields: {} })
    expect(pooling.counters.events).toBe(1)
  })
})

describe('forgetting', () => {
  it('gives a receipt, and nothing of the user is served any more', async () => {
    const { boss } = await startService()
    const user = 'ü/ser 1?'
    await boss.ingest(eventAt(user, 9))
    await untilHeld(boss, user)
    const receipt = await boss.forget(user)
    expect(receipt).toMatchObject({ user, tenant: 'default', failed: [] })
    expect(receipt.removed).toContainEqual({ where: 'store', what: 'state', count: 1 })
    expect(receipt.removed).toContainEqual({ where: 'store', what: 'ring', count: 1 })
    expect([...(await boss.read([user], ['m'])).models[0].status]).toEqual([2])
  })
})

describe('a failure of the server', () => {
  it('is told to its operator and not to its callers', async () => {
    const told: unknown[] = []
    const secret = new Error('secret of the inside')
    const { url } = await startService({
      onError: (error) => told.push(error),
      around: (store) =>
        new Proxy(store, {
          get: (target, name) => {
            if (name === 'read') return () => Promise.reject(secret)
            const value = Reflect.get(target, name)
            return typeof value === 'function' ? value.bind(target) : value
          },
        }),
    })
    const { status, body } = await ask(url, '/v1/embeddings/read', { users: ['a'], models: ['m'] })
    expect([status, body.error.code]).toEqual([500, 'internal'])
    expect(JSON.stringify(body)).not.toContain('secret')
    expect(told).toEqual([secret])
  })
})

describe('figures and readiness', () => {
  it('count what was done', async () => {
    const { url, boss } = await startService()
    await boss.ingest(eventAt('a', 9))
    await untilHeld(boss, 'a')
    const before = await figures(url)
    await boss.read(['a', 'cold', 'colder'], ['m'])
    await ask(url, '/v1/embeddings/read', { users: ['a'], models: ['none'] })
    const after = await figures(url)
    const grown = (name: string) => (after.get(name) ?? Number.NaN) - (before.get(name) ?? 0)
    expect(grown('headwater_rows_served_total{status="fresh"}')).toBe(1)
    expect(grown('headwater_rows_served_total{status="default"}')).toBe(2)
    expect(grown('headwater_read_duration_seconds_count')).toBe(1)
    expect(grown('headwater_requests_failed_total{code="unknown_model"}')).toBe(1)
    expect(after.get('headwater_events_total')).toBe(1)
    expect(after.get('headwater_refreshes_total{outcome="landed"}')).toBe(1)
    expect(after.get('headwater_refresh_queue_users')).toBe(0)
    expect(after.get('headwater_offers_shed_total')).toBe(0)
    expect(after.get('headwater_snapshot{model="m"}')).toBe(3)
    expect(after.get('headwater_request_duration_seconds_count{route="/v1/events",status="200"}')).toBe(1)
  })

  async function figures(url: string): Promise<Map<string, number>> {
    const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${tokenOf.boss}` } })
    const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    )
  }

  it('say whether the store answers', async () => {
    let isBroken = false
    const { url } = await startService({
      around: (store) =>
        new Proxy(store, {
          get: (target, name) => {
            if (name === 'readStates' && isBroken) return () => Promise.reject(new Error('gone'))
            const value = Reflect.get(target, name)
            return typeof value === 'function' ? value.bind(target) : value
          },
        }),
    })
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    isBroken = true
    const response = await vi.waitFor(
      async () => {
        const answer = await fetch(`${url}/readyz`)
        expect(answer.status).toBe(errorStatus.not_ready)
        return answer
      },
      { timeout: 20_000 },
    )
    expect(((await response.json()) as { error: { code: string } }).error.code).toBe('not_ready')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })
})
