import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { fuzz } from '@headwater/testkit/fuzz'
import { open } from 'lmdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { appendValue } from '../../../testing/append-value.ts'
import { Child } from '../../../testing/child.ts'
import {
  createReadBuffer,
  openStore,
  StoreAccessError,
  StoreCorruptError,
  StoreError,
  StoreFormatError,
} from '../../index.ts'

const users = Array.from({ length: 600 }, (_, u) => `user ${u}`)
const pageBytes = 16_384
let intact: string
let intactBytes: Buffer

beforeAll(async () => {
  intact = temporaryDirectory()
  const store = await openStore(`lmdb:${intact}`)
  for (const snapshot of [1, 2, 3]) {
    await appendValue(store, users, snapshot)
    await store.flushed()
  }
  // On pages of its own.
  const state = new Uint8Array(50_000).fill(9)
  await store.compareAndSetStates([[{ kind: 'user', key: users[0], expected: 0, state }]])
  await store.close()
  intactBytes = readFileSync(join(intact, 'data.mdb'))
})

function damaged(change: (bytes: Buffer) => void): string {
  const path = temporaryDirectory()
  cpSync(intact, path, { recursive: true })
  const bytes = Buffer.from(intactBytes)
  change(bytes)
  writeFileSync(join(path, 'data.mdb'), bytes)
  return path
}

/** Opens, checks and reads all; the errors that came. */
async function errorsOf(path: string): Promise<unknown[]> {
  const errors: unknown[] = []
  try {
    const store = await openStore(`lmdb:${path}`)
    try {
      errors.push(...(await store.check()).faults.map(({ error }) => error))
      if (errors.length === 0) {
        const buffer = createReadBuffer(users.length, [{ model: 'm', dim: 8 }])
        await store.read({ users, models: [{ model: 'm' }] }, buffer)
        expect([...buffer.models[0].snapshot]).toEqual(users.map(() => 3))
        expect([...buffer.models[0].pooled]).toEqual(Array(8 * users.length).fill(2))
      }
    } finally {
      await store.close()
    }
  } catch (error) {
    errors.push(error)
  }
  return errors
}

describe('a damaged LMDB file', () => {
  it('is refused where it was cut short', async () => {
    const size = intactBytes.length
    for (const cut of [100, pageBytes + 20, 2 * pageBytes, Math.floor(size / 2), size - 1.5 * pageBytes]) {
      const path = damaged(() => {})
      truncateSync(join(path, 'data.mdb'), cut)
      for (const url of [`lmdb:${path}`, `lmdb:${path}?readonly`]) {
        await expect(openStore(url), `${cut} of ${size} bytes`).rejects.toThrow(StoreCorruptError)
        await expect(openStore(url)).rejects.toThrow(/restore a backup/)
      }
    }
  })

  it('is refused where a meta page was changed', async () => {
    // Magic, format, page size, a root, the last page and the transaction, of either meta page.
    for (const at of [24, 28, 49, 141, 147, 155]) {
      for (const page of [0, 1]) {
        const path = damaged((bytes) => {
          bytes[page * pageBytes + at] ^= 0x55
        })
        await expect(openStore(`lmdb:${path}`), `byte ${at} of page ${page}`).rejects.toThrow(StoreCorruptError)
      }
    }
  })

  it('is refused where it is of something else', async () => {
    const path = damaged((bytes) => bytes.fill('not a database'))
    await expect(openStore(`lmdb:${path}`)).rejects.toThrow(/no LMDB file/)
    const foreign = temporaryDirectory()
    const root = open({ path: foreign, noSubdir: false })
    await root.openDB({ name: 'accounts' }).put('a', 1)
    await root.close()
    await expect(openStore(`lmdb:${foreign}`)).rejects.toThrow(StoreFormatError)
    await expect(openStore(`lmdb:${foreign}`)).rejects.toThrow(/another program/)
  })

  it('never ends the process, and no flipped byte of a record, a key or the tree goes unnoticed', async () => {
    let noticed = 0
    await fuzz(
      (random) => ({ at: 2 * pageBytes + random.nextBelow(intactBytes.length - 2 * pageBytes) }),
      async ({ at }, random) => {
        const flip = 1 << random.nextBelow(8)
        const errors = await errorsOf(
          damaged((bytes) => {
            bytes[at] ^= flip
          }),
        )
        for (const error of errors) expect(error).toBeInstanceOf(StoreError)
        noticed += Number(errors.length > 0)
      },
      { runs: 300 },
    )
    expect(noticed).toBeGreaterThan(0)
  })
})

