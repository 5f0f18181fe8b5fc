/** `headwater store` as a user calls it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Child, worker } from '../../testing/child.ts'
import { headwater } from '../../testing/headwater.ts'
import { makeStore } from '../../testing/small-store.ts'
import { storeExamples } from './examples.ts'

const home = temporaryDirectory()
let places = 0
const newPath = () => join(home, `place.${places++}`)

beforeEach(() => {
  process.env.INIT_CWD = home
})
afterEach(() => {
  delete process.env.INIT_CWD
  process.exitCode = undefined
})

const store = (...args: string[]) => headwater('store', ...args)

async function succeeds(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await store(...args)
  expect({ code, bug: stderr.includes('headwater:') }, stderr).toEqual({ code: 0, bug: false })
  return stdout
}

async function fails(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await store(...args)
  expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' })
  const lines = stderr.trimEnd().split('\n')
  expect(lines.at(-1)).toMatch(/^headwater: (?!this is a bug)/)
  return lines.at(-1)!
}

describe('the examples', () => {
  const doc = readFileSync(new URL('../../../../../docs/store.md', import.meta.url), 'utf8')
  const fenced = [...doc.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, text]) => text)
  /** What is left of a text without its numbers, its spacing, and its lines on models. */
  const masked = (text: string) =>
    text
      .replaceAll(`${home}/`, '/srv/')
      .replace(/^(untrained|random|sum) .*\n/gm, '')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/[\d,.]*\d/g, '0')
      .replace(/0 [kM]?B\b/g, 'SIZE')
      .replace(/ +/g, ' ')
      .replace(/\b(record|ring|user|item|tenant|tombstone|state|event list)s?\b/g, '$1')

  test('of the help are in the docs', async () => {
    for (const [name, example] of Object.entries(storeExamples)) {
      expect(fenced).toContain(example)
      const { code, stdout } = await store(name, '--help')
      expect(code).toBe(0)
      for (const line of example.trimEnd().split('\n')) expect(stdout).toContain(line === '' ? '\n\n' : `  ${line}\n`)
    }
  })

  test('of the docs run, and say what they say there but for its numbers', async () => {
    await makeStore(join(home, 'out/seed-1/store'), 600, '1008')
    const commands = fenced.filter((text) => text.startsWith('$ headwater store'))
    expect(commands.length).toBeGreaterThanOrEqual(Object.keys(storeExamples).length)
    for (const text of commands) {
      const [command, ...told] = text.trimEnd().split('\n')
      const args = command.replace('$ headwater store ', '').split(' ')
      expect(masked(await succeeds(...args)), command).toBe(masked(`${told.join('\n')}\n`))
    }
  })
})

test('check lists what is at fault, where, and what to do, and ends with code 1', async () => {
  const path = newPath()
  await makeStore(path, 3)
  const open = await openStore(`lmdb:${path}`)
  await open.append({
    model: 'sum',
    dim: 1,
    users: ['stranger'],
    vectors: Float32Array.of(1),
    snapshot: 1,
    frame: 1,
    featureTimeMs: Float64Array.of(1_000),
    writtenMs: 1_000,
    policy: { slots: 1, count: 1, slot: 'snapshot' },
  })
  await open.close()
  changeStates(join(path, 'data.mdb'), 'u1')
  const json = newPath()
  const { code, stdout } = await store('check', `lmdb:${path}`, '--json', json)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^fault {3}user "default" "u1": .*fails its checksum: .*; run a check and restore a backup$/m)
  expect(stdout).toMatch(/^orphan {2}ring "default" "stranger" "sum": its user has no state$/m)
  expect(stdout).toMatch(/^11 records of 1 tenant: 1 fault, 1 orphan$/m)
  const report = JSON.parse(readFileSync(json, 'utf8'))
  expect(report.faults).toEqual([
    {
      address: 'user "default" "u1"',
      error: { name: 'StoreCorruptError', message: expect.stringMatching(/checksum/) },
    },
  ])
  expect(report.tables).toEqual({ ring: 4, user: 3, item: 1, events: 3, tombstone: 0 })
  expect(report.tenants.default.ring.records).toBe(4)
  // A failed command exits at once, and yet all it says is there, more than a pipe holds.
  const many = newPath()
  const prefix = '\u0001'.repeat(500)
  await makeStore(many, 130, prefix)
  for (let i = 0; i < 130; i++) changeStates(join(many, 'data.mdb'), `${prefix}${i}`)
  const child = new Child(worker, ['store', 'check', `lmdb:${many}`], home)
  expect(await child.exited).toBe(1)
  expect(child.stdout.length).toBeGreaterThan(2 ** 17)
  expect(child.stdout).toMatch(/^fault {3}and 30 more\n391 records of 1 tenant: 130 faults, 0 orphans\n$/m)
  // A copy leaves it out and says so, and a backup too.
  expect((await store('copy', `lmdb:${path}`, `lmdb:${newPath()}`)).code).toBe(1)
  const backup = await store('backup', `lmdb:${path}`, newPath())
  expect(backup).toMatchObject({ code: 1, stdout: expect.stringMatching(/1 damaged record left out\nfault {3}user/) })
})

