import { fuzz } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import { packMessage, parseJson } from './formats.ts'
import { unpackMessage } from './unpack-message.ts'
import { WireError } from './wire-error.ts'

const limits = { maxDepth: 4, maxValues: 100 }
const unpack = (...bytes: number[]) => unpackMessage(Uint8Array.from(bytes), limits)
const text = (word: string) => [0xa0 | word.length, ...Buffer.from(word)]

/** The place and the problem that a body is refused for. */
function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
    expect((error as WireError).code).toBe('malformed_body')
    return (error as Error).message
  }
  return 'was taken'
}

describe('what MessagePack says is unpacked', () => {
  // Bytes by the specification, not by the library.
  it.each<[string, number[], unknown]>([
    ['nil', [0xc0], null],
    ['false', [0xc2], false],
    ['fixint', [0x7f], 127],
    ['negative fixint', [0xe0], -32],
    ['uint16', [0xcd, 0x01, 0x00], 256],
    ['int8', [0xd0, 0x80], -128],
    ['int16', [0xd1, 0x80, 0x00], -32_768],
    ['uint64 that a number holds', [0xcf, 0, 0, 0x01, 0x9a, 0, 0, 0, 0], 410 * 2 ** 32],
    ['int64 that a number holds', [0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], -2],
    ['uint64 that none holds', [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1], 2n ** 53n + 1n],
    ['float32', [0xca, 0x3f, 0xc0, 0, 0], 1.5],
    ['str8', [0xd9, 1, 0x61], 'a'],
    ['a byte order mark', [0xa4, 0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
    ['map32', [0xdf, 0, 0, 0, 1, ...text('a'), 0xc2], { a: false }],
    ['int32', [0xd2, 0xff, 0xff, 0xff, 0xfe], -2],
    ['float64', [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ['fixstr', text('ab'), 'ab'],
    ['str16', [0xda, 0, 2, 0xc3, 0xa9], 'é'],
    ['bin8', [0xc4, 2, 1, 2], Uint8Array.of(1, 2)],
    ['array32', [0xdd, 0, 0, 0, 2, 1, 0xc0], [1, null]],
    ['map16', [0xde, 0, 1, ...text('a'), 0x93, 1, 2, 3], { a: [1, 2, 3] }],
    ['empty ones in one another', [0x93, 0x80, 0x90, 0xa0], [{}, [], '']],
  ])('%s', (_, bytes, value) => {
    const unpacked = unpack(...bytes)
    expect(unpacked instanceof Uint8Array ? Uint8Array.from(unpacked) : unpacked).toEqual(value)
  })
})

describe('MessagePack', () => {
  type Random = Parameters<Parameters<typeof fuzz>[0]>[0]

  function anything(random: Random, depth: number): unknown {
    switch (random.nextBelow(depth > 3 ? 5 : 7)) {
      case 0:
        return [null, true, false, '', 'é', '\ud83d\ude00', 'x'.repeat(300), 0.1, -0.5, 1e300][random.nextBelow(10)]
      case 1:
        return (random.nextBelow(2) === 0 ? 1 : -1) * Math.floor(2 ** (random.nextFloat() * 53))
      case 2:
        return Array.from({ length: random.nextBelow(40) }, () => 'abcü'[random.nextBelow(4)]).join('')
      case 3:
        return Uint8Array.from({ length: random.nextBelow(300) }, () => random.nextBelow(256))
      case 4:
        return random.nextNormal()
      case 5:
        return Array.from({ length: random.nextBelow(20) }, () => anything(random, depth + 1))
      default:
        return Object.fromEntries(
          Array.from({ length: random.nextBelow(20) }, (_, i) => [`k${i}`, anything(random, depth + 1)]),
        )
    }
  }

  it('that another library packed is unpacked to what it was', async () => {
    await fuzz(
      () => null,
      (_, random) => {
        const message = anything(random, 0)
        expect(unpackMessage(Uint8Array.from(packMessage(message)), { maxDepth: 6, maxValues: 1e6 })).toEqual(message)
      },
      { runs: 200 },
    )
  })

  it('keys that objects have by nature are keys like others', () => {
    const unpacked = unpack(0x82, ...text('__proto__'), 0x81, ...text('x'), 1, ...text('toString'), 2) as object
    expect(Object.getPrototypeOf(unpacked)).toBe(Object.prototype)
    expect(Object.entries(unpacked)).toEqual([
      ['__proto__', { x: 1 }],
      ['toString', 2],
    ])
  })
})

describe('what is refused, before anything is allocated for it', () => {
  it.each<[string, number[], RegExp]>([
    ['nothing', [], /at byte 0, ends in the middle/],
    ['a list of 2^32 − 1', [0xdd, 0xff, 0xff, 0xff, 0xff], /claims 4294967295/],
    ['a list of 2^31 with a few', [0xdd, 0x80, 0, 0, 0, 1, 2, 3], /claims 2147483648/],
    ['a map of 2^31', [0xdf, 0x80, 0, 0, 0], /claims 4294967296/],
    ['a text of 2^31', [0xdb, 0x80, 0, 0, 0, 0x61], /claims 2147483648/],
    ['a binary of 2^31', [0xc6, 0x80, 0, 0, 0, 0x61], /claims 2147483648/],
    ['a length cut off', [0xdd, 0, 0], /ends in the middle/],
    ['a number cut off', [0xcb, 1, 2], /claims 8 bytes/],
    ['bytes after the end', [0xc0, 0xc0], /goes on for 1 bytes/],
    ['an extension', [0xd4, 1, 0], /type 0xd4/],
    ["msgpackr's record", [0xd4, 0x72, 0x40], /type 0xd4/],
    ['a type that is none', [0xc1], /type 0xc1/],
    ['a key that is a number', [0x81, 1, 2], /map key that is no text/],
    ['a key that is a list', [0x81, 0x90, 2], /map key that is no text/],
    ['a byte that is no UTF-8', [0xa1, 0xff], /no UTF-8/],
    ['half a letter', [0xa1, 0xc3], /no UTF-8/],
    ['a surrogate in UTF-8', [0xa3, 0xed, 0xa0, 0x80], /no UTF-8/],
    ['a level too deep', [0x91, 0x91, 0x91, 0x91, 0x91, 0xc0], /at byte 4, is deeper than 4 levels/],
    ['too many values', [0xdc, 0, 100, ...new Array(100).fill(0xc0)], /more than 100 values/],
  ])('%s', (_, bytes, message) => {
    expect(refusal(() => unpack(...bytes))).toMatch(message)
  })

  it('every message that is cut off, at any byte', () => {
    const message = packMessage({
      users: ['a', 'é', 'x'.repeat(40)],
      n: [1, 300, -70_000, 1.5, null, true],
      b: new Uint8Array(9),
    })
    expect(unpackMessage(message, limits)).toMatchObject({ users: ['a', 'é', 'x'.repeat(40)] })
    for (let length = 0; length < message.length; length++) {
      expect(refusal(() => unpackMessage(message.subarray(0, length), limits))).not.toBe('was taken')
    }
  })

  it('a million levels, in little time and on no stack', () => {
    const deep = new Uint8Array(1_000_000).fill(0x91)
    expect(refusal(() => unpackMessage(deep, { maxDepth: 8, maxValues: 1e7 }))).toMatch(/deeper/)
    expect(refusal(() => parseJson(Buffer.from('['.repeat(1_000_000))))).toMatch(/deeper/)
  })
})

describe('JSON', () => {
  it('counts no brackets in texts', () => {
    expect(parseJson(Buffer.from(JSON.stringify({ a: '[[[[[[[[[["\\[[{{' })))).toEqual({ a: '[[[[[[[[[["\\[[{{' })
  })

  it.each([
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['a half', Buffer.from('{"a":')],
    ['nothing', new Uint8Array()],
    ['NaN', Buffer.from('[NaN]')],
  ])('refuses %s', (_, bytes) => {
    expect(refusal(() => parseJson(bytes))).not.toBe('was taken')
  })
})
