/**
 * Bad bodies by the thousand: each is answered with a typed 4xx, or was not bad after all. Seeds are in the tests' names; a
 * failure names its own.
 */

import { isErrorCode, parseJson, unpackMessage, WireError } from '@headwater/client/wire'
import { fuzz } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventsBody, fuzzedBody, fuzzedRoutes, readBody } from '../../testing/fuzzed-bodies.ts'
import { openFuzzedService } from '../../testing/fuzzed-service.ts'
import { testLimits, tokenOf } from '../../testing/http-service.ts'
import { parseEventsMessage } from '../messages/event-messages.ts'
import { parseReadMessage } from '../messages/read-message.ts'
import { defaultLimits } from '../requests/limits.ts'

const limits = {
  ...defaultLimits,
  ...testLimits,
  maxUsers: 50,
  maxEvents: 50,
  maxBodyBytes: 20_000,
  maxEventValues: 2_000,
}
let service: Awaited<ReturnType<typeof openFuzzedService>>
beforeAll(async () => {
  service = await openFuzzedService(limits)
})
afterAll(() => service.close())

describe('fuzzed bodies', () => {
  it('18,000 into the parser, seeds 1 to 18,000: a message, or a typed error', async () => {
    const fields = [{ name: 'rating', type: 'float' }] as const
    const told = new Set<string>()
    let taken = 0
    await fuzz(
      (random) => ({ format: (['json', 'msgpack'] as const)[random.nextBelow(2)], isRead: random.nextBelow(2) === 0 }),
      ({ format, isRead }, random) => {
        const bytes = fuzzedBody(random, isRead ? readBody : eventsBody, format)
        try {
          const value = format === 'json' ? parseJson(bytes) : unpackMessage(bytes, { maxDepth: 8, maxValues: 500 })
          if (isRead) parseReadMessage(value, limits)
          else parseEventsMessage(value, fields, limits, Number.POSITIVE_INFINITY)
          taken++
        } catch (error) {
          if (!(error instanceof WireError) || error.status >= 500) throw error
          told.add(error.code)
        }
      },
      { runs: 18_000, firstSeed: 1 },
    )
    expect(taken).toBeGreaterThan(1_000)
    expect([...told].sort()).toEqual([
      'batch_too_large',
      'invalid_event',
      'invalid_key',
      'invalid_request',
      'malformed_body',
    ])
  })

  it('5,000 into the routes, seeds 100,000 to 104,999, with wrong tokens and types, too: 2xx or a typed 4xx, no failure inside', async () => {
    const statuses = new Set<number>()
    const answered = new Set<string>()
    await fuzz(
      (random) => ({
        route: random.nextBelow(fuzzedRoutes.length),
        format: (['json', 'msgpack'] as const)[random.nextBelow(2)],
        token: [tokenOf.boss, tokenOf.boss, tokenOf.boss, tokenOf.boss, tokenOf.other, tokenOf.reader, 'nobody', ''][
          random.nextBelow(8)
        ],
        type:
          random.nextBelow(12) === 0
            ? ['text/plain', 'application/xml', '', ';', 'application/json'][random.nextBelow(5)]
            : null,
      }),
      async ({ route, format, token, type }, random) => {
        const { name, method, path, make } = fuzzedRoutes[route]
        const response = await service.server.inject({
          method,
          url: path,
          headers: {
            'content-type': type ?? `application/${format}`,
            accept: 'application/json',
            ...(token !== '' && { authorization: `Bearer ${token}` }),
          },
          payload: Buffer.from(fuzzedBody(random, make, format)),
        })
        statuses.add(response.statusCode)
        if (response.statusCode === 200) answered.add(name)
        if (response.statusCode === 200) return
        const { error } = response.json()
        expect(isErrorCode(error.code) && response.statusCode < 500, `${response.statusCode} ${error.code}`).toBe(true)
        expect(error.message.length).toBeLessThan(400)
      },
      { runs: 5_000, firstSeed: 100_000 },
    )
    expect([...statuses].sort()).toEqual([200, 400, 401, 403, 404, 409, 413, 415])
    expect([...answered].sort()).toEqual(fuzzedRoutes.map(({ name }) => name).sort())
    expect(service.failures).toEqual([])
  })

  it('500 as ids to forget, seeds 200,000 to 200,499, of one tenant, who has them all', async () => {
    await fuzz(
      (random) =>
        Array.from(
          { length: 1 + random.nextBelow(6) },
          () => ['%', '%00', '%ff', '/', '..', 'é', 'a', '%2f', '?', '#'][random.nextBelow(10)],
        ).join(''),
      async (id) => {
        const headers = { authorization: `Bearer ${tokenOf.other}` }
        const response = await service.server.inject({ method: 'DELETE', url: `/v1/users/${id}`, headers })
        if (response.statusCode === 200) expect(response.json().tenant).toBe('other')
        else expect(isErrorCode(response.json().error.code) && response.statusCode < 500, response.body).toBe(true)
      },
      { runs: 500, firstSeed: 200_000 },
    )
    expect(service.failures).toEqual([])
  })
})
