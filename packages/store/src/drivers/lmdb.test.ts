import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { afterAll, describe, expect, it } from 'vitest'
import { describeConformance } from '../../testing/conformance.ts'
import {
  createReadBuffer,
  openStore,
  StoreAccessError,
  StoreBusyError,
  StoreFormatError,
  StoreUrlError,
} from '../index.ts'

const directory = mkdtempSync(join(tmpdir(), 'headwater-store-'))
let opened = 0
const newPath = () => join(directory, `store.${opened++}`)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describeConformance('lmdb:', () => openStore(`lmdb:${newPath()}`))

const state = Uint8Array.of(1, 2, 3)

/** Lets the writer run until it has acknowledged `acks` rounds and `delayMs` more, kills it, and gives the last of them. */
function crash(path: string, acks: number, delayMs: number): Promise<number> {
  const root = join(import.meta.dirname, '../..')
  const writer = spawn(
    process.execPath,
    ['--conditions=development', '--import', 'tsx', 'testing/crash-writer.ts', path],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  let killing = false
  writer.stdout.on('data', (chunk) => {
    output += chunk
    if (killing || output.split('\n').length <= acks) return
    killing = true
    setTimeout(() => writer.kill('SIGKILL'), delayMs)
  })
  return new Promise((resolve, reject) => {
    writer.on('close', (_, signal) => {
      // What follows the last line break was cut short.
      const rounds = output.split('\n').slice(0, -1)
      if (signal === 'SIGKILL') resolve(Number(rounds.at(-1)))
      else reject(new Error(`the writer ended by itself after ${rounds.length} rounds`))
    })
  })
}

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

  it('loses nothing acknowledged when its writer is killed, and no group by half', async () => {
    const path = newPath()
    for (let kill = 0; kill < 4; kill++) {
      const acknowledged = await crash(path, 3 + 11 * kill, kill * 3)
      const store = await openStore(`lmdb:${path}`)
      expect((await store.check()).faults).toEqual([])
      const keys = Array.from({ length: 50 }, (_, k) => `k${k}`)
      const users = await store.readStates('user', keys)
      const items = await store.readStates('item', keys)
      const rings = createReadBuffer(keys.length, [{ model: 'm', dim: 64 }])
      await store.read({ users: keys, models: [{ model: 'm' }] }, rings)
      for (let k = 0; k < keys.length; k++) {
        expect(items.states[k]).toEqual(users.states[k])
        const round = users.states[k] === undefined ? 0 : new DataView(users.states[k]!.buffer).getUint32(0)
        // The last acknowledged round of this key, 0 where there is none.
        const least = acknowledged < k ? 0 : acknowledged - ((acknowledged - k) % keys.length)
        expect(round, `key ${k} after acknowledged round ${acknowledged}`).toBeGreaterThanOrEqual(least)
        expect(rings.models[0].snapshot[k]).toBeGreaterThanOrEqual(least)
      }
      await store.close()
    }
  })

  it('has one writer, until it is closed', async () => {
    const path = newPath()
    const store = await openStore(`lmdb:${path}`)
    await expect(openStore(`lmdb:${path}`)).rejects.toThrow(StoreBusyError)
    await store.close()
    await (await openStore(`lmdb:${path}`)).close()
  })

  it('shows other processes whole groups as soon as they are flushed', async () => {
    const path = newPath()
    const store = await openStore(`lmdb:${path}`)
    await store.compareAndSetStates([[{ kind: 'user', key: 'u', expected: 0, state }]])
    await store.flushed()
    const script = `
      const root = require('lmdb').open({ path: ${JSON.stringify(path)}, noSubdir: false, readOnly: true })
      const users = root.openDB({ name: 'users', encoding: 'binary', keyEncoding: 'binary' })
      process.stdout.write(users.getBinary(Buffer.from('default\\0u')).subarray(-3).toString('hex'))`
    const reader = spawn(process.execPath, ['-e', script], { cwd: import.meta.dirname })
    let output = ''
    for await (const chunk of reader.stdout) output += chunk
    expect(output).toBe('010203')
    await store.close()
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
    expect((await store.check()).faults.map(({ address }) => address)).toEqual(['user\0default\0u'])
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
