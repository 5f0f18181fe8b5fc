import { describe, expect, it } from 'vitest'
import { KeyError, RequestError, readStatus, StoreClosedError } from '../../src/index.ts'
import { recordVersion } from '../../src/record/record.ts'
import { digestOf, encodeTombstone } from '../../src/record/tombstone.ts'
import { bytes, type Subject } from './subject.ts'

export function describeUpkeep(subject: () => Subject): void {
  describe('upkeep', () => {
    /** Sweeps to the end; gives what each slice looked at and all that were removed. */
    async function sweepAll(model: string, expiredBeforeMs: number, maxRecords: number) {
      const visited: number[] = []
      let removed = 0
      let cursor: string | null = null
      do {
        const report = await subject().store.sweep({ model, expiredBeforeMs, maxRecords, cursor })
        visited.push(report.visited)
        removed += report.removed
        cursor = report.cursor
      } while (cursor !== null)
      return { visited, removed }
    }

    it('sweeps the expired rings of a model in bounded slices', async () => {
      const users = Array.from({ length: 100 }, (_, i) => `u${i}`)
      const values = users.map(() => 1)
      await subject().append(users.slice(0, 60), values.slice(0, 60), 1, 1_000)
      await subject().append(users.slice(60), values.slice(60), 1, 2_000)
      await subject().append(users, values, 1, 1_000, 'other')
      const { visited, removed } = await sweepAll('m', 2_000, 30)
      expect(removed).toBe(60)
      expect(visited.length).toBeGreaterThan(3)
      // A driver may read a little past its bound, not the whole table.
      expect(Math.max(...visited)).toBeLessThanOrEqual(120)
      const [m, other] = await subject().read(users, ['m', 'other'])
      expect([...m.status]).toEqual(users.map((_, i) => (i < 60 ? readStatus.missing : readStatus.found)))
      expect(other.status.every((status) => status === readStatus.found)).toBe(true)
      expect((await sweepAll('m', 2_000, 1_000)).removed).toBe(0)
      await subject().append(['u0'], [1], 1, 1_000)
      expect(await subject().statusOf('u0')).toBe(readStatus.found)
      await expect(sweepAll('m', 2_000, 0)).rejects.toThrow(RequestError)
      await expect(sweepAll('', 2_000, 1)).rejects.toThrow(KeyError)
    })

    it('sweeps one tenant only, and writes of another sort not at all', async () => {
      const other = subject().store.forTenant('other')
      await subject().append(['u'], [1])
      await subject().append(['u'], [1], 1, 1_000, 'm', other)
      await subject().create('user', ['u'])
      await subject().appendEvents([['u', 'e', 1]])
      expect((await sweepAll('m', 9_000, 10)).removed).toBe(1)
      expect(await subject().tables()).toEqual({ ring: 1, user: 1, item: 0, events: 1, tombstone: 0 })
    })

    it('removes a record only in the version that was seen', async () => {
      const { driver, store } = subject()
      await subject().append(['u', 'v'], [1, 1])
      await subject().create('item', ['i'])
      const versions = new Map<string, number>()
      for await (const { key, record } of driver.records()) versions.set(key, recordVersion(record))
      await subject().append(['u'], [2], 2)
      const removed = await driver.remove('default', [
        { table: 'ring', key: 'u', model: 'm', expected: versions.get('u')! },
        { table: 'ring', key: 'v', model: 'm', expected: versions.get('v')! },
        { table: 'ring', key: 'v', model: 'm', expected: versions.get('v')! },
        { table: 'ring', key: 'none', model: 'm', expected: 1 },
        { table: 'item', key: 'i', expected: versions.get('i')! },
      ])
      expect([...removed]).toEqual([0, 1, 0, 0, 1])
      await store.flushed()
      expect([...(await subject().read(['u', 'v']))[0].status]).toEqual([1, 0])
      expect(await subject().keysOf('item')).toEqual([])
      expect(await driver.remove('default', [])).toEqual(new Uint8Array())
    })

    it('sweeps tombstones past their retention', async () => {
      const store = subject().with({ tombstoneRetentionMs: 1_000 })
      for (const [user, atMs] of [
        ['a', 1_000],
        ['b', 2_000],
        ['c', 3_000],
      ] as const) {
        await store.forget(user, { atMs })
      }
      const { removed, cursor } = await store.sweepTombstones({ nowMs: 3_000, maxRecords: 1_000 })
      expect([removed, cursor]).toEqual([1, null])
      expect([...(await store.forgottenAtMs(['a', 'b', 'c']))]).toEqual([-Infinity, 2_000, 3_000])
      await expect(store.sweepTombstones({ nowMs: Number.NaN, maxRecords: 1 })).rejects.toThrow(RequestError)
    })

    it('visits every record of a table once slices are done', async () => {
      const users = Array.from({ length: 57 }, (_, i) => `u${i}`)
      await subject().append(
        users,
        users.map(() => 1),
      )
      await subject().create('user', users)
      for (const table of ['ring', 'user', 'item'] as const) {
        const seen = new Set<string>()
        let cursor: string | null = null
        do {
          cursor = await subject().driver.scan('default', table, cursor, 10, (key, model, record) => {
            expect(model).toBe(table === 'ring' ? 'm' : undefined)
            expect(recordVersion(record)).toBeGreaterThan(0)
            seen.add(key)
          })
        } while (cursor !== null)
        expect([...seen].sort()).toEqual(table === 'item' ? [] : [...users].sort())
      }
    })

    it('keeps tenants apart', async () => {
      const { store } = subject()
      const other = store.forTenant('other')
      await subject().append(['u'], [1])
      await subject().create('user', ['u'])
      await subject().appendEvents([['u', 'e', 1]])
      expect([...(await subject().read(['u'], ['m'], undefined, other))[0].status]).toEqual([0])
      expect((await other.readStates('user', ['u'])).states).toEqual([undefined])
      expect(await subject().eventsOf(['u'], other)).toEqual([[]])
      expect(await subject().keysOf('user', other)).toEqual([])
      await other.forget('u')
      expect(await subject().keysOf('user')).toEqual(['u'])
      expect([...(await subject().append(['u'], [2], 2)).outcomes]).toEqual([0])
      expect(() => store.forTenant('')).toThrow(KeyError)
    })

    it('checks all records, before and after they are flushed, and names the orphans', async () => {
      const { store } = subject()
      await subject().append(['u', 'v'], [1, 2])
      await subject().create('user', ['v'])
      await subject().create('item', ['i'], bytes(1, 2))
      await subject().appendEvents([
        ['v', 'e', 1],
        ['w', 'e', 1],
      ])
      await store.forget('x')
      for (const flush of [false, true]) {
        if (flush) await store.flushed()
        const { records, tables, faults, orphans } = await store.check()
        expect([records, faults]).toEqual([7, []])
        expect(tables).toEqual({ ring: 2, user: 1, item: 1, events: 2, tombstone: 1 })
        expect(orphans.count).toBe(2)
        expect([...orphans.addresses].sort()).toEqual(['events "default" "w"', 'ring "default" "u" "m"'])
      }
    })

    it('finds records that are damaged, of another format, or outlived their user', async () => {
      const { driver, store } = subject()
      await subject().append(['damaged', 'old', 'forgotten', 'good'], [1, 2, 3, 4])
      await subject().create('user', ['damaged', 'old', 'forgotten', 'good'])
      const spoilt = new Map<string, Uint8Array>()
      for await (const { table, key, record } of driver.records()) {
        if (table === 'ring') spoilt.set(key, new Uint8Array(record))
      }
      // Past the store, which would not write such.
      const damaged = spoilt.get('damaged')!
      damaged[damaged.length - 1] ^= 4
      const old = spoilt.get('old')!
      old[0] = 1
      const digest = digestOf('default', 'forgotten')
      await driver.forget('default', 'forgotten', digest, encodeTombstone('default', digest, 5_000))
      await driver.write('default', [
        [{ table: 'ring', key: 'damaged', model: 'm', expected: recordVersion(damaged), record: damaged }],
        [{ table: 'ring', key: 'old', model: 'm', expected: recordVersion(old), record: old }],
        [{ table: 'ring', key: 'forgotten', model: 'm', expected: 0, record: spoilt.get('forgotten')! }],
      ])
      const { faults } = await store.check()
      expect(faults.map(({ address, error }) => [address, error.name]).sort()).toEqual([
        ['ring "default" "damaged" "m"', 'StoreCorruptError'],
        ['ring "default" "forgotten" "m"', 'StoreCorruptError'],
        ['ring "default" "old" "m"', 'StoreFormatError'],
      ])
      const { outcomes, refusals } = await subject().append(['damaged', 'old', 'good'], [5, 5, 5], 2)
      expect([...outcomes]).toEqual([3, 3, 0])
      expect(refusals.map(({ error }) => error.name)).toEqual(['StoreCorruptError', 'StoreFormatError'])
      expect(refusals[1].error.message).toMatch(/headwater store copy/)
    })

    it('tells what it takes, more where it holds more, or that it cannot', async () => {
      const { store } = subject()
      const before = store.sizeBytes()
      await subject().create('user', ['u'], new Uint8Array(2 ** 18))
      await store
        .forTenant('other')
        .compareAndSetStates([[{ kind: 'item', key: 'i', expected: 0, state: new Uint8Array(2 ** 19) }]])
      await store.flushed()
      const after = store.sizeBytes()
      expect(store.forTenant('other').sizeBytes()).toBe(after)
      if (before !== null) expect(after! - before).toBeGreaterThanOrEqual(2 ** 18 + 2 ** 19)
      else expect(after).toBe(null)
    })

    it('refuses calls after it is closed', async () => {
      const { store } = subject()
      await store.close()
      await expect(subject().append(['a'], [1])).rejects.toThrow(StoreClosedError)
      await expect(subject().appendEvents([])).rejects.toThrow(StoreClosedError)
      await expect(store.readStates('user', ['a'])).rejects.toThrow(StoreClosedError)
      await expect(store.forget('a')).rejects.toThrow(StoreClosedError)
      expect(() => store.keys('user')).toThrow(StoreClosedError)
      expect(() => store.sizeBytes()).toThrow(StoreClosedError)
    })
  })
}
