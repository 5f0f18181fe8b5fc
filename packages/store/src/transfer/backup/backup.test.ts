import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { fuzz } from '@headwater/testkit/fuzz'
import { describe, expect, it } from 'vitest'
import { killedTransfer } from '../../../testing/killed-transfer.ts'
import { appendRings, contentsOf, populate, userKey } from '../../../testing/population.ts'
import type { Driver } from '../../drivers/driver.ts'
import { compactLmdb } from '../../drivers/lmdb/compact.ts'
import { openDriver } from '../../drivers/open-driver.ts'
import { checkStore } from '../../operations/check.ts'
import { EmbeddingStore } from '../../operations/embedding-store.ts'
import { createReadBuffer } from '../../operations/read-buffer.ts'
import { digestOf } from '../../record/tombstone.ts'
import { StoreCorruptError, StoreFormatError } from '../../validation/errors.ts'
import { BackupAccessError, BackupDamageError } from './backup-errors.ts'
import { backupRecords, backupStore } from './backup-store.ts'
import { type RestoreOptions, restoreRecords, restoreStore } from './restore-store.ts'

const directory = temporaryDirectory()
let made = 0
const newPath = () => join(directory, `place.${made++}`)
const memory = () => openDriver('memory:')

async function populated(users: number): Promise<Driver> {
  const driver = await memory()
  await populate(driver, users)
  return driver
}

const forget = (driver: Driver, i: number, atMs: number) =>
  new EmbeddingStore(driver, 'default').forget(userKey(i), { atMs })

const restoreInto = (path: string, target: Driver, options: RestoreOptions = {}) =>
  restoreRecords(path, options, (restore) => restore(target))

/** As the version before wrote it: a tombstone, a ring of two values and a state of two bytes. */
const backupOfFormat2 =
  '48574241434b5550010000004500000002000000007004a110217a4201000000070064656661756c7401000000000000000100000000000000' +
  '00000000000000000000000000000000010000000000000033d2913ea900000003000000d146035405000000160000001800000070743654' +
  '412d374c4639776736583972565547706256020500004e882f53b727361e080000000000000000409f40010000000600010038000000d0b0' +
  'd0b4d0b06d020100007c8d697f870f2cab280000000200010100000000003c00c005000000010000000000000000408f400000000000488f' +
  '40003c00c0020000000600000012000000d0b0d0b4d0b0020200008dbd68384536396e02000000070800000000010000000cb89eddf95e0d' +
  'aba3d3e0e6ab332cb1a195e8965a8f0422f2dbfbb608b6f2bb0db41d3e'

