import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { InvalidArgumentError } from 'commander'
import { describe, expect, test } from 'vitest'
import { servingPolicy, weightsArgument } from '../../arguments/pooling-options.ts'
import { userPath } from '../../files/paths.ts'
import { checkRole } from './cluster.ts'
import {
  type ModelArgument,
  modelArgument,
  modelDirectories,
  type ServeOptions,
  shadowArgument,
  shadowedModel,
  shareArgument,
  tlsOf,
  urlArgument,
} from './options.ts'

const options = (given: Partial<ServeOptions>) => given as ServeOptions
const models = (texts: readonly string[]) => {
  let given: readonly ModelArgument[] = []
  for (const text of texts) given = modelArgument(text, given)
  return given
}

describe('--model', () => {
  test.each<[string, string[], string | undefined, [string, string][]]>([
    ['one directory', ['out/snapshots'], undefined, [['sum', 'out/snapshots']]],
    ['one with its name apart', ['out'], 'ads', [['ads', 'out']]],
    ['one with its name', ['ads=out'], undefined, [['ads', 'out']]],
    [
      'two',
      ['ads=out/a', 'feed.v2=/b=c'],
      undefined,
      [
        ['ads', 'out/a'],
        ['feed.v2', '/b=c'],
      ],
    ],
    ['a publisher', ['ads=https://h:8070/?a=b'], undefined, [['ads', 'https://h:8070/?a=b']]],
    ['a path that holds a sign of equality', ['./a=b'], undefined, [['sum', './a=b']]],
  ])('takes %s', (_, texts, name, expected) => {
    const given = options({ model: models(texts), ...(name !== undefined && { name }) })
    expect([...modelDirectories(given)]).toEqual(
      expected.map(([key, path]) => [key, path.startsWith('https:') ? path : userPath(path)]),
    )
  })

  test.each<[string, string[], string | undefined, RegExp]>([
    ['two without names', ['a', 'b'], undefined, /give each as --model NAME=DIR/],
    ['the same name twice', ['a=x', 'a=y'], undefined, /"a" is given twice/],
    ['two and --name', ['a=x', 'b=y'], 'c', /--name names one model/],
    ['a name in two places', ['a=x'], 'c', /in one of the two places/],
  ])('refuses %s', (_, texts, name, message) => {
    const given = options({ model: models(texts), ...(name !== undefined && { name }) })
    expect(() => modelDirectories(given)).toThrow(message)
  })

  test('refuses a name without a directory', () => {
    expect(() => modelArgument('a=')).toThrow(InvalidArgumentError)
  })
})

describe('--role', () => {
  const shared = { store: 'valkey://h', mode: 'asynchronous' } as const
  test.each<[string, Partial<ServeOptions>, RegExp]>([
    ['a store of one process', { ...shared, role: 'read', store: 'lmdb:store' }, /give --store valkey/],
    [
      'reads that compute',
      { ...shared, role: 'refresh', mode: 'synchronous' },
      /--role refresh and --mode synchronous/,
    ],
    [
      'a shadow without an encoder',
      { ...shared, role: 'read', shadow: shadowArgument('7') },
      /--shadow needs an encoder/,
    ],
    ['segments without one', { ...shared, role: 'read', segmentField: 'plan' }, /--segment-field needs an encoder/],
  ])('refuses %s', (_, given, message) => {
    expect(() => checkRole(options(given))).toThrow(message)
  })

  test('takes all that a worker has, and anything where one process does all', () => {
    checkRole(options({ ...shared, role: 'refresh', segmentField: 'plan', shadow: shadowArgument('7') }))
    checkRole(options({ role: 'all', store: 'lmdb:store', mode: 'stored' }))
  })
})

describe('--shadow', () => {
  const two = new Map([
    ['a', 'x'],
    ['b', 'y'],
  ])

  test('takes a number or the latest that is held, of the one model or a named one', () => {
    expect(shadowArgument('7')).toEqual({ model: null, snapshot: 7 })
    expect(shadowArgument('b=latest-held')).toEqual({ model: 'b', snapshot: 'latest-held' })
    expect(shadowedModel(options({}), two)).toBeNull()
    expect(shadowedModel(options({ shadow: shadowArgument('7') }), new Map([['a', 'x']]))).toBe('a')
    expect(shadowedModel(options({ shadow: shadowArgument('b=7') }), two)).toBe('b')
  })

  test.each(['0', '-1', 'latest', '1.5', 'a=', '4294967296'])('refuses %s', (text) => {
    expect(() => shadowArgument(text)).toThrow(InvalidArgumentError)
  })

  test('refuses a model that is not there, and none where there are several', () => {
    expect(() => shadowedModel(options({ shadow: shadowArgument('c=7') }), two)).toThrow(/no model is named "c"/)
    expect(() => shadowedModel(options({ shadow: shadowArgument('7') }), two)).toThrow(/NAME=SNAPSHOT/)
  })

  test.each(['0', '1.1', 'NaN', 'all'])('refuses a share of %s', (text) => {
    expect(() => shareArgument(text)).toThrow(InvalidArgumentError)
  })
})

describe('--tls-key and --tls-cert', () => {
  test('are read together, with the authorities of clients if they are named', () => {
    const directory = temporaryDirectory()
    const file = (name: string) => {
      writeFileSync(join(directory, name), name)
      return join(directory, name)
    }
    expect(tlsOf(options({}))).toBeUndefined()
    const pair = { tlsKey: file('key'), tlsCert: file('cert') }
    expect(tlsOf(options(pair))).toEqual({ key: Buffer.from('key'), cert: Buffer.from('cert') })
    expect(tlsOf(options({ ...pair, tlsClientCa: file('ca') }))).toMatchObject({ clientCa: Buffer.from('ca') })
    for (const half of [{ tlsKey: pair.tlsKey }, { tlsCert: pair.tlsCert }, { tlsClientCa: pair.tlsCert }])
      expect(() => tlsOf(options(half))).toThrow(/give both/)
    expect(() => tlsOf(options({ ...pair, tlsKey: join(directory, 'none') }))).toThrow(/--tls-key: .*none.*ENOENT/)
  })
})

test('--traces takes a URL of HTTP', () => {
  expect(urlArgument('http://127.0.0.1:4318/v1/traces')).toBe('http://127.0.0.1:4318/v1/traces')
  for (const text of ['', '127.0.0.1:4318', 'grpc://127.0.0.1:4317'])
    expect(() => urlArgument(text)).toThrow(InvalidArgumentError)
})

describe('--pool-weights', () => {
  test('takes numbers above 0, and averages as many', () => {
    expect(weightsArgument('3, 2,.5')).toEqual([3, 2, 0.5])
    const usual = { slot: 'snapshot', count: 1, maxLagMs: 3 * 86_400_000 }
    expect(servingPolicy({})).toEqual(usual)
    expect(servingPolicy({ pool: 5, poolLag: 60_000 })).toEqual({ ...usual, count: 5, maxLagMs: 60_000 })
    expect(servingPolicy({ poolWeights: [2, 1] })).toEqual({ ...usual, count: 2, weights: [2, 1] })
  })

  test.each(['', '1,', '0,1', '-1', 'a', '1;2', 'Infinity', `${'1,'.repeat(255)}1`])('refuses "%s"', (text) => {
    expect(() => weightsArgument(text)).toThrow(InvalidArgumentError)
  })
})
