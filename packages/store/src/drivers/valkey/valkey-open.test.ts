import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { startValkey, until, type ValkeyNode } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddingStore,
  openStore,
  StoreAccessError,
  StoreFormatError,
  StoreUnavailableError,
  StoreUrlError,
  StoreWriteError,
} from '../../index.ts'
import { hashName, hashPattern, parseHashName } from './layout.ts'
import { joinRequests, request } from './request.ts'
import { slotOf } from './slots.ts'
import { parseValkeyUrl } from './valkey-url.ts'

const state = { kind: 'user', key: 'u', expected: 0, state: Uint8Array.of(1, 2) } as const

/** The state as it could be written now. */
async function nextState(store: EmbeddingStore) {
  const { versions } = await store.readStates('user', ['u'])
  return { ...state, expected: versions[0] }
}

/** As docs/store.md gives them. */
const document = readFileSync(fileURLToPath(new URL('../../../../../docs/store.md', import.meta.url)), 'utf8')
const leastRights = /^ACL SETUSER \w+ on >\w+ (.+)$/m.exec(document)![1].split(' ')

describe('opening', () => {
  let node: ValkeyNode
  const password = 'p@ss/wörd:1%'
  beforeAll(async () => {
    node = await startValkey({ password })
  })
  afterAll(() => node.close())

  const url = (credentials: string) => `valkey://${credentials}@${node.address}?timeout=200`

  it('signs in with a password, or a user with one', async () => {
    await node.command('ACL', 'SETUSER', 'writer', 'on', '>secret', ...leastRights)
    for (const credentials of [`:${encodeURIComponent(password)}`, 'writer:secret']) {
      const store = await openStore(url(credentials))
      await node.command('FLUSHALL')
      expect([...(await store.compareAndSetStates([[state]]))]).toEqual([1])
      expect((await store.readStates('user', ['u'])).states).toEqual([state.state])
      expect((await store.check()).faults).toEqual([])
      for await (const key of store.keys('user')) expect(key).toBe('u')
      expect((await store.forget('u')).removed[1].count).toBe(1)
      await store.close()
    }
  })

  it('refuses a wrong password or none, and tells of neither', async () => {
    for (const credentials of [':wrong-secret', 'writer:wrong-secret', 'nobody:wrong-secret']) {
      const error: unknown = await openStore(url(credentials)).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(StoreAccessError)
      expect((error as Error).message).toMatch(/WRONGPASS.*check user, password/)
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('wrong-secret')
    }
    await expect(openStore(`valkey://${node.address}`)).rejects.toThrow(/NOAUTH.*check user, password/)
  })

  it('says so where nobody listens', async () => {
    await expect(openStore('valkey://127.0.0.1:1')).rejects.toThrow(StoreAccessError)
    await expect(openStore('valkey://127.0.0.1:1')).rejects.toThrow(/127\.0\.0\.1:1: .*ECONNREFUSED.*check its hosts/)
  })

  it('refuses a tenant of another format, and leaves it be', async () => {
    await node.command('FLUSHALL')
    const store = await openStore(url(`:${encodeURIComponent(password)}`))
    await node.command('SET', 'hw:foreign:format', '99')
    const foreign = store.forTenant('foreign')
    for (const call of [
      () => foreign.readStates('user', ['u']),
      () => foreign.compareAndSetStates([[state]]),
      () => foreign.forget('u'),
      () => foreign.keys('user')[Symbol.asyncIterator]().next(),
    ]) {
      await expect(call()).rejects.toThrow(StoreFormatError)
      await expect(call()).rejects.toThrow(/tenant "foreign" of the Valkey store has format 99/)
    }
    expect(await node.command('KEYS', '*')).toEqual(['hw:foreign:format'])
    await store.compareAndSetStates([[state]])
    expect(await node.command('GET', 'hw:default:format')).toBe('3')
    await store.close()
  })

  it('waits for a silent server once, and refuses at once until it is heard again', async () => {
    const store = await openStore(`valkey://:${encodeURIComponent(password)}@${node.address}?timeout=30`)
    const next = await nextState(store)
    await store.compareAndSetStates([[next]])
    const { expected } = await nextState(store)
    node.pause()
    try {
      // It may have been written where the server has it still to read.
      await expect(store.compareAndSetStates([[{ ...state, expected }]])).rejects.toThrow(StoreWriteError)
      const refused = store.compareAndSetStates([[{ ...state, expected }]])
      await Promise.all([
        expect(refused).rejects.toThrow(StoreUnavailableError),
        expect(refused).rejects.toThrow(/nothing was written/),
        expect(store.readStates('user', ['u'])).rejects.toThrow(StoreUnavailableError),
        ...(['old', 'newest'] as const).map(async (mayMiss) => {
          const { states, missing } = await store.readStates('user', ['u', 'v'], mayMiss)
          expect([...states, ...missing]).toEqual([undefined, undefined, 0, 1])
        }),
      ])
    } finally {
      node.resume()
    }
    await until('it is heard', async () => (await store.readStates('user', ['u'], 'newest')).missing.size === 0)
    await until('it is written', async () => {
      const outcomes = await store.compareAndSetStates([[await nextState(store)]]).catch(() => [0])
      return outcomes[0] === 1
    })
    await store.close()
  })

  it('speaks TLS with servers whose authority it is told', async () => {
    const secured = await startValkey({ tls: true })
    await expect(openStore(`valkeys://${secured.address}`)).rejects.toThrow(/certificate/)
    const store = await openStore(`valkeys://${secured.address}?ca=${encodeURIComponent(secured.certificateFile!)}`)
    expect([...(await store.compareAndSetStates([[state]]))]).toEqual([1])
    await store.close()
    await secured.close()
  })

  it('computes slots as the server does', async () => {
    const cluster = await startValkey({ cluster: true })
    for (const tag of ['', 'a', '123456789', 'yQmhsGqlyOLkBYoHLMPBDg', '-_-_-_-_-_-_-_-_-_-_-w']) {
      expect(slotOf(tag)).toBe(await cluster.command('CLUSTER', 'KEYSLOT', tag))
    }
    await cluster.close()
  })
})

