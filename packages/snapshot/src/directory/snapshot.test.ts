import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { randomBatch, temporaryDirectory } from '@headwater/testkit'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AffineMap } from '../contents/alignment.ts'
import { ItemVectors } from '../contents/item-vectors.ts'
import { SafetensorsError } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { oneHead } from '../testing/one-head.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { listSnapshots, nextSnapshotNumber } from './list-snapshots.ts'
import { publishSnapshot } from './publish-snapshot.ts'
import { readManifest, readSnapshot } from './read-snapshot.ts'

const layout = compileFeatures(snapshotSchema).user
// This package reads no config: a model has one of any shape.
const config = { user: { levels: [{ tokens: 2 }] } }
const about = { frame: 1, dataCutoffMs: 1_700_000_000_000, trainedRows: 123, config }
const panel = randomBatch(layout, 7, seededRandom(4))
const alignment: AffineMap = { dim: 2, weight: Float32Array.of(0, 1, -1, 0), bias: Float32Array.of(0.5, -0.25) }
const matrices = [{ name: 'weight', rows: 2, cols: 3, data: Float32Array.of(1, 2, 3, 4, 5, 6) }]

describe('publishing', () => {
  it('gives back what was published, oldest first', async () => {
    const model = join(temporaryDirectory(), 'models', 'm')
    expect(await listSnapshots(model)).toEqual([])
    expect(await nextSnapshotNumber(model)).toBe(1)
    const directories: string[] = []
    for (const snapshot of [2, 9, 10, 1_000_001])
      directories.push(await publishSnapshot(model, snapshotSchema, matrices, { ...about, snapshot }))
    expect(await listSnapshots(model)).toEqual(directories)
    expect(await nextSnapshotNumber(model)).toBe(1_000_002)
    const read = await readSnapshot(directories[1])
    expect(read.manifest).toMatchObject({ ...about, snapshot: 9, format: 3, parent: null })
    expect(read.schema).toEqual(snapshotSchema)
    expect([...read.matrices.values()]).toEqual(matrices)
    expect([read.alignment, read.items, read.manifest.layout, read.panel]).toEqual([null, null, null, null])
    expect(await readManifest(directories[1])).toEqual(read.manifest)
    expect(readdirSync(model)).toHaveLength(4)
  })

  it('gives back alignment, item vectors, panel and record bit for bit, in files that sha256sum accepts', async () => {
    const record = {
      parent: 6,
      alignment: 'procrustes' as const,
      forward: { rows: 3, tasks: [] },
      verdict: { status: 'held' as const, reasons: ['Because.'], notes: [] },
    }
    const items = new ItemVectors(oneHead, Float32Array.of(1, 2, 3, 4, 5, 6))
    const extras = { alignment, items, panel }
    const directory = await publishSnapshot(
      temporaryDirectory(),
      snapshotSchema,
      matrices,
      { ...about, snapshot: 7, ...record },
      extras,
    )
    const read = await readSnapshot(directory)
    expect(read.manifest).toMatchObject(record)
    expect(read.alignment).toEqual(alignment)
    expect(read.items).toEqual(items)
    expect(read.manifest.layout).toEqual(oneHead)
    expect(read.panel).toEqual(panel)
    if (process.platform === 'linux')
      expect(execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: directory, encoding: 'utf8' })).toMatch(
        /^(.*: OK\n){6}$/,
      )
  })

  it('removes what killed publishers left, and leaves a running one alone', async () => {
    const model = temporaryDirectory()
    const { pid: dead } = spawnSync(process.execPath, ['--version'])
    for (const name of [`.publishing-3-${dead}`, `.publishing-4-${process.ppid}`, 'mine']) {
      mkdirSync(join(model, name))
      writeFileSync(join(model, name, 'weights.safetensors'), 'half')
    }
    await publishSnapshot(model, snapshotSchema, matrices, { ...about, snapshot: 1 })
    expect(readdirSync(model).sort()).toEqual([`.publishing-4-${process.ppid}`, 'mine', 'snapshot-000001'])
  })

  // A limit on file size is a full disk to the process: the file system takes some of the bytes and refuses the rest.
  if (process.platform !== 'win32')
    it('says so when the disk is full, and leaves what is there as it was', async () => {
      const model = temporaryDirectory()
      const directory = await publishSnapshot(model, snapshotSchema, matrices, { ...about, snapshot: 1 })
      const node = [process.execPath, '--conditions=@headwater/source', '--import', 'tsx']
      const program = [...node, join(import.meta.dirname, '../testing/publish-forever.ts'), model, '2']
      // 64 blocks of 512 bytes or of 1 KiB, depending on the shell; the weights have 120 KB.
      const { status, stderr } = spawnSync('sh', ['-c', 'trap "" XFSZ; ulimit -f 64; exec "$@"', 'sh', ...program], {
        encoding: 'utf8',
      })
      expect(status).toBe(1)
      expect(stderr).toMatch(/SnapshotError: \S+snapshot-000002 cannot be written \(EFBIG\): give the disk room/)
      expect(readdirSync(model)).toEqual([basename(directory)])
      await readSnapshot(directory)
    })

  it('refuses a number that is taken, and leaves what is there as it was', async () => {
    const model = temporaryDirectory()
    const directory = await publishSnapshot(model, snapshotSchema, matrices, { ...about, snapshot: 1 })
    const before = readFileSync(join(directory, 'manifest.json'), 'utf8')
    const again = publishSnapshot(model, snapshotSchema, matrices, { ...about, snapshot: 1, trainedRows: 456 })
    await expect(again).rejects.toThrow(SnapshotError)
    expect(readdirSync(model)).toEqual([basename(directory)])
    expect(readFileSync(join(directory, 'manifest.json'), 'utf8')).toBe(before)
  })

  it('refuses weights that are not finite, and leaves nothing behind', async () => {
    const model = temporaryDirectory()
    const broken = [{ ...matrices[0], data: Float32Array.of(1, 2, Number.NaN, 4, 5, 6) }]
    await expect(publishSnapshot(model, snapshotSchema, broken, { ...about, snapshot: 1 })).rejects.toThrow(
      SafetensorsError,
    )
    expect(readdirSync(model)).toEqual([])
  })

  it('killed at any moment, leaves whole snapshots only', async () => {
    const model = temporaryDirectory()
    const random = seededRandom(1)
    for (let round = 0; round < 3; round++) {
      const before = (await listSnapshots(model)).length
      const child = spawn(
        process.execPath,
        [
          '--conditions=@headwater/source',
          '--import',
          'tsx',
          join(import.meta.dirname, '../testing/publish-forever.ts'),
          model,
          String(before + 1),
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const closed = new Promise((resolve) => child.on('close', resolve))
      await new Promise((resolve) => child.stdout.once('data', resolve))
      await new Promise((resolve) => setTimeout(resolve, random.nextFloat() * 40))
      child.kill('SIGKILL')
      await closed
      const listed = await listSnapshots(model)
      expect(listed.length).toBeGreaterThan(before)
      for (const directory of listed) expect((await readSnapshot(directory)).matrices.size).toBe(1)
      const others = readdirSync(model).filter((name) => !listed.includes(join(model, name)))
      for (const name of others) expect(name).toMatch(/^\.publishing-/)
    }
  })
})

