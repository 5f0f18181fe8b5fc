import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { fuzz } from '@headwater/testkit/fuzz'
import { open } from 'lmdb'
import { describe, expect, it } from 'vitest'
import { killedTransfer } from '../../testing/killed-transfer.ts'
import { appendRings, contentsOf, populate, userKey } from '../../testing/population.ts'
import type { Driver } from '../drivers/driver.ts'
import { openDriver } from '../drivers/open-driver.ts'
import { checkStore } from '../operations/check.ts'
import { EmbeddingStore } from '../operations/embedding-store.ts'
import { digestOf } from '../record/tombstone.ts'
import { KeyError, StoreAccessError } from '../validation/errors.ts'
import { copyRecords, copyStore } from './copy-store.ts'

const directory = temporaryDirectory()
let stores = 0
const newPath = () => join(directory, `store.${stores++}`)
const memory = () => openDriver('memory:')

async function populated(users: number, tenant?: string): Promise<Driver> {
  const driver = await memory()
  await populate(driver, users, tenant)
  return driver
}

const forget = (driver: Driver, i: number, atMs: number) =>
  new EmbeddingStore(driver, 'default').forget(userKey(i), { atMs })

const timesOfForgetting = (driver: Driver) =>
  new EmbeddingStore(driver, 'default').forgottenAtMs([0, 1, 2, 3].map(userKey))

/** What a store holds of a user, with its tombstone. */
async function heldOf(driver: Driver, i: number): Promise<string[]> {
  const key = JSON.stringify(userKey(i))
  const digest = JSON.stringify(digestOf('default', userKey(i)))
  const held = [...(await contentsOf(driver)).keys()].filter((address) => address.includes('"default"'))
  return held.filter((address) => address.includes(key) || address.includes(digest))
}

