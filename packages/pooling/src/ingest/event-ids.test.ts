import { compileFeatures, type LogEvent, Replay } from '@headwater/features'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { fuzz } from '@headwater/testkit'
import { startValkeyCluster, type ValkeyCluster } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encoderOf, eventOf, fakeClock, model, space, startMs } from '../../testing/towers.ts'
import { createPooling, type EventLog } from '../index.ts'
import { ingestEvents } from './ingest.ts'
import { keptIds } from './ingest-state.ts'

const idEvent = (id: string, user = 'u', item = 'i', timeMs = startMs, rating = 7): LogEvent => {
  return { ...eventOf(user, item, timeMs, rating), id }
}

/** What features are made of, as a replay of the log has it. */
function replayed(events: readonly LogEvent[]) {
  const replay = new Replay(space)
  replay.ingest(events)
  return replay
}

async function expectStates(store: EmbeddingStore, events: readonly LogEvent[]): Promise<void> {
  const replay = replayed(events)
  const users = [...new Set(events.map(({ user }) => user))]
  const items = [...new Set(events.map(({ item }) => item))]
  const held = {
    user: (await store.readStates('user', users)).states,
    item: (await store.readStates('item', items)).states,
  }
  for (const [u, user] of users.entries()) {
    expect(held.user[u]!.slice(0, space.userStateBytes), user).toEqual(replay.userState(user))
  }
  for (const [i, item] of items.entries()) {
    expect(held.item[i]!.slice(0, space.itemStateBytes), item).toEqual(replay.itemState(item))
  }
}

describe('over a store that writes groups whole', () => {
  it('applies an event once, alone, in one call or in many', async () => {
    const store = await openStore('memory:')
    const events = ['a', 'b', 'a', 'c', 'b'].map((id, i) => idEvent(id, 'u', `i${i}`, startMs + i, i))
    const first = await ingestEvents(store, space, events)
    expect([first.applied.map(({ id }) => id), first.repeated]).toEqual([['a', 'b', 'c'], 2])
    expect(first.lastEventMs.get('u')).toBe(Number.NEGATIVE_INFINITY)
    const second = await ingestEvents(store, space, [idEvent('c'), idEvent('d', 'u', 'i9', startMs + 9)])
    expect([second.applied.length, second.repeated, second.lastEventMs.get('u')]).toEqual([1, 1, startMs + 3])
    await expectStates(store, [events[0], events[1], events[3], idEvent('d', 'u', 'i9', startMs + 9)])
    // Another user's event of the same id is another event.
    expect((await ingestEvents(store, space, [idEvent('a', 'v')])).repeated).toBe(0)
    await store.close()
  })

  it('leaves states as they were before there were ids, where an event has none', async () => {
    const store = await openStore('memory:')
    await ingestEvents(store, space, [eventOf('u', 'i', startMs), eventOf('u', 'i', startMs)])
    const { states } = await store.readStates('user', ['u'])
    expect(states[0]!.length).toBe(space.userStateBytes)
    expect(space.userHistory(states[0]!).eventCount).toBe(2)
    await ingestEvents(store, space, [idEvent('a')])
    await ingestEvents(store, space, [eventOf('u', 'i', startMs)])
    expect((await ingestEvents(store, space, [idEvent('a')])).repeated).toBe(1)
    await store.close()
  })

  it('knows the last 64 ids of a user', async () => {
    const store = await openStore('memory:')
    for (let i = 0; i <= keptIds; i++) await ingestEvents(store, space, [idEvent(`e${i}`)])
    expect((await ingestEvents(store, space, [idEvent('e1')])).repeated).toBe(1)
    expect((await ingestEvents(store, space, [idEvent('e0')])).repeated).toBe(0)
    const { states } = await store.readStates('user', ['u'])
    expect(states[0]!.length).toBe(space.userStateBytes + 64 * 8)
    await store.close()
  })

  it('applies an event once where writers send it at the same time', async () => {
    const store = await openStore('memory:')
    const events = Array.from({ length: 20 }, (_, i) => idEvent(`e${i % 10}`, `u${i % 2}`, 'i', startMs + (i % 10)))
    const ended = await Promise.all(events.map((event) => ingestEvents(store, space, [event])))
    expect(ended.reduce((sum, { repeated }) => sum + repeated, 0)).toBe(10)
    const { states } = await store.readStates('user', ['u0', 'u1'])
    expect(states.map((state) => space.userHistory(state!.slice(0, space.userStateBytes)).eventCount)).toEqual([5, 5])
    await store.close()
  })

  it('refuses a state whose ids are torn', async () => {
    const store = await openStore('memory:')
    const state = new Uint8Array(space.userStateBytes + 5)
    state.set(space.newUserState())
    await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected: 0, state }]])
    await expect(ingestEvents(store, space, [idEvent('a')])).rejects.toThrow(/bytes/)
    await store.close()
  })

  it('refreshes from states with ids as from those without', async () => {
    const vectors: number[][] = []
    for (const id of [{}, { id: 'x' }]) {
      const store = await openStore('memory:')
      const clock = fakeClock()
      const pooling = createPooling({ store, space, models: [model], clock, refreshDelayMs: 0 })
      await pooling.publish('m', encoderOf(1))
      await pooling.ingest([{ ...eventOf('u', 'i', startMs), ...id }])
      if ('id' in id) await pooling.ingest([{ ...eventOf('u', 'i', startMs), ...id }])
      expect(pooling.counters).toMatchObject({ events: 1, repeated: 'id' in id ? 1 : 0, coalesced: 0 })
      clock.nowMs += 1
      await pooling.drain()
      vectors.push([...(await pooling.read(['u'], ['m'])).models[0].vectors])
      await store.close()
    }
    expect(vectors[0]).toEqual(vectors[1])
  })
})

