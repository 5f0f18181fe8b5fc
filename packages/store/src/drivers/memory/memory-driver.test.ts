import { describe, expect, it } from 'vitest'
import { describeConformance } from '../../../testing/conformance.ts'
import { openStore } from '../../index.ts'
import { allocateRecord, recordVersion, sealRecord } from '../../record/record.ts'
import { digestOf, encodeTombstone, tombstoneTimeMs } from '../../record/tombstone.ts'
import { RequestError } from '../../validation/errors.ts'
import type { Driver } from '../driver.ts'
import { memoryDriver } from './memory-driver.ts'

describeConformance('memory:', () => memoryDriver())
describeConformance('memory:?capacity=16MiB', () => memoryDriver({ capacityBytes: 2 ** 24 }))

describe('memory with a capacity', () => {
  const record = (table: 'ring' | 'user' | 'item' | 'events', sizeBytes: number, version = 1) => {
    const made = allocateRecord(sizeBytes)
    sealRecord(made, table, version, 0)
    return made
  }
  const ring = (key: string, model: string, sizeBytes: number) => ({
    table: 'ring' as const,
    key,
    model,
    expected: 0,
    record: record('ring', sizeBytes),
  })
  /** How many of a user's four records there are. */
  const countOf = async (driver: Driver, user: string) => {
    let count = 0
    const look = (found: Uint8Array | undefined | null) => {
      if (found) count++
    }
    await driver.readRings('t', [user], ['m', 'n'], (_, __, found) => look(found))
    await driver.readRecords('t', 'user', [user], (_, found) => look(found))
    await driver.readRecords('t', 'events', [user], (_, found) => look(found))
    return count
  }

  it('evicts whole users, never tombstones, also in the middle of one batch', async () => {
    const driver = memoryDriver({ capacityBytes: 2 ** 20 })
    const users = Array.from({ length: 3_000 }, (_, i) => `u${i}`)
    await driver.forget('t', 'gone', digestOf('t', 'gone'), encodeTombstone('t', digestOf('t', 'gone'), 5))
    const outcomes = await driver.write(
      't',
      users.map((key) => [
        ring(key, 'm', 300),
        ring(key, 'n', 200),
        { table: 'user', key, expected: 0, record: record('user', 100) },
        { table: 'events', key, expected: 0, record: record('events', 400) },
      ]),
    )
    expect(outcomes.every((outcome) => outcome === 1)).toBe(true)
    const counts = await Promise.all(users.map((user) => countOf(driver, user)))
    expect(counts.filter((count) => count !== 0 && count !== 4)).toEqual([])
    const held = counts.filter((count) => count === 4).length
    // 1,150 bytes a user of a little under 2^20.
    expect(held).toBeGreaterThan(700)
    expect(held).toBeLessThan(950)
    expect(counts.at(-1)).toBe(4)
    let tombstone = -Infinity
    await driver.readRecords('t', 'tombstone', [digestOf('t', 'gone')], (_, found) => {
      tombstone = tombstoneTimeMs(found)
    })
    expect(tombstone).toBe(5)
  })

  it('takes what was evicted for missing, so that a write which expects it is refused', async () => {
    const driver = memoryDriver({ capacityBytes: 2 ** 20 })
    await driver.write('t', [[ring('u', 'm', 1_000)]])
    for (let i = 0; i < 3_000; i++) await driver.write('t', [[ring(`other-${i}`, 'm', 1_000)]])
    expect(await countOf(driver, 'u')).toBe(0)
    const next = { ...ring('u', 'm', 1_000), expected: 1, record: record('ring', 1_000, 2) }
    expect([...(await driver.write('t', [[next]]))]).toEqual([0])
    expect([...(await driver.write('t', [[ring('u', 'm', 1_000)]]))]).toEqual([1])
  })

  it('makes room for large groups, and refuses what would take a sixteenth of it', async () => {
    const driver = memoryDriver({ capacityBytes: 2 ** 20 })
    for (let i = 0; i < 200; i++) {
      const group = ['a', 'b', 'c', 'd'].map((name) => ring(`${name}${i}`, 'm', 50_000))
      expect([...(await driver.write('t', [group]))]).toEqual([1])
      for (const { key } of group) expect(await countOf(driver, key)).toBe(1)
    }
    await expect(driver.write('t', [[ring('fits', 'm', 100), ring('large', 'm', 70_000)]])).rejects.toThrow(
      RequestError,
    )
    expect(await countOf(driver, 'fits')).toBe(0)
    const versions: number[] = []
    await driver.readRings('t', ['a199', 'large'], ['m'], (_, __, found) =>
      versions.push(recordVersion(found ?? undefined)),
    )
    expect(versions).toEqual([1, 0])
  })

  it('is opened by its URL', async () => {
    const store = await openStore('memory:?capacity=1MiB')
    const states = Array.from({ length: 100 }, (_, i) => [
      { kind: 'user' as const, key: `u${i}`, expected: 0, state: new Uint8Array(50_000) },
    ])
    await store.compareAndSetStates(states)
    const found = (await store.readStates('user', ['u0', 'u99'])).states
    expect(found.map((state) => state?.length)).toEqual([undefined, 50_000])
    await store.close()
  })
})
