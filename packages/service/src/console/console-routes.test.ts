/** The console's routes by themselves: who sees what, and that looking changes nothing. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openService, tokenOf } from '../../testing/http-service.ts'
import { observeService, until } from '../../testing/observed-service.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const close of closers.splice(0)) await close()
})

async function opened(options: Parameters<typeof openService>[0] = {}) {
  const service = await openService(options)
  closers.push(() => service.close())
  const get = async (url: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await service.server.inject({ method: 'GET', url, headers })
    return { status: response.statusCode, headers: response.headers, body: response.body, json: () => response.json() }
  }
  return { ...service, get }
}

const event = (user: string) => ({ users: [user], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } })

describe('the page', () => {
  it('is there for everybody, with all its files, and may load nothing but them', async () => {
    const { get } = await opened()
    const page = await get('/console')
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(page.headers['content-security-policy']).not.toMatch(/unsafe|\*|https?:|data:/)
    expect(page.body).not.toMatch(/https?:|<style|style=|\son\w+=/)
    const named = [...page.body.matchAll(/(?:src|href)="(console\/[\w.-]+)"/g)].map(([, path]) => `/${path}`)
    expect(named.length).toBeGreaterThanOrEqual(3)
    // A script names others, which have to be there as well.
    for (const path of named) {
      const file = await get(path)
      expect(file.status, path).toBe(200)
      expect(file.headers['x-content-type-options']).toBe('nosniff')
      for (const [, other] of file.body.matchAll(/from '\.\/([\w.-]+)'/g)) {
        if (!named.includes(`/console/${other}`)) named.push(`/console/${other}`)
      }
    }
    expect(named.length).toBeGreaterThan(10)
  })

  it('has no other file', async () => {
    const { get } = await opened()
    for (const path of ['tsconfig.json', '..%2Fpackage.json', 'constructor', '__proto__']) {
      const { status, json } = await get(`/console/${path}`)
      expect([status, json().error.code], path).toEqual([404, 'unknown_route'])
    }
  })
})

describe('its figures', () => {
  it('are for tokens that may read', async () => {
    const { get, server } = await opened()
    for (const path of ['/console/data', '/console/drift/m']) {
      const without = await get(path)
      expect([without.status, without.json().error.code]).toEqual([401, 'unauthenticated'])
      expect((await get(path, 'nobody-knows-it')).status).toBe(401)
      expect((await get(path, tokenOf.reader)).status).toBe(200)
    }
    const asked = await server.inject({ method: 'POST', url: '/console/user', payload: { user: 'a' } })
    expect([asked.statusCode, asked.json().error.code]).toEqual([401, 'unauthenticated'])
  })

  it('need no token over loopback where the server has none, and are kept from elsewhere', async () => {
    const { get, server } = await opened({ auth: 'loopback' })
    expect((await get('/console/data')).json().caller).toMatchObject({ name: 'loopback', tenant: 'default' })
    const afar = await server.inject({ url: '/console/data', headers: { host: 'example.org' } })
    expect([afar.statusCode, afar.json().error.code]).toEqual([403, 'loopback_only'])
  })

  it("are the tenant's own; those of all tenants are for the scope metrics", async () => {
    const { ask } = await observeService()
    const dataOf = async (token: string) => (await ask('GET', '/console/data', undefined, token)).body
    await ask('POST', '/v1/embeddings/read', { users: ['a', 'b', 'c'], models: ['m'] })
    await ask('POST', '/v1/embeddings/read', { users: ['d'], models: ['m'] }, tokenOf.other)
    const [boss, reader, other] = await Promise.all([tokenOf.boss, tokenOf.reader, tokenOf.other].map(dataOf))
    expect([boss.totals.reads, reader.totals.reads, other.totals.reads]).toEqual([3, 3, 1])
    expect([reader.caller.tenant, other.caller.tenant]).toEqual(['default', 'other'])
    expect([reader.service, other.service]).toEqual([null, null])
    const served = boss.service.filter(({ name }: { name: string }) => name === 'headwater_rows_served_total')
    expect(served.map(({ value }: { value: number }) => value)).toEqual([0, 0, 4, 0])
    // What begins anew when it is read is Prometheus' alone.
    expect(boss.service.some(({ name }: { name: string }) => !name.startsWith('headwater_'))).toBe(false)
  })

  it('are for operators where the server answers no reads', async () => {
    const { get } = await opened({ server: { scopes: ['admin', 'metrics'] } })
    for (const path of ['/console/data', '/console/drift/m', '/v1/models', '/v1/models/m']) {
      const { status, json } = await get(path, tokenOf.reader)
      expect([status, json().error.code], path).toEqual([403, 'forbidden'])
      expect((await get(path, tokenOf.boss)).status, path).toBe(200)
    }
    expect((await get('/console')).status).toBe(200)
  })

  it('refuse times that are none, and models that are not there', async () => {
    const { get } = await opened()
    for (const query of ['recent=soon', 'day=-1', 'recent=1&recent=2', 'day=1e3']) {
      const { status, json } = await get(`/console/data?${query}`, tokenOf.reader)
      expect([status, json().error.code], query).toEqual([400, 'invalid_request'])
    }
    const { status, json } = await get('/console/drift/none', tokenOf.reader)
    expect([status, json().error.code]).toEqual([404, 'unknown_model'])
  })
})

describe('a look at a user', () => {
  it('tells what a read serves, and is itself no read', async () => {
    const { ask, pooling } = await observeService({}, { models: [staleModel] })
    const look = async (user: string) => (await ask('POST', '/console/user', { user })).body.models[0]
    await ask('POST', '/v1/events', event('ann'))
    await until(() => pooling.counters.refreshes === 1)
    const read = (await ask('POST', '/v1/embeddings/read', { users: ['ann'], models: ['m'] })).body.models[0]
    const counters = { ...pooling.counters }
    const ann = await look('ann')
    expect(ann).toMatchObject({
      model: 'm',
      status: 'stale',
      snapshot: 3,
      frame: 0,
      featureTimeMs: read.featureTimeMs[0],
    })
    expect(ann.norm).toBeCloseTo(Math.hypot(...read.vectors), 5)
    for (const [i, value] of ann.shape.entries()) expect(value).toBeCloseTo(read.vectors[i], 2)
    expect(await look('cold')).toMatchObject({ status: 'default', snapshot: null, ageMs: null, shape: [9, 8, 7, 6] })
    expect(pooling.counters).toEqual(counters)
  })

  it('refuses what is no user, and shows none of another tenant', async () => {
    const { ask, pooling } = await observeService()
    for (const body of [{}, { user: '' }, { user: 7 }, { user: 'a', more: 1 }, { user: 'x'.repeat(600) }]) {
      const { status, body: answer } = await ask('POST', '/console/user', body)
      expect(status, JSON.stringify(body)).toBe(400)
      expect(answer.error.code).toMatch(/^invalid_/)
    }
    await ask('POST', '/v1/events', event('ann'))
    await until(() => pooling.counters.refreshes === 1)
    const { body } = await ask('POST', '/console/user', { user: 'ann' }, tokenOf.other)
    expect(body.models[0].status).toBe('default')
  })

  it('leaves the user in no line of the log', async () => {
    const { ask, lines } = await observeService()
    await ask('POST', '/console/user', { user: 'somebody-secret' })
    await until(() => lines.some((line) => line.includes('/console/user')))
    expect(lines.join('')).not.toContain('somebody-secret')
  })
})

describe('the drift map', () => {
  it('shows where a snapshot moved the users that were read, and forgets who is forgotten', async () => {
    const { ask, pooling } = await observeService()
    const users = Array.from({ length: 8 }, (_, i) => `user-${i}`)
    const refresh = async (written: number) => {
      await ask('POST', '/v1/events', {
        users,
        items: users.map((_, i) => `i-${i}`),
        timesMs: users.map(() => Date.now()),
        fields: { rating: users.map((_, i) => i) },
      })
      await until(() => pooling.counters.refreshes === written)
      await ask('POST', '/v1/embeddings/read', { users: [...users, 'cold'], models: ['m'] })
    }
    const mapOf = async () => (await ask('GET', '/console/drift/m')).body
    await refresh(8)
    const before = await mapOf()
    expect(before).toMatchObject({ users: 8, frame: 0, otherFrame: 0 })
    expect(before.snapshots).toEqual([{ snapshot: 3, users: 8, moved: 0, cosineMean: null, cosineP10: null }])
    await ask('POST', '/v1/models/m/promote', { snapshot: 4 })
    await refresh(16)
    // A panel is looked at every two seconds at most.
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 2_100)
    const after = await mapOf()
    expect(after.snapshots).toMatchObject([
      { snapshot: 3, users: 0 },
      { snapshot: 4, users: 8, moved: 8 },
    ])
    expect(after.paths.every(({ snapshots }: { snapshots: number[] }) => `${snapshots}` === '3,4')).toBe(true)
    expect(JSON.stringify(after)).not.toContain('user-')
    const { body: receipt } = await ask('DELETE', '/v1/users/user-3')
    expect(receipt.removed).toContainEqual({ where: 'console panel', what: 'embedding', count: 2 })
    expect((await mapOf()).users).toBe(7)
  })
})

const staleModel = {
  name: 'm',
  dim: 4,
  policy: { count: 3, slot: 'snapshot', maxAgeMs: 0 },
  defaultVector: Float32Array.of(9, 8, 7, 6),
} as const