describe('over a Valkey cluster, which writes one key at a time', () => {
  let cluster: ValkeyCluster
  let store: EmbeddingStore
  let tenants = 0
  beforeAll(async () => {
    cluster = await startValkeyCluster({ replicas: 0 })
    store = await openStore(`valkey://${cluster.nodes[0].address}`)
  }, 60_000)
  afterAll(async () => {
    await store?.close()
    await cluster?.close()
  })
  const fresh = () => store.forTenant(`t${tenants++}`)

  /** Lets the first writes through, and then no more until it is told. */
  function breaking(whole: EmbeddingStore) {
    const state = { writesLeft: Number.POSITIVE_INFINITY }
    const store = {
      atomicity: whole.atomicity,
      readStates: whole.readStates.bind(whole),
      forgottenAtMs: whole.forgottenAtMs.bind(whole),
      compareAndSetStates: async (groups: Parameters<EmbeddingStore['compareAndSetStates']>[0]) => {
        if (state.writesLeft-- <= 0) throw new Error('cut off')
        return whole.compareAndSetStates(groups)
      },
    } as unknown as EmbeddingStore
    return { store, state }
  }

  it('mends what was cut off between the user and the item', async () => {
    const whole = fresh()
    expect(whole.atomicity).toBe('key')
    const { store: frail, state } = breaking(whole)
    const before = [idEvent('w', 'v', 'i', startMs - 5, 2)]
    await ingestEvents(frail, space, before)
    const events = [idEvent('a', 'u', 'i', startMs, 9), idEvent('b', 'u', 'j', startMs + 1, 3)]
    state.writesLeft = 1
    await expect(ingestEvents(frail, space, events)).rejects.toThrow('cut off')
    // The user has them, the items do not.
    const { states } = await whole.readStates('item', ['i', 'j'])
    expect(states.map((held) => held?.length)).toEqual([space.itemStateBytes + 8, undefined])
    state.writesLeft = Number.POSITIVE_INFINITY
    const again = await ingestEvents(frail, space, events)
    expect([again.applied, again.repeated]).toEqual([[], 2])
    await expectStates(whole, [...before, ...events])
    await ingestEvents(frail, space, events)
    await expectStates(whole, [...before, ...events])
  })

  it('applies what is left where it was cut off before the users', async () => {
    const whole = fresh()
    const { store: frail, state } = breaking(whole)
    const events = [idEvent('a', 'u', 'i'), idEvent('b', 'v', 'i', startMs + 1)]
    state.writesLeft = 0
    await expect(ingestEvents(frail, space, events)).rejects.toThrow('cut off')
    state.writesLeft = Number.POSITIVE_INFINITY
    expect((await ingestEvents(frail, space, events)).applied).toHaveLength(2)
    await expectStates(whole, events)
  })

  it('does not count an event twice in an item that has had many since', async () => {
    const whole = fresh()
    const events = Array.from({ length: keptIds + 6 }, (_, n) => idEvent('only', `u${n}`, 'i', startMs + n, n % 10))
    for (const event of events) await ingestEvents(whole, space, [event])
    expect((await ingestEvents(whole, space, [events[0]])).repeated).toBe(1)
    await expectStates(whole, events)
  })

  it('loses nothing to writers beside each other, with ids or without', async () => {
    await fuzz(
      (random) => ({ users: 1 + random.nextBelow(4), items: 1 + random.nextBelow(3), ids: random.nextBelow(2) === 1 }),
      async ({ users, items, ids }, random) => {
        const whole = fresh()
        const events = Array.from({ length: 24 }, (_, n): LogEvent => {
          const event = eventOf(`u${random.nextBelow(users)}`, `i${random.nextBelow(items)}`, startMs + n)
          return ids ? { ...event, id: `e${n}` } : event
        })
        const calls = [0, 1, 2, 3].map((n) => events.filter((_, i) => i % 4 === n))
        await Promise.all(calls.map((call) => ingestEvents(whole, space, call)))
        for (const kind of ['user', 'item'] as const) {
          const keys = [...new Set(events.map((event) => event[kind]))]
          const { states } = await whole.readStates(kind, keys)
          for (const [k, key] of keys.entries()) {
            // Number of events, in the third double of both sides' states.
            const count = new DataView(states[k]!.slice(0, 24).buffer).getFloat64(16, true)
            expect(count, `${kind} ${key}`).toBe(events.filter((event) => event[kind] === key).length)
          }
        }
      },
      { runs: 6 },
    )
  })

  it('passes over the events of a forgotten user, on the items too', async () => {
    const whole = fresh()
    await whole.forget('u', { atMs: startMs + 10 })
    const events = [
      idEvent('a', 'u', 'i', startMs),
      idEvent('b', 'v', 'i', startMs),
      idEvent('c', 'u', 'i', startMs + 11),
    ]
    await ingestEvents(whole, space, events)
    await expectStates(whole, [events[1], events[2]])
  })
})