describe('copy', () => {
  it('gives equal records of all tenants in another driver, and again changes nothing', async () => {
    const source = await populated(2_500)
    await populate(source, 90, 'tenant two')
    for (const i of [3, 17]) await forget(source, i, 500_000)
    const url = `lmdb:${newPath()}`
    const target = await openDriver(url)
    const report = await copyRecords(source, target, {})
    const contents = await contentsOf(source)
    expect(await contentsOf(target)).toEqual(contents)
    expect(report).toMatchObject({ tombstones: 2, usersForgotten: 0, unchanged: 0, kept: 0, forgotten: 0 })
    expect(report.written).toBe(contents.size - 2)
    expect(report.verified).toEqual({ equal: contents.size, kept: 0, forgotten: 0, behind: 0 })
    expect(report.tenants.toSorted()).toEqual(['default', 'tenant two'])
    const again = await copyRecords(source, target, {})
    expect(again).toMatchObject({ written: 0, unchanged: contents.size - 2, tombstones: 0 })
    await target.close()
    // By URL, on to a store that has some of it.
    const third = `lmdb:${newPath()}`
    const half = await openDriver(third)
    await copyRecords(source, half, { tenant: 'tenant two' })
    await half.close()
    const onwards = await copyStore(url, third)
    expect(onwards.unchanged).toBeGreaterThan(90)
    const end = await openDriver(third)
    expect(await contentsOf(end)).toEqual(contents)
    await end.close()
  })

  it('copies one tenant', async () => {
    const source = await populated(20)
    await populate(source, 30, 'b')
    const target = await memory()
    const report = await copyRecords(source, target, { tenant: 'b' })
    expect(report.tenants).toEqual(['b'])
    const expected = [...(await contentsOf(source))].filter(([address]) => address.split(' ')[1] === '"b"')
    expect([...(await contentsOf(target))]).toEqual(expected)
    await expect(copyStore('memory:', 'memory:', { tenant: '' })).rejects.toThrow(KeyError)
    const missing = newPath()
    await expect(copyStore(`lmdb:${missing}`, 'memory:')).rejects.toThrow(StoreAccessError)
  })

  it('does not bring back whom the target has forgotten', async () => {
    const source = await populated(40)
    const target = await memory()
    await forget(target, 1, 2_000)
    // Of before the source's data: rings and events are later, but of the state nobody knows.
    await forget(target, 2, 10)
    const report = await copyRecords(source, target, {})
    expect(await heldOf(target, 1)).toEqual([expect.stringMatching(/^tombstone/)])
    expect((await heldOf(target, 2)).map((address) => address.split(' ')[0])).toEqual([
      'events',
      'ring',
      'ring',
      'tombstone',
    ])
    expect(report.forgotten).toBe((await heldOf(source, 1)).length + 1)
    expect(report.verified).toMatchObject({ forgotten: report.forgotten, behind: 0 })
    expect((await checkStore(target)).faults).toEqual([])
  })

  it('forgets in the target whom the source has forgotten, and brings those who came back', async () => {
    const source = await populated(40)
    const target = await memory()
    await copyRecords(source, target, {})
    for (const i of [1, 2]) await forget(source, i, 2_000)
    await appendRings(new EmbeddingStore(source, 'default'), 'm', [2], 9, 3_000)
    const state = { kind: 'user', key: userKey(2), expected: 0, state: Uint8Array.of(7) } as const
    await new EmbeddingStore(source, 'default').compareAndSetStates([[{ ...state, featureTimeMs: 3_000 }]])
    const report = await copyRecords(source, target, {})
    expect(report).toMatchObject({ tombstones: 2, usersForgotten: 2, written: 2 })
    expect(await contentsOf(target)).toEqual(await contentsOf(source))
    expect(await heldOf(target, 2)).toHaveLength(3)
  })

  it('lets a user stay forgotten who is forgotten on either side while it runs', async () => {
    for (const side of ['source', 'target'] as const) {
      const drivers = { source: await populated(40), target: await memory() }
      let told = false
      const write = drivers.target.write.bind(drivers.target)
      drivers.target.write = async (tenant, groups) => {
        if (!told) {
          told = true
          // The batch with this user's records has been read already.
          await forget(drivers[side], 8, 2_000)
        }
        return write(tenant, groups)
      }
      const { verified } = await copyRecords(drivers.source, drivers.target, {})
      expect(told).toBe(true)
      expect(await heldOf(drivers.target, 8), side).toEqual([expect.stringMatching(/^tombstone/)])
      expect(verified.behind).toBe(0)
    }
  })

  it('whatever two stores hold, leaves no fault, and done again it changes nothing', async () => {
    await fuzz(
      (random) => ({ steps: 1 + random.nextBelow(60) }),
      async ({ steps }, random) => {
        const stores = [await memory(), await memory()]
        for (let step = 0; step < steps; step++) {
          const driver = stores[random.nextBelow(2)]
          const store = new EmbeddingStore(driver, 'default')
          const i = random.nextBelow(4)
          const timeMs = 1_000 + random.nextBelow(6)
          const kind = random.nextBelow(5)
          if (kind === 0) await forget(driver, i, timeMs)
          else if (kind === 1) await copyRecords(driver, stores.find((other) => other !== driver)!, {})
          else if (kind === 2) await appendRings(store, 'm', [i], 1 + random.nextBelow(3), timeMs)
          else if (kind === 3) {
            const { versions } = await store.readStates('user', [userKey(i)])
            const write = { kind: 'user', key: userKey(i), expected: versions[0], state: Uint8Array.of(step) } as const
            await store.compareAndSetStates([[{ ...write, featureTimeMs: timeMs }]])
          } else {
            await store.appendEvents({
              users: [userKey(i)],
              eventIds: [`e${step}`],
              timesMs: Float64Array.of(timeMs),
              payloads: [Uint8Array.of(step)],
              writtenMs: timeMs,
            })
          }
        }
        const [source, target] = stores
        const forgotten = await timesOfForgetting(target)
        const report = await copyRecords(source, target, {})
        expect(report.verified.behind).toBe(0)
        expect((await checkStore(target)).faults).toEqual([])
        const contents = await contentsOf(target)
        expect(await copyRecords(source, target, {})).toMatchObject({ written: 0, tombstones: 0, usersForgotten: 0 })
        expect(await contentsOf(target)).toEqual(contents)
        const [theirs, now] = [await timesOfForgetting(source), await timesOfForgetting(target)]
        for (let i = 0; i < 4; i++) expect(now[i]).toBe(Math.max(forgotten[i], theirs[i]))
      },
      { runs: 120 },
    )
  })

  it('tells of a user who was forgotten in the source and came back while it ran', async () => {
    const [source, target] = [await populated(40), await memory()]
    const write = target.write.bind(target)
    let told = false
    target.write = async (tenant, groups) => {
      if (!told) {
        told = true
        await forget(source, 8, 2_000)
        const store = new EmbeddingStore(source, 'default')
        await store.compareAndSetStates([[{ kind: 'user', key: userKey(8), expected: 0, state: Uint8Array.of(1) }]])
      }
      return write(tenant, groups)
    }
    expect((await copyRecords(source, target, {})).verified).toMatchObject({ behind: 1, forgotten: 0 })
    expect((await copyRecords(source, target, {})).verified.behind).toBe(0)
    expect(await contentsOf(target)).toEqual(await contentsOf(source))
  })

  it('writes over what is older in the target, and leaves what is newer', async () => {
    const source = await populated(30)
    const target = await memory()
    await copyRecords(source, target, {})
    const [from, to] = [new EmbeddingStore(source, 'default'), new EmbeddingStore(target, 'default')]
    await appendRings(from, 'm', [0, 1, 2], 3, 2_000)
    await appendRings(to, 'm', [4, 5], 3, 2_000)
    const { versions } = await from.readStates('user', [userKey(1)])
    const set = (store: EmbeddingStore, i: number, expected: number) =>
      store.compareAndSetStates([[{ kind: 'user', key: userKey(i), expected, state: Uint8Array.of(i) }]])
    await set(from, 1, versions[0])
    await set(to, 2, (await to.readStates('user', [userKey(2)])).versions[0])
    // A state that the target was given by others.
    await set(to, 5, 0)
    await set(from, 5, 0)
    const before = await contentsOf(target)
    const report = await copyRecords(source, target, {})
    expect(report).toMatchObject({ written: 4, kept: 3 })
    expect(report.verified).toMatchObject({ kept: 3, behind: 0 })
    const [after, theirs] = [await contentsOf(target), await contentsOf(source)]
    const changed = [...after].filter(([address, record]) => before.get(address) !== record)
    expect(changed).toHaveLength(4)
    for (const [address, record] of changed) expect(record).toBe(theirs.get(address))
  })

  it('leaves out what is damaged, tells where, and mends what is damaged in the target', async () => {
    const source = await populated(20)
    const target = await memory()
    await copyRecords(source, target, {})
    const damage = async (driver: Driver, key: string) => {
      let held = new Uint8Array()
      await driver.readRecords('default', 'item', [key], (_, record) => {
        held = new Uint8Array(record!)
      })
      const broken = new Uint8Array(held)
      broken[broken.length - 1] ^= 1
      const expected = new DataView(held.buffer).getUint32(8, true)
      await driver.write('default', [[{ table: 'item', key, expected, record: broken }]])
    }
    await damage(source, 'item-4')
    await damage(target, 'item-7')
    const report = await copyRecords(source, target, {})
    expect(report.faults.count).toBe(1)
    expect(report.faults.first[0].address).toBe('item "default" "item-4"')
    expect(report.faults.first[0].error.message).toMatch(/checksum/)
    expect(report).toMatchObject({ written: 1, kept: 0 })
    expect((await checkStore(target)).faults).toEqual([])
  })

  it.each([1, 2])('brings a store of format %i up to date, which is refused for writing', async (format) => {
    const path = newPath()
    const root = open({ path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary', maxDbs: 6 })
    const database = (name: string) => root.openDB({ name, encoding: 'binary', keyEncoding: 'binary' })
    await database('meta').put(Buffer.from('format'), Buffer.from(String(format)))
    // Written by hand from the layout of the format: version 7, a ring of dim 2 with one slot; a state of three bytes.
    const ring = Buffer.concat([
      Buffer.from(`0${format}01000000000000070000000000000002000101`, 'hex'),
      Buffer.from(format === 1 ? '003c00c0' : '00000000003c00c0', 'hex'),
      Buffer.from('0500000001000000', 'hex'),
      Buffer.from(Float64Array.of(1_234, 1_240).buffer),
      Buffer.from('003c00c0', 'hex'),
    ])
    ring.writeUInt32LE(ring.length - 16, 12)
    const state = Buffer.from(`0${format}020000000000000900000003000000010203`, 'hex')
    for (const record of [ring, state]) record.writeUInt32LE(checksum(record), 4)
    await database('rings').put(Buffer.from('default\0u\0m'), ring)
    await database('users').put(Buffer.from('default\0u'), state)
    await root.close()
    await expect(openDriver(`lmdb:${path}`)).rejects.toThrow(/headwater store copy/)
    const url = `lmdb:${newPath()}`
    expect(await copyStore(`lmdb:${path}`, url)).toMatchObject({ written: 2, verified: { equal: 2 } })
    const target = await openDriver(url)
    expect((await checkStore(target)).faults).toEqual([])
    const { states, versions } = await new EmbeddingStore(target, 'default').readStates('user', ['u'])
    expect([states[0], versions[0]]).toEqual([Uint8Array.of(1, 2, 3), 9])
    expect((await contentsOf(target)).get('ring "default" "u" "m"')).toMatch(/^0301.{12}07000000.*003c00c0$/)
    await target.close()
  })

  it('killed in the middle and begun again, ends the same', async () => {
    const [from, to] = [newPath(), newPath()]
    const source = await openDriver(`lmdb:${from}`)
    await populate(source, 6_000)
    await forget(source, 12, 500_000)
    await source.flushed()
    const contents = await contentsOf(source)
    await source.close()
    for (const batches of [2, 5]) await killedTransfer(batches, 'copy', `lmdb:${from}`, `lmdb:${to}`)
    let target = await openDriver(`lmdb:${to}`)
    const before = await contentsOf(target)
    expect((await checkStore(target)).faults).toEqual([])
    await forget(target, 11, 500_000)
    const lost = (await heldOf(target, 11)).length
    await target.close()
    expect(before.size).toBeLessThan(contents.size)
    const report = await copyStore(`lmdb:${from}`, `lmdb:${to}`)
    expect(report.verified.behind).toBe(0)
    expect(report.unchanged).toBeGreaterThan(0)
    target = await openDriver(`lmdb:${to}`)
    const after = await contentsOf(target)
    expect(lost).toBe(1)
    expect(await heldOf(target, 11)).toHaveLength(1)
    await target.close()
    const others = [...contents].filter(([address]) => !address.includes(JSON.stringify(userKey(11))))
    for (const [address, record] of others) expect(after.get(address)).toBe(record)
    expect(after.size).toBe(others.length + 1)
  })

  it('stops at a signal, and what was written stays', async () => {
    const source = await populated(3_000)
    const target = await memory()
    const abort = new AbortController()
    let stage = ''
    const stages = {
      begin: (name: string) => {
        stage = name
      },
      advance: (done: number) => {
        if (stage === 'records' && done > 1_500) abort.abort(new Error('stopped'))
      },
      end() {},
    }
    await expect(copyRecords(source, target, { stages, signal: abort.signal })).rejects.toThrow('stopped')
    const { records: held, faults } = await checkStore(target)
    expect(held).toBeGreaterThan(1_500)
    expect(held).toBeLessThan((await contentsOf(source)).size)
    expect(faults).toEqual([])
  })
})

/** CRC-32 of a record of format 1, but its own bytes: bit by bit. */
function checksum(record: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of [...record.subarray(0, 4), ...record.subarray(8)]) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc >>> 0
}
