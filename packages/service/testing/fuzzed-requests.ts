/** HTTP requests as bytes, good and bad, and the packets that they come in. */

import type { Format } from '@headwater/client/wire'
import type { SeededRandom } from '@headwater/statistics'
import { type FuzzedRoute, fuzzedBody, fuzzedRoutes, goodBody } from './fuzzed-bodies.ts'

export interface FuzzedRequest {
  readonly route: FuzzedRoute
  readonly url: string
  /** Without those that frame it. */
  readonly headers: Readonly<Record<string, string>>
  /** The format of the body. */
  readonly format: Format
  /** Whose token it has; null: none, or nobody's. */
  readonly tenant: 'default' | 'other' | null
  /** The format that an answer must have, whatever it is. */
  readonly answered: Format
  /** It asks whether to go on. Behind another one nobody can tell it, and it closes the connection. */
  readonly isAsking: boolean
  readonly body: Uint8Array
  /** All of it. */
  readonly bytes: Buffer
}

const oneOf = <T>(random: SeededRandom, values: readonly T[]): T => values[random.nextBelow(values.length)]

/** Most often good ones. */
const tokens: readonly string[] = [
  ...Array(6).fill('boss'),
  ...Array(3).fill('other'),
  'writer',
  'reader',
  'nobody',
  '',
]
/** With the format that each one means. */
const wrongTypes: readonly (readonly [string, Format])[] = [
  ['text/plain', 'json'],
  ['', 'json'],
  [';', 'json'],
  ['application/x-msgpack', 'msgpack'],
  ['Application/JSON; charset=utf-8', 'json'],
]
const accepts: readonly (readonly [string, Format])[] = [
  ['application/json', 'json'],
  ['application/msgpack', 'msgpack'],
]

/** A request that is whole. */
export function fuzzedRequest(random: SeededRandom): FuzzedRequest {
  // Half are reads, which have a way of their own.
  const route = random.nextBelow(2) === 0 ? fuzzedRoutes[0] : oneOf(random, fuzzedRoutes)
  const format = oneOf(random, ['json', 'msgpack'] as const)
  const token = oneOf(random, tokens)
  const [type, typed] =
    random.nextBelow(12) === 0 ? oneOf(random, wrongTypes) : ([`application/${format}`, format] as const)
  const accept = random.nextBelow(30) === 0 ? (['text/html', typed] as const) : oneOf(random, [...accepts, null])
  const isAsking = random.nextBelow(20) === 0
  const body = (random.nextBelow(2) === 0 ? goodBody : fuzzedBody)(random, route.make, format)
  // With a query a read comes by way of the router.
  const url = `${route.path}${random.nextBelow(10) === 0 ? '?a=b' : ''}`
  const headers = {
    host: 'localhost',
    'content-type': type,
    ...(accept !== null && { accept: accept[0] }),
    ...(token !== '' && { authorization: `Bearer ${token}-token` }),
  }
  const head = [`${route.method} ${url} HTTP/1.1`, ...Object.entries(headers).map((header) => header.join(': '))]
  const tenant = token === 'nobody' || token === '' ? null : token === 'other' ? 'other' : 'default'
  const bytes = framed(random, isAsking ? [...head, 'expect: 100-continue'] : head, body)
  return { route, url, headers, format, tenant, answered: accept?.[1] ?? typed, isAsking, body, bytes }
}

/** With a length, or in chunks. */
function framed(random: SeededRandom, head: readonly string[], body: Uint8Array): Buffer {
  if (random.nextBelow(3) > 0) return Buffer.concat([headOf([...head, `content-length: ${body.length}`]), body])
  const extension = oneOf(random, ['', '', ';a=b'])
  const chunks = piecesOf(random, body).flatMap((piece) => [
    Buffer.from(`${piece.length.toString(16)}${extension}\r\n`),
    piece,
    Buffer.from('\r\n'),
  ])
  const end = Buffer.from(`0\r\n${oneOf(random, ['', '', 'trailer: x\r\n'])}\r\n`)
  return Buffer.concat([headOf([...head, 'transfer-encoding: chunked']), ...chunks, end])
}

const headOf = (lines: readonly string[]) => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')

/** Cut at random places, often nowhere; none is empty. */
export function piecesOf(random: SeededRandom, bytes: Uint8Array): Uint8Array[] {
  const cuts = Array.from({ length: oneOf(random, [0, 0, 1, 3, 12]) }, () => random.nextBelow(bytes.length + 1))
  const ends = [...cuts, bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end)).filter(({ length }) => length > 0)
}

/** Lengths that are none, or more than any request may have. */
const badFrames = [
  'content-length: 2147483647',
  'content-length: 2147483648',
  'content-length: 99999999999999999999999',
  'content-length: -1',
  'content-length: 0x10',
  'content-length: 1\r\ncontent-length: 2',
  'content-length: 3\r\ntransfer-encoding: chunked',
  'transfer-encoding: chunked, gzip',
  `content-length: 0\r\nx: ${'x'.repeat(20_000)}`,
  'a header',
]
const badChunks = ['7fffffff', '80000000', 'ffffffffffffffffff', '-1', 'x']

/** Bytes that are no whole request: a head that lies about what comes, or a chunk that does. */
export function fuzzedLie(random: SeededRandom): Buffer {
  const { method, path, make } = oneOf(random, fuzzedRoutes)
  const body = fuzzedBody(random, make, 'json')
  const head = [
    `${method} ${path} HTTP/1.1`,
    'host: localhost',
    'content-type: application/json',
    ...(random.nextBelow(4) === 0 ? [] : ['authorization: Bearer boss-token']),
  ]
  switch (random.nextBelow(4)) {
    case 0:
      return Buffer.concat([headOf([...head, `content-length: ${body.length + 1 + random.nextBelow(100)}`]), body])
    case 1:
      return Buffer.concat([headOf([...head, `content-length: ${random.nextBelow(body.length + 1)}`]), body])
    case 2:
      return Buffer.concat([headOf([...head, oneOf(random, badFrames)]), body])
    default: {
      const chunk = Buffer.from(`${oneOf(random, badChunks)}\r\n`)
      return Buffer.concat([headOf([...head, 'transfer-encoding: chunked']), chunk, body])
    }
  }
}