describe('backup and restore', () => {
  const gone = [6, 9]

  it('memory to file to lmdb to file to memory: every record equal to the bit', async () => {
    const source = await populated(2_000)
    await populate(source, 50, 'tenant ü')
    await forget(source, 7, 400_000)
    const contents = await contentsOf(source)
    const [first, second, url] = [newPath(), newPath(), `lmdb:${newPath()}`]
    const report = await backupRecords(source, first, { madeMs: 77 })
    expect(report).toMatchObject({ records: contents.size, tombstones: 1, tenants: ['default', 'tenant ü'] })
    expect(report.bytes).toBe(statSync(first).size)
    expect(await restoreStore(first, url)).toMatchObject({ madeMs: 77, written: contents.size - 1, tombstones: 1 })
    expect(await backupStore(url, second)).toMatchObject({ records: contents.size, bytes: report.bytes })
    const end = await memory()
    expect((await restoreInto(second, end)).verified).toEqual({
      equal: contents.size,
      kept: 0,
      forgotten: 0,
      behind: 0,
    })
    expect(await contentsOf(end)).toEqual(contents)
    expect((await checkStore(end)).faults).toEqual([])
    expect(readdirSync(directory).filter((name) => name.includes('partial'))).toEqual([])
  })

  it('a backup of records of format 2 comes up to date', async () => {
    const path = newPath()
    writeFileSync(path, Buffer.from(backupOfFormat2, 'hex'))
    const target = await memory()
    expect(await restoreInto(path, target)).toMatchObject({ written: 2, tombstones: 1, verified: { equal: 3 } })
    expect((await checkStore(target)).faults).toEqual([])
    const store = new EmbeddingStore(target, 'default')
    expect((await store.readStates('user', ['ада'])).states).toEqual([Uint8Array.of(7, 8)])
    expect([...(await store.forgottenAtMs(['gone']))]).toEqual([2_000])
    const buffer = createReadBuffer(1, [{ model: 'm', dim: 2 }])
    await store.read({ users: ['ада'], models: [{ model: 'm' }] }, buffer)
    const [{ pooled, snapshot, frame, featureTimeMs }] = buffer.models
    expect([...pooled, snapshot[0], frame[0], featureTimeMs[0]]).toEqual([1, -2, 5, 1, 1_000])
  })

  it('an empty store, and one tenant of several', async () => {
    const [empty, one] = [newPath(), newPath()]
    expect(await backupStore('memory:', empty)).toMatchObject({ records: 0, tenants: [] })
    const target = await memory()
    expect(await restoreInto(empty, target)).toMatchObject({ written: 0, tenants: [] })
    const source = await populated(9)
    await populate(source, 9, 'b')
    await backupRecords(source, one, {})
    await restoreInto(one, target, { tenant: 'b' })
    const ofB = [...(await contentsOf(source))].filter(([address]) => address.split(' ')[1] === '"b"')
    expect([...(await contentsOf(target))]).toEqual(ofB)
  })

  it('into a store that has moved on, changes nothing that is newer', async () => {
    const driver = await populated(30)
    const file = newPath()
    await backupRecords(driver, file, {})
    const old = await contentsOf(driver)
    await appendRings(new EmbeddingStore(driver, 'default'), 'm', [0, 1, 2, 3], 4, 9_000)
    await forget(driver, 5, 8_000)
    const now = await contentsOf(driver)
    const report = await restoreInto(file, driver)
    expect(report).toMatchObject({ written: 0, kept: 4 })
    expect(report.forgotten).toBeGreaterThan(0)
    expect(await contentsOf(driver)).toEqual(now)
    // And back again what was lost.
    const target = await memory()
    await restoreInto(file, target)
    expect(await contentsOf(target)).toEqual(old)
  })

  it('users forgotten since stay forgotten, by a list of tombstones or a store that has them', async () => {
    const live = `lmdb:${newPath()}`
    const [file, list] = [newPath(), newPath()]
    const store = await openDriver(live)
    await populate(store, 40)
    await backupRecords(store, file, {})
    for (const i of gone) await forget(store, i, 5_000)
    await store.close()
    expect(await backupStore(live, list, { onlyTombstones: true })).toMatchObject({ records: 2, tombstones: 2 })
    for (const tombstones of [[list], [live], [list, live]]) {
      const url = `lmdb:${newPath()}`
      const report = await restoreStore(file, url, { tombstones })
      expect(report.tombstones).toBe(2)
      expect(report.verified.behind).toBe(0)
      const target = await openDriver(url)
      const held = [...(await contentsOf(target)).keys()]
      expect(held.length).toBe(report.written + 2)
      for (const i of gone) {
        expect(held).toContain(`tombstone "default" "${digestOf('default', userKey(i))}"`)
        expect(held.filter((address) => address.includes(JSON.stringify(userKey(i))))).toEqual([])
      }
      await target.close()
      // Never written, so not even on a free page.
      expectNoTrace(url)
    }
    // The list by itself, into a store that holds the users still; their bytes go with a compaction.
    const late = `lmdb:${newPath()}`
    await restoreStore(file, late)
    expect(await restoreStore(list, late)).toMatchObject({ tombstones: 2, usersForgotten: 2 })
    // What came from the backup stays out once more.
    expect(await restoreStore(file, late)).toMatchObject({ written: 0 })
    await compactLmdb(late.slice(5))
    expectNoTrace(late)
  })

  /** Looks through every byte of a store for users 6 and 9, and for user 7, who is there. */
  function expectNoTrace(url: string): void {
    const files = readdirSync(url.slice(5)).map((name) => readFileSync(join(url.slice(5), name)))
    const holds = (text: string) => files.some((bytes) => bytes.includes(text))
    for (const text of ['user-7\0', 'state of 7', 'payload of user-7']) expect(holds(text), text).toBe(true)
    for (const i of gone) {
      for (const text of [`user-${i}`, `state of ${i}`]) expect(holds(text), text).toBe(false)
    }
  }

  it('a damaged file is refused with its place, before anything is written', async () => {
    const file = newPath()
    await backupRecords(await populated(12), file, {})
    const whole = readFileSync(file)
    const target = await memory()
    const refused = async (bytes: Buffer, type: new (...args: never[]) => Error = BackupDamageError) => {
      const broken = newPath()
      writeFileSync(broken, bytes)
      const error = await restoreInto(broken, target).then(
        () => null,
        (caught: unknown) => caught,
      )
      rmSync(broken)
      expect(error).toBeInstanceOf(type)
      expect((error as Error).message).toMatch(
        /byte \d+.*nothing was written.*(backup|copy)|restore it with the version/,
      )
      return error as BackupDamageError
    }
    const flipped = (at: number, mask = 1) => {
      const bytes = Buffer.from(whole)
      bytes[at] ^= mask
      return bytes
    }
    const headerBytes = 16 + whole.readUInt32LE(12)
    // Each byte of the header, of the block's head, of its first record's address, and of the end.
    const places = [
      ...Array(headerBytes + 12 + 40).keys(),
      ...Array.from({ length: 44 }, (_, i) => whole.length - 1 - i),
    ]
    for (const at of places) {
      const isFormat = at >= 8 && at < 12
      await refused(flipped(at), isFormat ? StoreFormatError : StoreCorruptError)
    }
    await fuzz(
      (random) => ({ at: random.nextBelow(whole.length), bit: random.nextBelow(8) }),
      async ({ at, bit }) => {
        const damaged = flipped(at, 1 << bit)
        if (at >= 8 && at < 12) await refused(damaged, StoreFormatError)
        else await refused(damaged)
      },
      { runs: 60 },
    )
    await fuzz(
      (random) => ({ bytes: random.nextBelow(whole.length) }),
      async ({ bytes }) => {
        expect((await refused(whole.subarray(0, bytes))).atByte).toBeLessThanOrEqual(bytes)
      },
      { runs: 40 },
    )
    await refused(Buffer.concat([whole, Buffer.of(0)]))
    await refused(Buffer.alloc(0))
    await refused(Buffer.from('{"not": "a backup", "but": "JSON that is long enough"}'))
    // Lengths beyond all bounds, in a file that is as long as before.
    for (const at of [12, headerBytes]) {
      const bytes = Buffer.from(whole)
      bytes.writeUInt32LE(0xfffffff0, at)
      await refused(bytes)
    }
    const newer = Buffer.from(whole)
    newer.writeUInt32LE(2, 8)
    expect((await refused(newer, StoreFormatError)).message).toMatch(/format of the file is 2.*up to 1/)
    expect((await checkStore(target)).records).toBe(0)
  })

  it('says what cannot be read or written, and leaves nothing begun', async () => {
    const source = await populated(5)
    const place = newPath()
    mkdirSync(place)
    await expect(restoreInto(join(place, 'none'), source)).rejects.toThrow(BackupAccessError)
    await expect(restoreInto(place, source)).rejects.toThrow(/cannot be read \(EISDIR\)/)
    await expect(backupRecords(source, join(place, 'none', 'file'), {})).rejects.toThrow(/cannot be written \(ENOENT\)/)
    mkdirSync(join(place, 'taken'))
    await expect(backupRecords(source, join(place, 'taken'), {})).rejects.toThrow(BackupAccessError)
    const kept = join(place, 'kept')
    writeFileSync(kept, 'the backup of yesterday')
    const signal = AbortSignal.abort(new Error('stopped'))
    await expect(backupRecords(source, kept, { signal })).rejects.toThrow('stopped')
    expect(readFileSync(kept, 'utf8')).toBe('the backup of yesterday')
    await expect(restoreInto(kept, source)).rejects.toThrow(/does not begin as a backup/)
    expect(readdirSync(place).sort()).toEqual(['kept', 'taken'])
    // A full disk, by way of the name that the file has until it is whole.
    symlinkSync('/dev/full', `${kept}.${process.pid}.partial`)
    await expect(backupRecords(source, kept, {})).rejects.toThrow(/cannot be written \(ENOSPC\).*the space left/)
    expect(readFileSync(kept, 'utf8')).toBe('the backup of yesterday')
    expect(readdirSync(place).sort()).toEqual(['kept', 'taken'])
  })

  it('a record that is damaged in the store is left out and told', async () => {
    const source = await populated(8)
    const key = 'item-3'
    let held = new Uint8Array()
    await source.readRecords('default', 'item', [key], (_, record) => {
      held = new Uint8Array(record!)
    })
    const expected = new DataView(held.buffer).getUint32(8, true)
    held[held.length - 1] ^= 1
    await source.write('default', [[{ table: 'item', key, expected, record: held }]])
    const file = newPath()
    const { faults, records } = await backupRecords(source, file, {})
    expect([faults.count, faults.first[0].address]).toEqual([1, 'item "default" "item-3"'])
    expect(records).toBe((await contentsOf(source)).size - 1)
    expect(await restoreInto(file, await memory())).toMatchObject({ written: records })
  })

  it('a restore that was killed and is begun again ends the same', async () => {
    const source = await populated(6_000)
    await forget(source, 12, 500_000)
    const [file, path] = [newPath(), newPath()]
    await backupRecords(source, file, {})
    for (const batches of [1, 4]) await killedTransfer(batches, 'restore', file, `lmdb:${path}`)
    const report = await restoreStore(file, `lmdb:${path}`)
    expect(report.unchanged).toBeGreaterThan(0)
    expect(report.written).toBeGreaterThan(0)
    const target = await openDriver(`lmdb:${path}`)
    expect(await contentsOf(target)).toEqual(await contentsOf(source))
    await target.close()
  })
})
