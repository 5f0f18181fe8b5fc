import { fuzz } from '@headwater/testkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { ask, startService } from '../../testing/listening-service.ts'
import { RateLimit } from './rate-limit.ts'

/** Whether each of the requests, at its time, is let through. */
const outcomes = (limit: RateLimit, caller: string, timesMs: readonly number[]) =>
  timesMs.map((timeMs) => {
    try {
      limit.take(caller, timeMs)
      return true
    } catch {
      return false
    }
  })

describe('a rate limit', () => {
  it('lets a burst through, then as many as time brings', () => {
    const limit = new RateLimit(10, 3)
    expect(outcomes(limit, 'a', [0, 0, 0, 0, 99, 100, 100, 250, 300])).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      false,
      true,
      true,
    ])
    expect(outcomes(limit, 'b', [300])).toEqual([true])
    // However long the pause, no more than the burst.
    expect(outcomes(limit, 'a', [1e9, 1e9, 1e9, 1e9])).toEqual([true, true, true, false])
  })

  it('never lets more through in any window than burst + rate × its length, and all that stay below', async () => {
    await fuzz(
      (random) => ({ perSecond: 1 + random.nextBelow(500), burst: 1 + random.nextBelow(20) }),
      ({ perSecond, burst }, random) => {
        const limit = new RateLimit(perSecond, burst)
        let timeMs = 0
        const timesMs = Array.from({ length: 200 }, () => {
          timeMs += random.nextBelow(3) === 0 ? random.nextFloat() * (4_000 / perSecond) : 0
          return timeMs
        })
        const taken = timesMs.filter((_, i) => outcomes(limit, 'a', [timesMs[i]])[0])
        let mostOver = Number.NEGATIVE_INFINITY
        for (let from = 0; from < taken.length; from++) {
          for (let to = from; to < taken.length; to++) {
            const most = burst + (perSecond * (taken[to] - taken[from])) / 1_000
            mostOver = Math.max(mostOver, to - from + 1 - most)
          }
        }
        expect(mostOver).toBeLessThanOrEqual(1e-6)
        const slow = Array.from({ length: 50 }, (_, i) => 1e6 + (i * 1_000.001) / perSecond)
        expect(outcomes(limit, 'slow', slow).every((isTaken) => isTaken)).toBe(true)
      },
      { runs: 40 },
    )
  })

  it('holds no more callers than it may, and drops those first that are forgotten without loss', () => {
    const limit = new RateLimit(1, 2, 100)
    outcomes(limit, 'spent', [0, 0])
    for (let i = 0; i < 1_000; i++) outcomes(limit, `c${i}`, [1])
    expect(limit.callers).toBeLessThanOrEqual(100)
    const later = new RateLimit(1, 2, 100)
    outcomes(later, 'spent', [5_000, 5_000])
    for (let i = 0; i < 99; i++) outcomes(later, `c${i}`, [0])
    outcomes(later, 'new', [5_001])
    expect(later.callers).toBe(2)
    expect(outcomes(later, 'spent', [5_002])).toEqual([false])
  })
})

describe('a service with a rate limit', () => {
  afterEach(() => void vi.restoreAllMocks())

  const read = { users: ['a'], models: ['m'] }
  const path = '/v1/embeddings/read'

  it('refuses a token that asks too often, not others, and counts it', async () => {
    const { url } = await startService({ limits: { requestsPerSecond: 1, burst: 2 } })
    const as = (token: string) => ({ authorization: `Bearer ${token}` })
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(url, path, read, as(tokenOf.reader))))
    expect(answers.filter(({ status }) => status === 200).length).toBe(2)
    const refused = answers.find(({ status }) => status === 429)!
    expect([refused.body.error.code, refused.headers.get('retry-after')]).toEqual(['too_many_requests', '1'])
    expect((await ask(url, path, read, as(tokenOf.other))).status).toBe(200)
    // Other routes are of the same bucket; who is not known takes from nobody's.
    expect((await fetch(`${url}/v1/models`, { headers: as(tokenOf.reader) })).status).toBe(429)
    expect((await ask(url, path, read, as('nobody'))).status).toBe(401)
    const figures = await (await fetch(`${url}/metrics`, { headers: as(tokenOf.boss) })).text()
    expect(figures).toContain('headwater_requests_failed_total{code="too_many_requests"} 4')
  })

  it('counts who is not let in by address, and takes from nobody who is', async () => {
    const { server } = await startService({ limits: { requestsPerSecond: 1, burst: 2 } })
    const { server: local } = await startService({ auth: 'loopback', limits: { requestsPerSecond: 1 } })
    // No time passes in which the rate would let more in.
    vi.spyOn(performance, 'now').mockReturnValue(performance.now())
    const askAs = async (remoteAddress: string, token: string | null, url = '/v1/models') => {
      const headers = token === null ? {} : { authorization: `Bearer ${token}` }
      return (await server.inject({ url, remoteAddress, headers })).statusCode
    }
    // Of any token, none, or one that lacks the scope.
    expect([await askAs('10.0.0.1', 'guess'), await askAs('10.0.0.1', null)]).toEqual([401, 401])
    expect([await askAs('10.0.0.1', 'more'), await askAs('10.0.0.1', tokenOf.reader, '/metrics')]).toEqual([429, 429])
    expect([await askAs('10.0.0.2', 'guess'), await askAs('10.0.0.1', tokenOf.reader)]).toEqual([401, 200])
    expect([await askAs('10.0.0.1', null, '/healthz'), await askAs('10.0.0.1', null, '/readyz')]).toEqual([200, 200])
    const headers = { host: 'localhost' }
    const fromElsewhere = { url: '/v1/models', remoteAddress: '10.0.0.1', headers }
    const statuses = [await local.inject(fromElsewhere), await local.inject(fromElsewhere)]
    expect(statuses.map(({ statusCode }) => statusCode)).toEqual([403, 429])
  })

  it('without tokens counts by address', async () => {
    const { server } = await startService({ auth: 'loopback', limits: { requestsPerSecond: 1 } })
    const ask = async (remoteAddress: string) =>
      (await server.inject({ url: '/v1/models', remoteAddress, headers: { host: 'localhost' } })).statusCode
    expect([await ask('127.0.0.1'), await ask('127.0.0.1'), await ask('127.0.0.2')]).toEqual([200, 429, 200])
  })
})
