import { describe, expect, it } from 'vitest'
import {
  appendOutcome,
  ForgetError,
  FutureTimeError,
  KeyError,
  RequestError,
  readStatus,
  writeOutcome,
} from '../../src/index.ts'
import { EmbeddingStore } from '../../src/operations/embedding-store.ts'
import { digestOf, encodeTombstone } from '../../src/record/tombstone.ts'
import { bytes, interleaved, type Subject } from './subject.ts'

const { written, forgotten } = appendOutcome
const ofStore = (rings: number, states: number, events: number) => [
  { where: 'store', what: 'ring', count: rings },
  { where: 'store', what: 'state', count: states },
  { where: 'store', what: 'event list', count: events },
]

export function describeForgetting(subject: () => Subject): void {
  describe('forgetting', () => {
    it('forgets a user, and no other', async () => {
      const { store } = subject()
      for (const user of ['u', 'u2', 'v']) {
        await subject().create('user', [user])
        await subject().append([user], [1])
        await subject().append([user], [2], 1, 1, 'other')
        await subject().appendEvents([[user, 'e', 1]])
      }
      await store.flushed()
      await subject().append(['u'], [2], 1, 1, 'third')
      const receipt = { user: 'u', tenant: 'default', failed: [] }
      expect(await store.forget('u', { atMs: 5_000 })).toEqual({ ...receipt, atMs: 5_000, removed: ofStore(3, 1, 1) })
      expect(await store.forget('u', { atMs: 6_000 })).toEqual({ ...receipt, atMs: 6_000, removed: ofStore(0, 0, 0) })
      expect(await subject().keysOf('user')).toEqual(['u2', 'v'])
      const columns = await subject().read(['u', 'u2', 'v'], ['m', 'other', 'third'])
      expect(columns.map(({ status }) => [...status])).toEqual([
        [0, 1, 1],
        [0, 1, 1],
        [0, 0, 0],
      ])
      expect(await subject().eventsOf(['u', 'u2', 'v'])).toEqual([[], ['e'], ['e']])
      expect([...(await store.forgottenAtMs(['u', 'v']))]).toEqual([6_000, -Infinity])
      expect(await subject().tables()).toEqual({ ring: 4, user: 2, item: 0, events: 2, tombstone: 1 })
    })

    it('takes the present where no time is given, and refuses times that are none', async () => {
      const { store } = subject()
      const beforeMs = Date.now()
      const { atMs } = await store.forget('u')
      expect(atMs).toBeGreaterThanOrEqual(beforeMs)
      expect(atMs).toBeLessThanOrEqual(Date.now())
      await expect(store.forget('u', { atMs: Number.NaN })).rejects.toThrow(RequestError)
      await expect(store.forget('u', { atMs: 1e15 })).rejects.toThrow(FutureTimeError)
      await expect(store.forget('')).rejects.toThrow(KeyError)
    })

    it('keeps the later of two tombstones', async () => {
      const { store } = subject()
      await Promise.all([100, 300, 200].map((atMs) => store.forget('u', { atMs })))
      expect([...(await store.forgottenAtMs(['u']))]).toEqual([300])
    })

    it('brings no one back who was forgotten at the time of a result or later', async () => {
      const { store } = subject()
      await subject().append(['u'], [1], 1, 900)
      await store.forget('u', { atMs: 1_000 })
      expect([...(await subject().append(['u', 'v'], [2, 2], 2, 1_000)).outcomes]).toEqual([forgotten, written])
      expect(await subject().statusOf('u')).toBe(readStatus.missing)
      expect([...(await subject().append(['u'], [3], 2, 1_001)).outcomes]).toEqual([written])
      expect(await subject().statusOf('u')).toBe(readStatus.found)
    })

    it('brings no one back who is forgotten between the read and the write of an append', async () => {
      const { driver, store } = subject()
      await subject().append(['u', 'v'], [1, 1], 1, 900)
      for (const [snapshot, atMs, outcome] of [
        [2, 1_500, written],
        [3, 2_000, forgotten],
      ]) {
        const late = new EmbeddingStore(
          interleaved(driver, () => store.forget('u', { atMs })),
          'default',
        )
        const { outcomes } = await subject().append(['u', 'v'], [2, 2], snapshot, 2_000, 'm', late)
        expect([...outcomes]).toEqual([outcome, written])
        // What was held before is gone either way: the average is of the new alone.
        const [m] = await subject().read(['u'])
        expect(m.status[0]).toBe(outcome === written ? readStatus.found : readStatus.missing)
        expect(m.pooled[0]).toBe(outcome === written ? 2 : 0)
      }
    })

    it('brings no one back who is forgotten between the read and the write of events or a state', async () => {
      const { driver, store } = subject()
      await subject().create('user', ['u'])
      await subject().appendEvents([['u', 'held', 900]])
      const lateStore = () =>
        new EmbeddingStore(
          interleaved(driver, () => store.forget('u', { atMs: 2_000 })),
          'default',
        )
      const events = await subject().appendEvents(
        [
          ['u', 'before', 1_000],
          ['u', 'after', 3_000],
        ],
        lateStore(),
      )
      expect([...events.outcomes]).toEqual([forgotten, written])
      expect(await subject().eventsOf(['u'])).toEqual([['after']])

      // Of the state from before, by version; of one made of nothing, by time.
      const state = bytes(7)
      for (const [expected, featureTimeMs, outcome] of [
        [await subject().versionOf('user', 'u'), 2_000, writeOutcome.forgotten],
        [0, 2_000, writeOutcome.forgotten],
        [0, 1_999, writeOutcome.forgotten],
        [0, 2_001, writeOutcome.written],
      ]) {
        const write = { kind: 'user', key: 'u', expected, state, featureTimeMs } as const
        expect([...(await lateStore().compareAndSetStates([[write]]))]).toEqual([outcome])
        expect(await subject().keysOf('user')).toEqual(outcome === writeOutcome.written ? ['u'] : [])
      }
      await subject().create('user', ['w'])
      const before = await subject().versionOf('user', 'w')
      await store.forget('w', { atMs: 2_000 })
      const stale = { kind: 'user', key: 'w', expected: before, state } as const
      expect([...(await store.compareAndSetStates([[stale]]))]).toEqual([writeOutcome.moved])
    })

    it('leaves nothing behind however forgets and writers race', async () => {
      const { store } = subject()
      const users = ['a', 'b', 'c']
      const rounds = Array.from({ length: 10 }, (_, i) => i)
      await Promise.all([
        ...rounds.flatMap((i) => [
          subject().append(
            users,
            users.map(() => i),
            i,
            1_000 + i,
          ),
          subject().appendEvents(users.map((user) => [user, `e${i}`, 1_000 + i] as const)),
        ]),
        ...users.map((user) => store.forget(user, { atMs: 5_000 })),
        ...rounds.map((i) =>
          subject().append(
            users,
            users.map(() => i),
            100 + i,
            2_000 + i,
          ),
        ),
      ])
      expect([...(await subject().read(users))[0].status]).toEqual([0, 0, 0])
      expect(await subject().eventsOf(users)).toEqual([[], [], []])
      expect(await subject().tables()).toMatchObject({ ring: 0, events: 0, tombstone: 3 })
    })

    it('asks the holders once its own part is done, and tells of those that failed', async () => {
      const { store } = subject()
      const seen: unknown[] = []
      const end = store.addForgetHolder({
        where: 'queue',
        forget: async (tenant, user, atMs) => {
          seen.push([tenant, user, atMs, await subject().statusOf('u')])
          return [{ what: 'waiting refresh', count: 2 }]
        },
      })
      await subject().append(['u'], [1])
      const panel = { where: 'panel', forget: async () => [] }
      const receipt = await store.forTenant('default').forget('u', { atMs: 3_000, holders: [panel] })
      expect(receipt.removed).toEqual([...ofStore(1, 0, 0), { where: 'queue', what: 'waiting refresh', count: 2 }])
      expect(seen).toEqual([['default', 'u', 3_000, readStatus.missing]])

      await subject().append(['u'], [1], 1, 3_001)
      const broken = { where: 'served log', forget: () => Promise.reject(new Error('disk is full')) }
      const error = await store.forget('u', { atMs: 4_000, holders: [broken] }).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(ForgetError)
      const { receipt: partial, message } = error as ForgetError
      expect(message).toMatch(/served log \(disk is full\)/)
      expect(partial.removed).toEqual([...ofStore(1, 0, 0), { where: 'queue', what: 'waiting refresh', count: 2 }])
      expect(partial.failed).toEqual([{ where: 'served log', reason: 'disk is full' }])
      expect(await subject().statusOf('u')).toBe(readStatus.missing)
      end()
      expect((await store.forget('u')).removed).toEqual(ofStore(0, 0, 0))
    })

    it('keeps no key of the user, in the driver either', async () => {
      const { driver, store } = subject()
      const user = 'somebody@example.org'
      await subject().create('user', [user])
      await subject().append([user], [1])
      await subject().appendEvents([[user, 'e', 1]])
      await store.forget(user, { atMs: 2_000 })
      await store.flushed()
      for await (const { key, record } of driver.records()) {
        expect(key).not.toContain('somebody')
        expect(Buffer.from(record).includes('somebody')).toBe(false)
      }
    })

    it('lets a driver be asked by digest, and shares no tombstone between tenants', async () => {
      const { driver, store } = subject()
      const digest = digestOf('default', 'u')
      expect(digest).toMatch(/^[\w-]{22}$/)
      await driver.forget('default', 'u', digest, encodeTombstone('default', digest, 70))
      expect([...(await store.forgottenAtMs(['u']))]).toEqual([70])
      expect([...(await store.forTenant('other').forgottenAtMs(['u']))]).toEqual([-Infinity])
      const held: boolean[] = []
      await driver.readRecords('default', 'tombstone', ['none', digest, digest], (place, record) => {
        held[place] = record !== undefined
      })
      expect(held).toEqual([false, true, true])
    })
  })
}
