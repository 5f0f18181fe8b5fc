/** A tenant of the format before, whose servers are upgraded one after another, in a real Valkey. */
import { startValkey, type ValkeyNode } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { isOfFormat2 } from '../../../testing/format-2.ts'
import {
  checkStoreAt,
  createReadBuffer,
  type EmbeddingStore,
  openStore,
  RequestError,
  StoreFormatError,
  StoreUrlError,
} from '../../index.ts'
import { digestOf } from '../../record/tombstone.ts'
import { hashName } from './layout.ts'
import { raiseFormat } from './raise-format.ts'

let node: ValkeyNode
let url: string
beforeAll(async () => {
  node = await startValkey()
  url = `valkey://${node.address}`
})
afterAll(() => node.close())
beforeEach(() => node.command('FLUSHALL'))

/** As the version before wrote it: a state of bytes 1, 2, 250 and version 9. */
const stateHex = '02020000744102ba09000000030000000102fa'
const state = Uint8Array.of(1, 2, 250)
/** A tombstone of 1,700,000,000,123 ms. */
const tombstoneHex = '02050000848fe69261ad3bb40800000000b08756febc7842'

const hashOf = (user: string) => hashName('default', 'user', digestOf('default', user))
const put = (user: string, field: string, hex: string) =>
  node.command('HSET', hashOf(user), 'k', user, field, Buffer.from(hex, 'hex'))
/** As it lies in the server; `command` gives text, and digits survive that. */
async function heldHex(user: string, field: string): Promise<string> {
  const script = `local bytes = redis.call('HGET', KEYS[1], ARGV[1])
    return (bytes:gsub('.', function (c) return string.format('%02x', c:byte()) end))`
  return String(await node.command('EVAL', script, '1', hashOf(user), field))
}

async function open(): Promise<EmbeddingStore> {
  const store = await openStore(url)
  onTestFinished(() => store.close())
  return store
}

const policy = { count: 2, slots: 2, slot: 'refresh' } as const
const ringOf = (users: readonly string[], snapshot: number) => ({
  ...{ model: 'm', dim: 3, users, snapshot, frame: 1, writtenMs: 5, policy },
  vectors: Float32Array.from({ length: 3 * users.length }, (_, i) => i + snapshot),
  featureTimeMs: new Float64Array(users.length).fill(snapshot),
})
const eventOf = (user: string, id: string) => ({
  ...{ users: [user], eventIds: [id], timesMs: Float64Array.of(7), payloads: [Uint8Array.of(3)], writtenMs: 8 },
})

test('records of the format before are read, and written byte for byte as that version writes them', async () => {
  await node.command('SET', 'hw:default:format', '2')
  await put('u', 's', stateHex)
  await put('gone', 't', tombstoneHex)
  const store = await open()
  const { states, versions } = await store.readStates('user', ['u'])
  expect([states[0], versions[0]]).toEqual([state, 9])
  expect([...(await store.forgottenAtMs(['gone', 'u']))]).toEqual([1_700_000_000_123, -Infinity])

  // Of version 8 is held; the next one, with the same contents, is what that version wrote.
  await put('w', 's', stateHex.replace('ba09', 'ba08'))
  expect(await store.compareAndSetStates([[{ kind: 'user', key: 'w', expected: 8, state }]])).toEqual(Uint8Array.of(1))
  expect(await heldHex('w', 's')).toBe(stateHex)

  await store.append(ringOf(['u'], 4))
  await store.append(ringOf(['u'], 5))
  await store.appendEvents(eventOf('u', 'first'))
  await store.forget('other', { atMs: 9 })
  for (const [user, field] of [
    ['u', 'r:m'],
    ['u', 'e'],
    ['other', 't'],
  ])
    expect(isOfFormat2(Buffer.from(await heldHex(user, field), 'hex')), field).toBe(true)
  expect((await checkStoreAt(url)).faults).toEqual([])
  expect(await node.command('GET', 'hw:default:format')).toBe('2')
})

test('once it is raised new servers write their own format, those that run go on, and all of it is read', async () => {
  await node.command('SET', 'hw:default:format', '2')
  const running = await open()
  await running.append(ringOf(['u', 'v'], 4))
  expect(await raiseFormat(url)).toEqual({ tenant: 'default', before: 2, now: 3 })
  expect(await raiseFormat(url)).toEqual({ tenant: 'default', before: 3, now: 3 })
  const next = await open()
  await next.append(ringOf(['u'], 5))
  await running.append(ringOf(['v'], 5))
  const formats = await Promise.all(['u', 'v'].map(async (user) => (await heldHex(user, 'r:m')).slice(0, 2)))
  expect(formats).toEqual(['03', '02'])
  for (const store of [running, next]) {
    const buffer = createReadBuffer(2, [{ model: 'm', dim: 3 }])
    await store.read({ users: ['u', 'v'], models: [{ model: 'm' }] }, buffer)
    const [{ snapshot, pooled }] = buffer.models
    expect([...snapshot]).toEqual([5, 5])
    // Means of the two embeddings that each has had, of snapshots 4 and 5.
    expect([...pooled]).toEqual([4.5, 5.5, 6.5, 6, 7, 8])
  }
  expect((await checkStoreAt(url)).faults).toEqual([])
})

test('a damaged record of the format before is noticed, and other formats are refused', async () => {
  await node.command('SET', 'hw:default:format', '2')
  await put('u', 's', stateHex.replace('0102fa', '0103fa'))
  const store = await open()
  await expect(store.readStates('user', ['u'])).rejects.toThrow(/fails its checksum/)
  for (const format of ['1', '4']) {
    await node.command('SET', 'hw:default:format', format)
    const other = await open()
    await expect(other.readStates('user', ['u'])).rejects.toThrow(StoreFormatError)
    await expect(raiseFormat(url)).rejects.toThrow(StoreFormatError)
    expect(await node.command('GET', 'hw:default:format')).toBe(format)
  }
  await expect(raiseFormat(url, 'nobody')).rejects.toThrow(RequestError)
  expect(await node.command('GET', 'hw:nobody:format')).toBeNull()
  await expect(raiseFormat('lmdb:somewhere')).rejects.toThrow(StoreUrlError)
})