describe('reading', () => {
  let directory: string
  const files = [
    'SHA256SUMS',
    'alignment.safetensors',
    'manifest.json',
    'panel.safetensors',
    'schema.json',
    'weights.safetensors',
  ]
  beforeAll(async () => {
    const extras = { alignment, panel }
    directory = await publishSnapshot(temporaryDirectory(), snapshotSchema, matrices, { ...about, snapshot: 1 }, extras)
    expect(readdirSync(directory).sort()).toEqual(files)
  })

  for (const name of files)
    it(`finds a flipped bit in ${name}, and a file cut short or gone`, async () => {
      const path = join(directory, name)
      const good = readFileSync(path)
      const random = seededRandom(name.length)
      const places = [0, good.length - 1, ...Array.from({ length: 30 }, () => random.nextBelow(good.length))]
      for (const at of places) {
        const bad = Buffer.from(good)
        bad[at] ^= 1 << random.nextBelow(8)
        writeFileSync(path, bad)
        await expect(readSnapshot(directory), `byte ${at}`).rejects.toThrow(SnapshotError)
      }
      for (const length of [
        0,
        1,
        good.length >> 1,
        good.length - 1,
        ...[...good.keys()].filter((i) => good[i] === 0x0a),
      ]) {
        writeFileSync(path, good.subarray(0, length))
        await expect(readSnapshot(directory), `${length} bytes`).rejects.toThrow(SnapshotError)
      }
      rmSync(path)
      await expect(readSnapshot(directory)).rejects.toThrow(`${name} cannot be read`)
      writeFileSync(path, good)
      await readSnapshot(directory)
    })

  /** A copy with other files, whose checksums are right. */
  function forged(change: Record<string, string | Uint8Array>): string {
    const copy = join(temporaryDirectory(), 'snapshot-000001')
    cpSync(directory, copy, { recursive: true })
    for (const [name, data] of Object.entries(change)) writeFileSync(join(copy, name), data)
    const names = files.filter((name) => name !== 'SHA256SUMS')
    const sum = (name: string) =>
      createHash('sha256')
        .update(readFileSync(join(copy, name)))
        .digest('hex')
    writeFileSync(join(copy, 'SHA256SUMS'), names.map((name) => `${sum(name)}  ${name}\n`).join(''))
    return copy
  }

  it('refuses another format before anything else of it', async () => {
    for (const [manifest, message] of [
      ['{', 'is not JSON'],
      ['null', 'has format undefined'],
      ['{"format":"3"}', 'has format 3, no snapshot has that'],
      ['{"format":0}', 'has format 0, no snapshot has that'],
      ['{"format":1}', 'has format 1, written by an earlier version for a tower of another kind; train and publish'],
      ['{"format":2}', 'has format 2, written by an earlier version for a tower of another kind; train and publish'],
      ['{"format":4}', 'has format 4, this version reads 3; use the version of Headwater that wrote it'],
    ]) {
      const copy = forged({ 'manifest.json': manifest })
      rmSync(join(copy, 'SHA256SUMS'))
      await expect(readSnapshot(copy)).rejects.toThrow(SnapshotError)
      await expect(readManifest(copy)).rejects.toThrow(message)
    }
    await expect(readSnapshot(temporaryDirectory())).rejects.toThrow(SnapshotError)
  })

  it('refuses a manifest that lacks what the rest relies on, and one without its list of checksums', async () => {
    const good = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'))
    const copyWith = (change: object) => forged({ 'manifest.json': JSON.stringify({ ...good, ...change }) })
    for (const [change, message] of [
      [{ snapshot: undefined }, 'snapshot is no whole number'],
      [{ publishedMs: null }, 'publishedMs is no whole number'],
      [{ verdict: {} }, 'verdict.status is neither'],
      [{ config: undefined }, 'config is no object'],
    ] as const)
      await expect(readManifest(copyWith(change))).rejects.toThrow(message)
    const copy = copyWith({})
    expect((await readManifest(copy)).config).toEqual(config)
    rmSync(join(copy, 'SHA256SUMS'))
    await expect(readManifest(copy)).rejects.toThrow('SHA256SUMS cannot be read')
    await expect(readSnapshot(copy)).rejects.toThrow(SnapshotError)
  })

  it('refuses files with right checksums that do not fit together', async () => {
    const good = readFileSync(join(directory, 'panel.safetensors'))
    const lengths = Buffer.from(good)
    // the last words of the file are lengths of sequences, of which none has 2³² − 1 events
    lengths.fill(0xff, good.length - 4)
    await expect(readSnapshot(forged({ 'panel.safetensors': lengths }))).rejects.toThrow(
      /panel\.safetensors: tensor sequence\.lengths holds a value over 4/,
    )
    const weights = readFileSync(join(directory, 'weights.safetensors'))
    await expect(readSnapshot(forged({ 'panel.safetensors': weights }))).rejects.toThrow('0 users')
    await expect(readSnapshot(forged({ 'alignment.safetensors': weights }))).rejects.toThrow('needs alignment.weight')
    const longHeader = Buffer.from(weights)
    longHeader.writeBigUInt64LE(2n ** 40n)
    await expect(readSnapshot(forged({ 'weights.safetensors': longHeader }))).rejects.toThrow(
      /weights\.safetensors: header of 1099511627776 bytes does not fit/,
    )
    const nan = Buffer.from(weights)
    nan.writeFloatLE(Number.NaN, nan.length - 4)
    await expect(readSnapshot(forged({ 'weights.safetensors': nan }))).rejects.toThrow(SafetensorsError)
  })
})