it('tells of records whose key was changed and is still in order', async () => {
  for (const [key, other] of [
    ['default\0user 599\0m', 'default\0user 59:\0m'],
    ['default\0user 10\0m', 'default\0user 10\0n'],
  ]) {
    const path = damaged((bytes) => {
      for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + 1)) bytes.write(other, at)
    })
    const store = await openStore(`lmdb:${path}?readonly`)
    const { faults } = await store.check()
    expect(faults.length, key).toBeGreaterThan(0)
    for (const { address, error } of faults) {
      expect(address).toContain(other.split('\0')[1])
      expect(error).toBeInstanceOf(StoreCorruptError)
    }
    await store.close()
  }
})

describe('an LMDB store without room or leave', () => {
  /** Writes until the disk is full; what the writer tells then. */
  async function filled(writer: Child): Promise<{ written: number; flushed: number }> {
    const { written, flushed, found, errors } = JSON.parse(await writer.line())
    expect(flushed).toBeGreaterThan(0)
    expect(written).toBe(flushed + 500)
    expect(found).toBe(written)
    expect(errors.map(({ name }: Error) => name)).toEqual(['StoreFullError', 'StoreFullError'])
    expect(errors[0].message).toMatch(/full .*make room/)
    return { written, flushed }
  }

  it('tells of a file that may not grow, and loses nothing that was flushed', async () => {
    const directory = temporaryDirectory()
    const limited = ['sh', '-c', 'ulimit -f 8000 && exec "$@" 2>"$0/errors"', directory]
    const writer = new Child('full-disk-writer.ts', [directory], limited)
    const { flushed } = await filled(writer)
    await writer.ended
    // LMDB was not asked for a commit that does not fit: its own account of one overruns its memory.
    expect(readFileSync(join(directory, 'errors'), 'utf8')).not.toContain('Write error')
    const store = await openStore(`lmdb:${directory}/store`)
    expect(await store.check()).toMatchObject({ records: flushed, faults: [] })
    await store.close()
  })

  // On disks of their own, where the system lets us mount some.
  const mounts = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0
  const inMount = (directory: string, mount: string) => [
    'unshare',
    '-rm',
    'sh',
    '-c',
    `${mount} && exec "$@"`,
    directory,
  ]
  if (mounts) {
    it('tells of a full disk, loses nothing, and goes on once there is room', async () => {
      const directory = temporaryDirectory()
      const small = inMount(directory, 'mount -t tmpfs -o size=6m tmpfs "$0"')
      const writer = new Child('full-disk-writer.ts', [directory, 'ballast'], small)
      const { written } = await filled(writer)
      writer.process.stdin.write('room\n')
      const records = written + 500
      expect(JSON.parse(await writer.line())).toEqual({ flushed: records, records, faults: 0 })
      expect(await writer.ended).toBe(0)
    })

    it('is read on a read-only disk, and not opened for writing', async () => {
      const path = temporaryDirectory()
      cpSync(intact, path, { recursive: true })
      const readOnly = inMount(path, 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"')
      const reader = new Child('read-only-disk.ts', [path], readOnly)
      expect(JSON.parse(await reader.line())).toEqual({
        records: users.length + 1,
        faults: 0,
        error: 'StoreAccessError',
      })
      expect(await reader.ended).toBe(0)
    })
  }

  it('is refused where it may not be written, or is a file', async () => {
    const file = join(temporaryDirectory(), 'file')
    writeFileSync(file, '')
    for (const path of [file, join(file, 'below'), '/sys/kernel', '/sys/none']) {
      await expect(openStore(`lmdb:${path}`)).rejects.toThrow(StoreAccessError)
    }
  })

  it('is refused in a directory of others', async () => {
    const parent = temporaryDirectory()
    const path = join(parent, 'store')
    mkdirSync(path)
    await (await openStore(`lmdb:${path}`)).close()
    const sizeBefore = statSync(join(path, 'data.mdb')).size
    chmodSync(parent, 0o755)
    chmodSync(join(path, 'data.mdb'), 0o444)
    chmodSync(join(path, 'lock.mdb'), 0o444)
    const isRoot = process.geteuid?.() === 0
    // Root may write everywhere; this account nowhere.
    if (isRoot) process.seteuid?.(65_534)
    try {
      for (const mode of [0o555, 0o000]) {
        if (isRoot) process.seteuid?.(0)
        chmodSync(path, mode)
        if (isRoot) process.seteuid?.(65_534)
        await expect(openStore(`lmdb:${path}`)).rejects.toThrow(StoreAccessError)
        await expect(openStore(`lmdb:${path}?readonly`)).rejects.toThrow(StoreAccessError)
        await expect(openStore(`lmdb:${path}/below`)).rejects.toThrow(StoreAccessError)
      }
    } finally {
      if (isRoot) process.seteuid?.(0)
      chmodSync(path, 0o755)
    }
    expect(statSync(join(path, 'data.mdb')).size).toBe(sizeBefore)
  })
})
