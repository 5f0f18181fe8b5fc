/**
 * Bad bodies by the thousand: each is answered with a typed 4xx, or was not bad after all, and the server goes on in bounded
 * memory. Seeds are in the tests' names; a failure names its own.
 */
import { fuzz } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openService, tokenOf } from '../../testing/http-service.ts'
import { startMs } from '../../testing/towers.ts'
import { parseEventsMessage } from '../wire/events-message.ts'
import { packMessage, parseJson, unpackMessage } from '../wire/formats.ts'
import { parseReadMessage } from '../wire/read-message.ts'
import { isErrorCode, WireError } from '../wire/wire-error.ts'
import { defaultLimits } from './limits.ts'

type Random = Parameters<Parameters<typeof fuzz>[0]>[0]

const limits = { ...defaultLimits, maxUsers: 50, maxEvents: 50, maxBodyBytes: 20_000, maxEventValues: 2_000 }
const failures: unknown[] = []
let service: Awaited<ReturnType<typeof openService>>
beforeAll(async () => {
  service = await openService({ limits, onError: (error) => failures.push(error) })
})
afterAll(() => service.close())

/** The most that this process has taken so far. */
const peakMiB = () => process.resourceUsage().maxRSS / 2 ** 10

const keys = ['a', 'b', 'é', '', '\0', '\ud800', 'x'.repeat(513), '__proto__', 'constructor', '../a', 'a a']
const odd = [null, true, -1, 0, 1e308, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '', 'm', [], {}, [[]], [null]]

/** A value of any kind, of few levels. */
function anything(random: Random, depth = 0): unknown {
  const kind = random.nextBelow(depth > 3 ? 3 : 6)
  if (kind < 2) return odd[random.nextBelow(odd.length)]
  if (kind === 2) return keys[random.nextBelow(keys.length)]
  if (kind === 3) return new Uint8Array(random.nextBelow(20))
  const entries = Array.from({ length: random.nextBelow(5) }, () => anything(random, depth + 1))
  if (kind === 4) return entries
  return Object.fromEntries(entries.map((value) => [keys[random.nextBelow(keys.length)], value]))
}

const list = (random: Random, most: number, of: () => unknown) => Array.from({ length: random.nextBelow(most) }, of)

function readBody(random: Random): Record<string, unknown> {
  const key = () => keys[random.nextBelow(random.nextBelow(3) === 0 ? keys.length : 3)]
  const users = list(random, random.nextBelow(20) === 0 ? 200 : 6, key)
  return {
    users,
    models: ['m'],
    latest: true,
    encoding: 'f16',
    segments: random.nextBelow(3) === 0 ? users.map((_, u) => (u % 2 === 0 ? 'west' : null)) : null,
  }
}

function eventsBody(random: Random): Record<string, unknown> {
  const users = list(random, random.nextBelow(20) === 0 ? 200 : 6, () => keys[random.nextBelow(3)])
  const fields = { rating: users.map(() => (random.nextBelow(9) === 0 ? anything(random) : random.nextBelow(10))) }
  const ids = random.nextBelow(3) === 0 ? users.map((_, e) => (e % 3 === 0 ? null : `e${random.nextBelow(9)}`)) : null
  return { users, items: users.map(() => 'i'), ids, timesMs: users.map(() => startMs + random.nextBelow(1e6)), fields }
}

function outcomesBody(random: Random): Record<string, unknown> {
  const requests = list(random, 6, () => `r${random.nextBelow(1e6)}`)
  const column = (of: () => unknown) => requests.map(() => (random.nextBelow(30) === 0 ? anything(random) : of()))
  return {
    downstream: 'ctr',
    requests,
    predictions: column(() => (1 + random.nextBelow(98)) / 100),
    labels: column(() => random.nextBelow(2)),
    timesMs: column(() => startMs + random.nextBelow(1e6)),
  }
}

interface FuzzedRoute {
  readonly method: 'POST' | 'PUT'
  readonly path: string
  /** A good body, or nearly so. */
  readonly make: (random: Random) => Record<string, unknown>
}

/** All routes that take bodies. */
const routes: readonly FuzzedRoute[] = [
  { method: 'POST', path: '/v1/embeddings/read', make: readBody },
  { method: 'POST', path: '/v1/events', make: eventsBody },
  { method: 'PUT', path: '/v1/users/a/features', make: () => ({ values: {}, timeMs: startMs }) },
  { method: 'POST', path: '/v1/outcomes', make: outcomesBody },
  { method: 'POST', path: '/v1/models/m/promote', make: (random) => ({ snapshot: random.nextBelow(5) }) },
]

