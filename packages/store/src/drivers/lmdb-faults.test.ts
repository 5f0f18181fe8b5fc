import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { fuzz } from '@headwater/testkit/fuzz'
import { open } from 'lmdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { appendValue } from '../../testing/append-value.ts'
import { Child } from '../../testing/child.ts'
import {
  createReadBuffer,
  openStore,
  StoreAccessError,
  StoreCorruptError,
  StoreError,
  StoreFormatError,
} from '../index.ts'

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

/** A key that was changed and is in order still makes another user of its user, which nothing tells of. */
function isOfKey(at: number): boolean {
  const around = intactBytes.toString('latin1', at - 30, at + 30)
  return [...around.matchAll(/default\0user \d+(\0m)?/g)].some(
    ({ index, 0: key }) => index <= 30 && 30 < index + key.length,
  )
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

  it('never ends the process, and no flipped byte of a record or of the tree goes unnoticed', async () => {
    let noticed = 0
    await fuzz(
      (random) => ({ at: 2 * pageBytes + random.nextBelow(intactBytes.length - 2 * pageBytes) }),
      async ({ at }, random) => {
        if (isOfKey(at)) return
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

describe('an LMDB store without room or leave', () => {
  it('tells of a full disk, loses nothing, and goes on once there is room', async () => {
    const directory = temporaryDirectory()
    // A disk of its own where the system lets us mount one, else a bound on the size of files, which stays until the end.
    const mounts = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', directory]).status === 0
    const small = mounts
      ? ['unshare', '-rm', 'sh', '-c', 'mount -t tmpfs -o size=6m tmpfs "$0" && exec "$@"', directory]
      : ['sh', '-c', 'ulimit -f 8000 && exec "$@"', directory]
    const writer = new Child('full-disk-writer.ts', [directory, mounts ? 'ballast' : ''], small)
    const full = JSON.parse(await writer.line())
    expect(full.flushed).toBeGreaterThan(0)
    expect(full.written).toBe(full.flushed + 500)
    expect(full.found).toBe(full.written)
    expect(full.errors.map(({ name }: Error) => name)).toEqual(['StoreFullError', 'StoreFullError'])
    expect(full.errors[0].message).toMatch(/full .* make room/)
    writer.process.stdin.write('room\n')
    if (mounts) {
      expect(JSON.parse(await writer.line())).toEqual({
        flushed: full.written + 500,
        records: full.written + 500,
        faults: 0,
      })
      expect(await writer.ended).toBe(0)
    } else {
      await writer.ended
      const store = await openStore(`lmdb:${directory}/store`)
      expect(await store.check()).toMatchObject({ records: full.flushed, faults: [] })
      await store.close()
    }
  })

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
        await expect(openStore(`lmdb:${path}/below`)).rejects.toThrow(StoreAccessError)
      }
    } finally {
      if (isRoot) process.seteuid?.(0)
      chmodSync(path, 0o755)
    }
    expect(statSync(join(path, 'data.mdb')).size).toBe(sizeBefore)
  })
})
