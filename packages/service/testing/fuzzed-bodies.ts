/** Bodies of requests as a hostile caller may send them: values of wrong types, and bytes that are spoilt. */

import { type Format, packMessage } from '@headwater/client/wire'
import { startMs } from '@headwater/pooling/testing/towers'
import type { SeededRandom } from '@headwater/statistics'

const keys = ['a', 'b', 'é', '', '\0', '\ud800', 'x'.repeat(513), '__proto__', 'constructor', '../a', 'a a']
/** As many of them, from the first on, are good. */
const goodKeys = 3
const odd = [null, true, -1, 0, 1e308, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '', 'm', [], {}, [[]], [null]]

/** A value of any kind, of few levels. */
function anything(random: SeededRandom, depth = 0): unknown {
  const kind = random.nextBelow(depth > 3 ? 3 : 6)
  if (kind < 2) return odd[random.nextBelow(odd.length)]
  if (kind === 2) return keys[random.nextBelow(keys.length)]
  if (kind === 3) return new Uint8Array(random.nextBelow(20))
  const entries = Array.from({ length: random.nextBelow(5) }, () => anything(random, depth + 1))
  if (kind === 4) return entries
  return Object.fromEntries(entries.map((value) => [keys[random.nextBelow(keys.length)], value]))
}

const list = (random: SeededRandom, most: number, of: () => unknown) =>
  Array.from({ length: random.nextBelow(most) }, of)

export function readBody(random: SeededRandom): Record<string, unknown> {
  const from = random.nextBelow(3) === 0 ? keys.length : goodKeys
  const users = list(random, random.nextBelow(12) === 0 ? 600 : 6, () => keys[random.nextBelow(from)])
  return {
    users,
    models: ['m'],
    latest: true,
    encoding: 'f16',
    segments: random.nextBelow(3) === 0 ? users.map((_, u) => (u % 2 === 0 ? 'west' : null)) : null,
  }
}

export function eventsBody(random: SeededRandom): Record<string, unknown> {
  const users = list(random, random.nextBelow(20) === 0 ? 200 : 6, () => keys[random.nextBelow(goodKeys)])
  const fields = { rating: users.map(() => (random.nextBelow(9) === 0 ? anything(random) : random.nextBelow(10))) }
  const ids = random.nextBelow(3) === 0 ? users.map((_, e) => (e % 3 === 0 ? null : `e${random.nextBelow(9)}`)) : null
  return { users, items: users.map(() => 'i'), ids, timesMs: users.map(() => startMs + random.nextBelow(1e6)), fields }
}

function outcomesBody(random: SeededRandom): Record<string, unknown> {
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

export interface FuzzedRoute {
  readonly name: 'read' | 'events' | 'features' | 'outcomes' | 'promote' | 'rollback'
  readonly method: 'POST' | 'PUT'
  readonly path: string
  /** A good body, or nearly so. */
  readonly make: (random: SeededRandom) => Record<string, unknown>
}

/** All routes that take bodies. */
export const fuzzedRoutes: readonly FuzzedRoute[] = [
  { name: 'read', method: 'POST', path: '/v1/embeddings/read', make: readBody },
  { name: 'events', method: 'POST', path: '/v1/events', make: eventsBody },
  { name: 'features', method: 'PUT', path: '/v1/users/a/features', make: () => ({ values: {}, timeMs: startMs }) },
  { name: 'outcomes', method: 'POST', path: '/v1/outcomes', make: outcomesBody },
  {
    name: 'promote',
    method: 'POST',
    path: '/v1/models/m/promote',
    make: (random) => ({ snapshot: random.nextBelow(5) }),
  },
  { name: 'rollback', method: 'POST', path: '/v1/models/m/rollback', make: () => ({}) },
]

/** A good body, or one with a field dropped, added or replaced. */
export function fuzzedValue(random: SeededRandom, make: FuzzedRoute['make']): unknown {
  const good = make(random)
  const names = Object.keys(good)
  const name = names[random.nextBelow(Math.max(1, names.length))] ?? 'more'
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

/** Bytes of a body, often spoilt: cut off, flipped, made longer or with a length that is a lie. */
function spoil(random: SeededRandom, bytes: Uint8Array): Uint8Array {
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
      return new Uint8Array(random.nextBelow(16) === 0 ? 30_000 : random.nextBelow(200)).fill(
        [0x91, 0x81, 0x5b, 0x7b][random.nextBelow(4)],
      )
    case 5:
      return Uint8Array.from({ length: random.nextBelow(100) }, () => random.nextBelow(256))
    default:
      return copy
  }
}

const bytesOf = (format: Format, value: unknown) =>
  format === 'json' ? Buffer.from(JSON.stringify(value) ?? 'undefined') : packMessage(value)

/** A body as it is sent, nearly good. */
export function goodBody(random: SeededRandom, make: FuzzedRoute['make'], format: Format): Uint8Array {
  return bytesOf(format, make(random))
}

/** The same with what may be wrong with it. */
export function fuzzedBody(random: SeededRandom, make: FuzzedRoute['make'], format: Format): Uint8Array {
  return spoil(random, bytesOf(format, fuzzedValue(random, make)))
}
