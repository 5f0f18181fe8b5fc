/** Items whose part of the store takes no writes, over a store of keys that is one process's memory. */
import { type EmbeddingStore, openStore, StoreUnavailableError, StoreWriteError } from '@headwater/store'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { eventOf, space, startMs } from '../../testing/towers.ts'
import { ingestEvents } from './ingest.ts'
import { LateItems } from './late-items.ts'

let whole: EmbeddingStore
/** Parts are named by a key's first letter; those here take no writes, and do not give what they have. */
const away = new Map<string, Error>()
let late: LateItems
let store: EmbeddingStore

beforeEach(async () => {
  away.clear()
  whole = await openStore('memory:')
  store = new Proxy(whole, {
    get(target, name) {
      if (name === 'atomicity') return 'key'
      if (name === 'partOf') return (key: string) => key[0]
      if (name === 'compareAndSetStates') {
        return async (groups: Parameters<EmbeddingStore['compareAndSetStates']>[0]) => {
          for (const [{ key }] of groups) if (away.has(key[0])) throw away.get(key[0])
          return target.compareAndSetStates(groups)
        }
      }
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  late = new LateItems(store, space)
})
afterEach(async () => {
  away.clear()
  await late.close()
  await whole.close()
})

const eventsOf = async (kind: 'user' | 'item', key: string) => {
  const { states } = await whole.readStates(kind, [key])
  const bytes = kind === 'user' ? space.userStateBytes : space.itemStateBytes
  return states[0] === undefined ? 0 : (states[0].length - bytes) / 8
}
const idEvent = (id: string, item: string, user = 'u') => ({ ...eventOf(user, item, startMs), id })
const ingest = (...events: ReturnType<typeof idEvent>[]) => ingestEvents(store, space, events, null, late)
const settled = () => vi.waitFor(() => expect(late.size).toBe(0), { timeout: 20_000, interval: 5 })

it('users have their events though an item cannot, which has them later, once', async () => {
  away.set('s', new StoreUnavailableError('it is silent'))
  const { applied } = await ingest(idEvent('a', 's-item'), idEvent('b', 'h-item'))
  expect(applied.map(({ id }) => id)).toEqual(['a', 'b'])
  // Those behind it join it, and one that is sent again changes nothing.
  await ingest(idEvent('c', 's-item'))
  expect((await ingest(idEvent('a', 's-item'))).repeated).toBe(1)
  expect([await eventsOf('user', 'u'), await eventsOf('item', 'h-item')]).toEqual([3, 1])
  expect([await eventsOf('item', 's-item'), late.size, late.isBehind('s')]).toEqual([0, 3, true])
  away.clear()
  await settled()
  expect(await eventsOf('item', 's-item')).toBe(2)
  // By the state of one that was never late.
  await ingest(idEvent('x', 'other', 'v'), idEvent('y', 'other', 'v'))
  const { states } = await whole.readStates('item', ['s-item', 'other'])
  const [one, other] = states.map((state) => state!.slice(0, space.itemStateBytes))
  expect(one).toEqual(other)
  await vi.waitFor(() => expect(late.isBehind('s')).toBe(false), { timeout: 20_000, interval: 5 })
  expect(late.dropped).toBe(0)
})

it('an item that was perhaps written, and has had too many events since to tell, is left as it is', async () => {
  for (let i = 0; i < 64; i++) await ingest(idEvent(`before-${i}`, 's-item', 'v'))
  const { states: before } = await whole.readStates('item', ['s-item'])
  away.set('s', new StoreWriteError('no answer came'))
  await ingest(idEvent('a', 's-item'))
  away.clear()
  await settled()
  expect((await whole.readStates('item', ['s-item'])).states).toEqual(before)
})

it('what waits of a forgotten user goes, and what is left at the end is counted', async () => {
  away.set('s', new StoreUnavailableError('it is silent'))
  await ingest(idEvent('a', 's-item'), idEvent('b', 's-item', 'v'))
  expect(late.size).toBe(2)
  late.forget('u')
  expect(late.size).toBe(1)
  await late.close()
  expect([late.size, late.dropped, await eventsOf('item', 's-item')]).toEqual([0, 1, 0])
})

it('fails the call as before where the item fails otherwise', async () => {
  away.set('s', new Error('a bug'))
  await expect(ingest(idEvent('a', 's-item'))).rejects.toThrow('a bug')
  expect(late.size).toBe(0)
})