/** A good body, or one with a field dropped, added or replaced. */
function body(random: Random, make: (random: Random) => Record<string, unknown>): unknown {
  const good = make(random)
  const names = Object.keys(good)
  const name = names[random.nextBelow(names.length)]
  switch (random.nextBelow(6)) {
    case 0:
      return anything(random)
    case 1:
      return { ...good, [name]: anything(random) }
    case 2:
      return { ...good, [keys[random.nextBelow(keys.length)]]: anything(random) }
    case 3:
      delete good[name]
      return good
    default:
      return good
  }
}

/** Bytes of a body, most often spoilt: cut off, flipped, made longer or with a length that is a lie. */
function spoil(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const place = () => random.nextBelow(copy.length)
  if (copy.length === 0) return copy
  switch (random.nextBelow(10)) {
    case 0:
      return copy.subarray(0, place())
    case 1:
      for (let i = 0; i <= random.nextBelow(4); i++) copy[place()] ^= 1 << random.nextBelow(8)
      return copy
    case 2:
      return Buffer.concat([copy, new Uint8Array(1 + random.nextBelow(9)).fill(random.nextBelow(256))])
    case 3: {
      // A 32-bit length of some kind, in any place.
      const tag = [0xc6, 0xdb, 0xdd, 0xdf][random.nextBelow(4)]
      const lie = Uint8Array.of(tag, [0x7f, 0x80, 0xff][random.nextBelow(3)], 0xff, 0xff, random.nextBelow(256))
      const at = place()
      return Buffer.concat([copy.subarray(0, at), lie, copy.subarray(at)])
    }
    case 4:
      return new Uint8Array(random.nextBelow(64) === 0 ? 30_000 : random.nextBelow(200)).fill(
        [0x91, 0x81, 0x5b, 0x7b][random.nextBelow(4)],
      )
    case 5:
      return Uint8Array.from({ length: random.nextBelow(100) }, () => random.nextBelow(256))
    default:
      return copy
  }
}

const toBytes = (format: 'json' | 'msgpack', value: unknown) =>
  format === 'json' ? Buffer.from(JSON.stringify(value) ?? 'undefined') : packMessage(value)

describe('fuzzed bodies', () => {
  it('18,000 into the parser, seeds 1 to 18,000: a message, or a typed error', async () => {
    const fields = [{ name: 'rating', type: 'float' }] as const
    const told = new Set<string>()
    let taken = 0
    await fuzz(
      (random) => ({ format: (['json', 'msgpack'] as const)[random.nextBelow(2)], isRead: random.nextBelow(2) === 0 }),
      ({ format, isRead }, random) => {
        const bytes = spoil(random, toBytes(format, body(random, isRead ? readBody : eventsBody)))
        try {
          const value = format === 'json' ? parseJson(bytes) : unpackMessage(bytes, { maxDepth: 8, maxValues: 500 })
          if (isRead) parseReadMessage(value, limits)
          else parseEventsMessage(value, fields, limits)
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
    const beforeMiB = peakMiB()
    const statuses = new Set<number>()
    const answered = new Set<string>()
    await fuzz(
      (random) => ({
        route: random.nextBelow(routes.length),
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
        const { method, path, make } = routes[route]
        const bytes = spoil(random, toBytes(format, body(random, make)))
        const response = await service.server.inject({
          method,
          url: path,
          headers: {
            'content-type': type ?? `application/${format}`,
            accept: 'application/json',
            ...(token !== '' && { authorization: `Bearer ${token}` }),
          },
          payload: Buffer.from(bytes),
        })
        statuses.add(response.statusCode)
        if (response.statusCode === 200) answered.add(path)
        if (response.statusCode === 200) return
        const { error } = response.json()
        expect(isErrorCode(error.code) && response.statusCode < 500, `${response.statusCode} ${error.code}`).toBe(true)
        expect(error.message.length).toBeLessThan(400)
      },
      { runs: 5_000, firstSeed: 100_000 },
    )
    expect([...statuses].sort()).toEqual([200, 400, 401, 403, 409, 413, 415])
    // The service's model is not managed here: it has no snapshot that could be promoted.
    expect([...answered].sort()).toEqual(
      routes
        .map(({ path }) => path)
        .filter((path) => !path.endsWith('promote'))
        .sort(),
    )
    expect(failures).toEqual([])
    // One length of 2³¹ that was believed would take more.
    expect(peakMiB() - beforeMiB).toBeLessThan(256)
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
    expect(failures).toEqual([])
  })
})