describe('an event log', () => {
  it('is given what is new, in the order in which it is applied, before it is applied', async () => {
    const store = await openStore('memory:')
    const logged: string[][] = []
    const eventLog: EventLog = {
      append: async (events) => {
        const { states } = await store.readStates('user', ['u'])
        const count =
          states[0] === undefined ? 0 : space.userHistory(states[0].slice(0, space.userStateBytes)).eventCount
        expect(count).toBe(logged.flat().length)
        await new Promise((resolve) => setTimeout(resolve, 2))
        logged.push(events.map(({ id }) => id!))
      },
    }
    const pooling = createPooling({ store, space, models: [model], clock: fakeClock(), eventLog })
    await Promise.all([
      pooling.ingest([idEvent('a'), idEvent('a'), idEvent('b', 'u', 'j')]),
      pooling.ingest([idEvent('b'), idEvent('c')]),
      pooling.ingest([idEvent('a')]),
    ])
    expect(logged).toEqual([['a', 'b'], ['c']])
    expect(pooling.counters).toMatchObject({ events: 3, repeated: 3 })
    await store.close()
  })

  it('keeps events from being applied where it fails, and is not given those of the forgotten or of the refused', async () => {
    const store = await openStore('memory:')
    const logged: string[] = []
    let fails = true
    const eventLog: EventLog = {
      append: async (events) => {
        if (fails) throw new Error('the disk is full')
        logged.push(...events.map(({ user }) => user))
      },
    }
    const pooling = createPooling({ store, space, models: [model], clock: fakeClock(), eventLog })
    await expect(pooling.ingest([idEvent('a')])).rejects.toThrow('the disk is full')
    expect((await store.readStates('user', ['u'])).states).toEqual([undefined])
    fails = false
    await store.forget('gone', { atMs: startMs })
    await pooling.ingest([idEvent('a'), idEvent('a', 'gone')])
    await expect(pooling.ingest([idEvent('x', 'bad', 'i', Number.NaN)])).rejects.toThrow('timeMs')
    expect(logged).toEqual(['u'])
    await store.close()
  })
})

it('reads users from before fields had times', async () => {
  const schema = {
    ...space.schema,
    fields: [...space.schema.fields, { name: 'age', of: 'user', type: 'float' } as const],
  }
  const aged = compileFeatures(schema)
  const store = await openStore('memory:')
  const event = { ...eventOf('u', 'i', startMs), values: [7, 33] }
  await ingestEvents(store, aged, [event])
  const { states, versions } = await store.readStates('user', ['u'])
  const full = states[0]!
  // The double before the words: of the field two words less one, of the ring six.
  const wordsAt = full.length - 4 * 7
  const old = new Uint8Array(full.length - 8)
  old.set(full.subarray(0, wordsAt - 8))
  old.set(full.subarray(wordsAt), wordsAt - 8)
  await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected: versions[0], state: old }]])
  await ingestEvents(store, aged, [{ ...event, id: 'a' }])
  const { states: after } = await store.readStates('user', ['u'])
  expect(after[0]!.length).toBe(aged.userStateBytes + 8)
  expect(aged.userHistory(after[0]!.slice(0, aged.userStateBytes)).eventCount).toBe(2)
  await store.close()
})