describe('URLs', () => {
  it('name servers, credentials and what is promised', () => {
    expect(parseValkeyUrl('valkey://h')).toEqual({
      seeds: [{ host: 'h', port: 6379 }],
      username: undefined,
      password: undefined,
      ca: undefined,
      durability: 'none',
      timeoutMs: 500,
      patienceMs: 3_000,
      mostMs: 10_000,
    })
    expect(
      parseValkeyUrl('valkeys://u%40x:p%2f%3a:q@a:1,[::1]:2,[fe80::1],b?durability=disk&timeout=20'),
    ).toMatchObject({
      seeds: [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
        { host: 'fe80::1', port: 6379 },
        { host: 'b', port: 6379 },
      ],
      username: 'u@x',
      password: 'p/::q',
      ca: null,
      durability: 'disk',
      timeoutMs: 20,
    })
    expect(parseValkeyUrl('valkey://:p@h')).toMatchObject({ username: undefined, password: 'p' })
  })

  it('are refused with what is wrong, and without the password', () => {
    for (const rest of [
      '@',
      '@h:0',
      '@h:70000',
      '@h,,g',
      '@h:x',
      '@h?durability=all',
      '@h?timeout=0',
      '@h?timeout=1.5',
      '@h?timeout=',
      '@h?timeout=1&timeout=2',
      '@h?replicas=1',
      '@h#x',
      '@h/0',
      '%zz@h',
      '/more@h',
    ]) {
      const parse = () => parseValkeyUrl(`valkey://user:hidden${rest}`)
      expect(parse, rest).toThrow(StoreUrlError)
      expect(parse, rest).not.toThrow(/hidden/)
    }
    expect(() => parseValkeyUrl('valkeys://h?ca=/nowhere.pem')).toThrow(/nowhere\.pem/)
  })
})

describe('layout', () => {
  it('keeps tenants apart whatever their names hold', () => {
    const digest = 'yQmhsGqlyOLkBYoHLMPBDg'
    const tenants = ['default', 'a:i', 'a', '{x}', 'a*', 'ä ö', '%3A', 'a:i:{yQmhsGqlyOLkBYoHLMPBDg}']
    const names = tenants.flatMap((tenant) => [hashName(tenant, 'user', digest), hashName(tenant, 'item', digest)])
    expect(new Set(names).size).toBe(names.length)
    for (const [n, name] of names.entries()) {
      expect(parseHashName(name)).toEqual({ tenant: tenants[n >> 1], kind: n % 2 === 0 ? 'user' : 'item', digest })
      expect(/\{(.*?)\}/.exec(name)?.[1]).toBe(digest)
    }
    expect(hashPattern('a*[b]?\\', 'user')).not.toMatch(/[[\]?\\]|\*./)
    expect([parseHashName('hw:a:format'), parseHashName('other')]).toEqual([undefined, undefined])
  })

  it('writes commands as servers read them', () => {
    expect(request('GET', 'ü')).toBe('*2\r\n$3\r\nGET\r\n$2\r\nü\r\n')
    const bytes = Uint8Array.of(0, 13, 10, 255)
    const joined = joinRequests([request('A'), request('B', bytes, 'c', new Uint8Array()), request('D')])
    expect(joined).toEqual(
      Buffer.concat([
        Buffer.from('*1\r\n$1\r\nA\r\n*4\r\n$1\r\nB\r\n$4\r\n'),
        bytes,
        Buffer.from('\r\n$1\r\nc\r\n$0\r\n\r\n*1\r\n$1\r\nD\r\n'),
      ]),
    )
  })
})
