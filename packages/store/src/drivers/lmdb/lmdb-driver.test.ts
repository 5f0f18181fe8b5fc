import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { afterAll, describe, expect, it } from 'vitest'
import { appendValue } from '../../../testing/append-value.ts'
import { describeConformance } from '../../../testing/conformance.ts'
import { crashRounds } from '../../../testing/crash-rounds.ts'
import { openDriver } from '../../drivers/open-driver.ts'
import {
  appendOutcome,
  openStore,
  StoreAccessError,
  StoreBusyError,
  StoreFormatError,
  StoreUnavailableError,
  StoreUrlError,
  writeOutcome,
} from '../../index.ts'
import { compactLmdb } from './compact.ts'

const directory = mkdtempSync(join(tmpdir(), 'headwater-store-'))
let opened = 0
const newPath = () => join(directory, `store.${opened++}`)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describeConformance('lmdb:', () => openDriver(`lmdb:${newPath()}`))

const state = Uint8Array.of(1, 2, 3)

describe('lmdb:', () => {
  it('keeps what was flushed, and what was closed', async () => {
    const path = newPath()
    let store = await openStore(`lmdb:${path}`)
    await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected: 0, state }]])
    await store.close()
    store = await openStore(`lmdb:${path}`)
    expect((await store.readStates('user', ['u'])).states).toEqual([state])
    await store.close()
  })

  it('loses nothing acknowledged, and keeps nothing by half, when its writer or a compaction is killed', async () => {
    const rounds = await crashRounds(newPath(), 8, 20_261)
    expect(rounds.filter(({ killed }) => killed === 'compaction')).toHaveLength(2)
    expect(rounds[7].held).toBeGreaterThan(40)
  })

  it('brings no one back whom an earlier process has forgotten, also past a compaction', async () => {
    const path = newPath()
    let store = await openStore(`lmdb:${path}`)
    await appendValue(store, ['u', 'v'], 1)
    await store.forget('u', { atMs: 1_500 })
    await store.close()
    for (const snapshot of [2, 3]) {
      store = await openStore(`lmdb:${path}`)
      const { outcomes } = await appendValue(store, ['u', 'v'], snapshot)
      expect([...outcomes]).toEqual([appendOutcome.forgotten, appendOutcome.written])
      const late = { kind: 'user', key: 'u', expected: 0, state, featureTimeMs: 1_500 } as const
      expect([...(await store.compareAndSetStates([[late]]))]).toEqual([writeOutcome.forgotten])
      await store.close()
      await compactLmdb(path)
    }
  })

  it('acknowledges nothing into a file that was removed or replaced, and goes on where it is back', async () => {
    const path = newPath()
    let store = await openStore(`lmdb:${path}`)
    const write = async (key: string) => {
      await store.compareAndSetStates([[{ kind: 'user', key, expected: 0, state }]])
      await store.flushed()
    }
    await write('before')
    renameSync(path, `${path}.away`)
    await expect(write('away')).rejects.toThrow(StoreUnavailableError)
    await expect(store.checkWritable()).rejects.toThrow(/was removed, replaced, or its disk is away/)
    const other = await openStore(`lmdb:${path}`)
    await other.flushed()
    await expect(write('replaced')).rejects.toThrow(StoreUnavailableError)
    expect((await store.readStates('user', ['before', 'away', 'replaced'])).states).toEqual([state, state, state])
    await other.close()

    rmSync(path, { recursive: true })
    renameSync(`${path}.away`, path)
    await store.checkWritable()
    await write('after')
    await store.close()
    store = await openStore(`lmdb:${path}`)
    const all = ['before', 'away', 'replaced', 'after']
    expect((await store.readStates('user', all)).states).toEqual(all.map(() => state))
    await store.close()
  })

  it('has one writer, until it is closed', async () => {
    const path = newPath()
    const store = await openStore(`lmdb:${path}`)
    await expect(openStore(`lmdb:${path}`)).rejects.toThrow(StoreBusyError)
    await store.close()
    await (await openStore(`lmdb:${path}`)).close()
  })

  it('finds a record whose bytes were changed', async () => {
    const path = newPath()
    let store = await openStore(`lmdb:${path}`)
    await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected: 0, state }]])
    await store.close()
    const root = open({ path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary', maxDbs: 4 })
    const users = root.openDB({ name: 'users', encoding: 'binary', keyEncoding: 'binary' })
    const record = users.getBinary(Buffer.from('default\0u'))!
    record[record.length - 1] ^= 4
    await users.put(Buffer.from('default\0u'), record)
    await root.close()
    store = await openStore(`lmdb:${path}`)
    expect((await store.check()).faults.map(({ address }) => address)).toEqual(['user "default" "u"'])
    await expect(store.readStates('user', ['u'])).rejects.toThrow(/checksum/)
    await store.close()
  })

  it('refuses URLs, places and formats that it cannot serve', async () => {
    for (const url of ['', 'lmdb:', 'memory', 'memory:x', 'file:/tmp']) {
      await expect(openStore(url)).rejects.toThrow(StoreUrlError)
    }
    const file = join(directory, 'file')
    writeFileSync(file, '')
    for (const path of [file, join(file, 'below'), '/sys/none']) {
      await expect(openStore(`lmdb:${path}`)).rejects.toThrow(StoreAccessError)
    }
    const path = newPath()
    await (await openStore(`lmdb:${path}`)).close()
    const root = open({ path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary', maxDbs: 4 })
    await root
      .openDB({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' })
      .put(Buffer.from('format'), Buffer.from('99'))
    await root.close()
    await expect(openStore(`lmdb:${path}`)).rejects.toThrow(StoreFormatError)
    await expect(openStore(`lmdb:${path}`)).rejects.toThrow(/format 99/)
  })
})
