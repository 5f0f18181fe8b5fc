import { describe, expect, it } from 'vitest'
import type { Driver } from '../../src/drivers/driver.ts'
import {
  appendOutcome,
  FutureTimeError,
  KeyError,
  RequestError,
  StoreCorruptError,
  writeOutcome,
} from '../../src/index.ts'
import { EmbeddingStore } from '../../src/operations/embedding-store.ts'
import { bytes, type Subject } from './subject.ts'

const { written, duplicate, refused, forgotten } = appendOutcome

export function describeEvents(subject: () => Subject): void {
  describe('events', () => {
    it('keeps them in the order of their arrival, each id once', async () => {
      const first = await subject().appendEvents([
        ['u', 'e1', 100],
        ['v', 'e1', 50],
        ['u', 'e2', 300],
        ['u', 'e1', 100],
      ])
      expect([...first.outcomes]).toEqual([written, written, written, duplicate])
      const second = await subject().appendEvents([
        ['u', 'e2', 300],
        ['u', 'late', 10],
        ['none', 'e2', 1],
      ])
      expect([...second.outcomes]).toEqual([duplicate, written, written])
      expect(await subject().eventsOf(['v', 'u', 'nobody', 'none'])).toEqual([['e1'], ['e1', 'e2', 'late'], [], ['e2']])
      const { offsets, timesMs } = await subject().store.readEvents(['u', 'v'])
      expect([...offsets]).toEqual([0, 3, 4])
      expect([...timesMs]).toEqual([100, 300, 10, 50])
      expect([...(await subject().appendEvents([])).outcomes]).toEqual([])
    })

    it('keeps the last L of a user', async () => {
      const short = subject().with({ maxEvents: 3 })
      for (let e = 1; e <= 5; e++) await subject().appendEvents([['u', `e${e}`, e]], short)
      expect(await subject().eventsOf(['u'], short)).toEqual([['e3', 'e4', 'e5']])
      const many = Array.from({ length: 9 }, (_, e) => ['u', `f${e}`, e] as const)
      expect([...(await subject().appendEvents(many, short)).outcomes]).toEqual(new Array(9).fill(written))
      expect(await subject().eventsOf(['u'], short)).toEqual([['f6', 'f7', 'f8']])
      // By default 256; one more pushes out the first.
      const whole = Array.from({ length: 257 }, (_, e) => ['w', `g${e}`, e] as const)
      await subject().appendEvents(whole)
      expect(await subject().eventsOf(['w'])).toEqual([whole.slice(1).map(([, id]) => id)])
    })

    it('loses none of racing writers', async () => {
      const writers = Array.from({ length: 12 }, (_, w) => [
        ['u', `own ${w}`, w] as const,
        ['u', 'shared', 7] as const,
        ['v', `own ${w}`, w] as const,
      ])
      const results = await Promise.all(writers.map((rows) => subject().appendEvents(rows)))
      const [u, v] = await subject().eventsOf(['u', 'v'])
      const own = writers.map((_, w) => `own ${w}`).sort()
      expect([...u].sort()).toEqual([...own, 'shared'].sort())
      expect([...v].sort()).toEqual(own)
      expect(results.filter(({ outcomes }) => outcomes[1] === written)).toHaveLength(1)
    })

    it('tells the good rows of a batch from the bad', async () => {
      const rows: [user: string, id: string, timeMs: number, payload: Uint8Array, error: unknown][] = [
        ['u', 'a', 1, bytes(1), null],
        ['', 'b', 1, bytes(), KeyError],
        ['u', '', 1, bytes(), KeyError],
        ['u', 'c\0', 1, bytes(), KeyError],
        ['u', 'c\udc00', 1, bytes(), KeyError],
        ['\ud83d', 'c', 1, bytes(), KeyError],
        ['x'.repeat(10_240), 'c', 1, bytes(), KeyError],
        ['u', 'd', Number.NaN, bytes(), RequestError],
        ['u', 'e', 86_400_002, bytes(), FutureTimeError],
        ['u', 'f', 1, new Uint8Array(65_537), RequestError],
        ['u', 'g', 1, new Uint8Array(65_536), null],
      ]
      const batch = {
        users: rows.map(([user]) => user),
        eventIds: rows.map(([, id]) => id),
        timesMs: Float64Array.from(rows, ([, , timeMs]) => timeMs),
        payloads: rows.map(([, , , payload]) => payload),
        writtenMs: 1,
      }
      const result = await subject().store.appendEvents(batch)
      expect([...result.outcomes]).toEqual(rows.map(([, , , , error]) => (error === null ? written : refused)))
      expect(result.refusals.map(({ row, error }) => [row, error.constructor])).toEqual(
        rows.flatMap(([, , , , error], row) => (error === null ? [] : [[row, error]])),
      )
      const { payloads } = await subject().store.readEvents(['u'])
      expect(payloads.map(({ length }) => length)).toEqual([1, 65_536])
      for (const bad of [{ eventIds: ['a'] }, { timesMs: new Float64Array(1) }, { payloads: [] }, { writtenMs: -1 }]) {
        await expect(subject().store.appendEvents({ ...batch, ...bad })).rejects.toThrow(RequestError)
      }
      const small = subject().with({ maxBatchRows: 7 })
      await expect(small.appendEvents(batch)).rejects.toThrow(RequestError)
    })

    it('refuses events of which the driver says that they are forgotten, and holds no tombstone', async () => {
      const { driver } = subject()
      const contradicting: Driver = new Proxy(driver, {
        get(target, name) {
          if (name === 'write') return async () => Uint8Array.of(writeOutcome.forgotten)
          const member: unknown = Reflect.get(target, name)
          return typeof member === 'function' ? member.bind(target) : member
        },
      })
      const store = new EmbeddingStore(contradicting, 'default')
      const { outcomes, refusals } = await subject().appendEvents(
        [
          ['u', 'e', 1],
          ['u', 'f', 2],
        ],
        store,
      )
      expect([...outcomes]).toEqual([refused, refused])
      for (const { error } of refusals) {
        expect(error).toBeInstanceOf(StoreCorruptError)
        expect(error.message).toMatch(/forgotten.*run a check/)
      }
    })

    it('takes only what is later than the user was forgotten', async () => {
      await subject().appendEvents([['u', 'before', 100]])
      await subject().store.forget('u', { atMs: 200 })
      expect(await subject().eventsOf(['u'])).toEqual([[]])
      const { outcomes } = await subject().appendEvents([
        ['u', 'before', 100],
        ['u', 'at', 200],
        ['v', 'other', 100],
        ['u', 'after', 201],
        ['u', 'at', 200],
      ])
      expect([...outcomes]).toEqual([forgotten, forgotten, written, written, forgotten])
      expect(await subject().eventsOf(['u', 'v'])).toEqual([['after'], ['other']])
    })
  })
}
