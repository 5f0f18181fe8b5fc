import { openStore } from '@headwater/store'
import { expect, it } from 'vitest'
import { eventOf, space } from '../../testing/towers.ts'
import { ingestEvents } from './ingest.ts'

it('passes over events of users who were forgotten at their time or later, on users and items alike', async () => {
  const store = await openStore('memory:')
  const before = [eventOf('u', 'i', 1_000, 3), eventOf('v', 'i', 1_000, 4)]
  await ingestEvents(store, space, before)
  await store.forget('u', { atMs: 2_000 })
  const late = [
    eventOf('u', 'j', 1_500, 5),
    eventOf('v', 'j', 1_500, 6),
    eventOf('u', 'i', 2_000, 7),
    eventOf('u', 'i', 2_001, 8),
  ]
  await ingestEvents(store, space, late)
  await ingestEvents(store, space, [eventOf('u', 'k', 1_999, 9)])

  const wanted = await openStore('memory:')
  await ingestEvents(wanted, space, before)
  await wanted.forget('u', { atMs: 0 })
  await ingestEvents(wanted, space, [late[1], late[3]])
  for (const [kind, keys] of [
    ['user', ['u', 'v']],
    ['item', ['i', 'j', 'k']],
  ] as const) {
    const { states } = await store.readStates(kind, keys)
    expect(states).toEqual((await wanted.readStates(kind, keys)).states)
    expect(states.filter((state) => state !== undefined)).toHaveLength(2)
  }
  await Promise.all([store.close(), wanted.close()])
})

it('does not bring back a user who is forgotten while their events are on the way', async () => {
  const store = await openStore('memory:')
  await ingestEvents(store, space, [eventOf('u', 'i', 1_000)])
  await Promise.all([ingestEvents(store, space, [eventOf('u', 'i', 1_500)]), store.forget('u', { atMs: 1_500 })])
  expect((await store.readStates('user', ['u'])).states).toEqual([undefined])
  await store.close()
})