test('a backup brings back what was lost, but not who was forgotten since', async () => {
  const [path, backup, list] = [newPath(), newPath(), newPath()]
  await makeStore(path, 20)
  await succeeds('backup', `lmdb:${path}`, backup)
  const receipt = newPath()
  expect(await succeeds('forget', `lmdb:${path}`, 'u4', '--json', receipt)).toMatch(
    /^user "u4" of tenant "default" forgotten at .*; removed:\n {2}store: 1 ring\n {2}store: 1 state\n {2}store: 1 event list\n$/,
  )
  expect(JSON.parse(readFileSync(receipt, 'utf8'))).toMatchObject({ user: 'u4', failed: [] })
  await succeeds('tombstones', `lmdb:${path}`, list)
  const restored = newPath()
  await succeeds('restore', backup, `lmdb:${restored}`, '--tombstones', list)
  const there = await openStore(`lmdb:${restored}?readonly`)
  const keys: string[] = []
  for await (const key of there.keys('user')) keys.push(key)
  expect(keys).toHaveLength(19)
  expect(keys).not.toContain('u4')
  expect((await there.forgottenAtMs(['u4']))[0]).toBeGreaterThan(0)
  await there.close()
  const compacted = newPath()
  expect(await succeeds('compact', `lmdb:${path}`, '--json', compacted)).toMatch(/^5\d records: .* before, .* after\n$/)
  expect(JSON.parse(readFileSync(compacted, 'utf8')).bytesAfter).toBeGreaterThan(0)
})

test('a tenant alone is copied', async () => {
  const path = newPath()
  await makeStore(path, 3)
  const copied = newPath()
  expect(await succeeds('copy', `lmdb:${path}`, `lmdb:${copied}`, '--tenant', 'nobody')).toMatch(/^0 records written/)
  expect(await succeeds('copy', `lmdb:${path}`, `lmdb:${copied}`, '--tenant', 'default')).toMatch(/^10 records written/)
  const stats = newPath()
  await succeeds('stats', `lmdb:${copied}`, '--json', stats)
  expect(JSON.parse(readFileSync(stats, 'utf8')).tenants[0].models).toEqual([
    {
      model: 'sum',
      rings: 3,
      bytes: 3 * (16 + 8 + 2 * 8 + 2 * (24 + 2 * 8)),
      slots: 6,
      snapshots: [
        { snapshot: 2, slots: 3 },
        { snapshot: 1, slots: 3 },
      ],
      frames: [{ frame: 1, slots: 6 }],
    },
  ])
})

test('says what is wrong, and writes nothing', async () => {
  const missing = newPath()
  expect(await fails('check', 'nowhere:')).toMatch(/names no driver/)
  expect(await fails('check', `lmdb:${missing}`)).toContain(missing)
  expect(await fails('compact', 'memory:')).toMatch(/only an LMDB store/)
  expect(await fails('backup', `lmdb:${missing}`, join(missing, 'file'))).toMatch(/there is no directory/)
  expect(await fails('stats', 'memory:', '--json', home)).toMatch(/is a directory/)
  const file = newPath()
  writeFileSync(file, 'no backup, but long enough to hold a header of one')
  const target = newPath()
  expect(await fails('restore', file, `lmdb:${target}`)).toMatch(
    /does not begin as a backup does.*byte 0.*nothing was written/,
  )
  expect(await fails('restore', missing, `lmdb:${target}`)).toMatch(/cannot be read \(ENOENT\)/)
  expect([existsSync(missing), existsSync(target)]).toEqual([false, false])
  const secret = await fails('stats', 'valkey://user:hidden@127.0.0.1:1?timeout=200')
  expect(secret).not.toContain('hidden')
  expect(await store('forget', 'memory:')).toMatchObject({ code: 2 })
})

test('a copy that is stopped by signals goes on from there', async () => {
  const [path, copied] = [newPath(), newPath()]
  await makeStore(path, 12_000)
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const child = new Child(worker, ['store', 'copy', `lmdb:${path}`, `lmdb:${copied}`], home)
    await child.until(() => child.stderr.includes('records …'))
    child.process.kill(signal)
    expect(await child.exited).toBe(code)
    expect(child.stderr.trimEnd().split('\n').at(-1)).toBe(
      `headwater: stopped by ${signal}; what was written stays, and the same command goes on from there.`,
    )
    expect(child.stdout).toBe('')
    expect(await succeeds('check', `lmdb:${copied}`)).toMatch(/: 0 faults/)
  }
  const [, written, unchanged] = /^([\d,]+) records written, ([\d,]+) unchanged/.exec(
    await succeeds('copy', `lmdb:${path}`, `lmdb:${copied}`),
  )!
  const number = (text: string) => Number(text.replaceAll(',', ''))
  expect(number(written)).toBeGreaterThan(0)
  expect(number(written) + number(unchanged)).toBe(36_001)
})

/** Changes the last byte of a user's state in a store's file, beside the driver, wherever the record lies. */
function changeStates(file: string, user: string): void {
  const bytes = readFileSync(file)
  // Format 3, table 2: a user's state, which is three bytes.
  const start = Buffer.concat([Buffer.from(`default\0${user}`), Buffer.of(3, 2, 0, 0)])
  for (let at = bytes.indexOf(start); at >= 0; at = bytes.indexOf(start, at + 1)) {
    const record = at + start.length - 4
    // What is left of an older one may be written over in part.
    if (bytes.readUIntBE(record + 16, 3) === 0x010203) bytes[record + 18] ^= 4
  }
  writeFileSync(file, bytes)
}
