import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Weights } from '../parameters.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { randomBatch, randomizeWeights } from '../testing/tiny-towers.ts'
import { smallTower, type TowerConfig } from '../towers/config.ts'
import { declareTower } from '../towers/tower.ts'
import { UserEncoder } from '../towers/user-encoder.ts'
import type { AffineMap } from './alignment.ts'
import { SafetensorsError } from './safetensors.ts'
import {
  listSnapshots,
  loadUserTower,
  nextSnapshotNumber,
  publishSnapshot,
  readManifest,
  readSnapshot,
} from './snapshot.ts'
import { SnapshotError } from './snapshot-error.ts'

const config: TowerConfig = { ...smallTower, width: 12, hidden: 18, dots: 3, mixHidden: 5 }
const about = { frame: 1, dataCutoffMs: 1_700_000_000_000, trainedRows: 123, config }
const space = compileFeatures(snapshotSchema)
const panel = randomBatch(space.user, 7, seededRandom(4))
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
    expect(read.manifest).toMatchObject({ ...about, snapshot: 9, format: 2, parent: null })
    expect(read.schema).toEqual(snapshotSchema)
    expect([...read.matrices.values()]).toEqual(matrices)
    expect([read.alignment, read.panel]).toEqual([null, null])
    expect(await readManifest(directories[1])).toEqual(read.manifest)
    expect(readdirSync(model)).toHaveLength(4)
  })

  it('gives back alignment, panel and record bit for bit, in files that sha256sum accepts', async () => {
    const record = {
      parent: 6,
      alignment: 'procrustes' as const,
      forward: { rows: 3, tasks: [] },
      verdict: { status: 'held' as const, reasons: ['Because.'], notes: [] },
    }
    const extras = { alignment, panel }
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
    expect(read.panel).toEqual(panel)
    if (process.platform === 'linux')
      expect(execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: directory, encoding: 'utf8' })).toMatch(
        /^(.*: OK\n){5}$/,
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
      const node = [process.execPath, '--conditions=development', '--import', 'tsx']
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
          '--conditions=development',
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

  it('refuses a newer format before anything else of it, and what is no format', async () => {
    for (const [manifest, message] of [
      ['{', 'is not JSON'],
      ['null', 'has format undefined'],
      ['{"format":"2"}', 'has format 2, no snapshot has that'],
      ['{"format":3}', 'has format 3, this version reads up to 2; use the version of Headwater that wrote it'],
      ['{"format":2}', 'snapshot is no whole number'],
      ['{"format":2,"snapshot":1,"frame":1,"dataCutoffMs":0,"trainedRows":0}', 'config is missing'],
      ['{"format":2,"snapshot":1,"frame":1,"dataCutoffMs":0,"trainedRows":0,"config":{}}', 'verdict.status is neither'],
    ]) {
      const copy = forged({ 'manifest.json': manifest })
      if (manifest === '{"format":3}') rmSync(join(copy, 'SHA256SUMS'))
      await expect(readSnapshot(copy)).rejects.toThrow(SnapshotError)
      await expect(readManifest(copy)).rejects.toThrow(message)
    }
    await expect(readSnapshot(temporaryDirectory())).rejects.toThrow(SnapshotError)
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
    const nan = Buffer.from(weights)
    nan.writeFloatLE(Number.NaN, nan.length - 4)
    await expect(readSnapshot(forged({ 'weights.safetensors': nan }))).rejects.toThrow(SafetensorsError)
  })

  it('reads format 1, with its checksums', async () => {
    const old = join(temporaryDirectory(), 'snapshot-000001')
    mkdirSync(old)
    const sum = (name: string) =>
      createHash('sha256')
        .update(readFileSync(join(old, name)))
        .digest('hex')
    for (const name of ['schema.json', 'weights.safetensors']) cpSync(join(directory, name), join(old, name))
    const checksums = { schema: sum('schema.json'), weights: sum('weights.safetensors') }
    writeFileSync(join(old, 'manifest.json'), JSON.stringify({ format: 1, ...about, snapshot: 1, checksums }))
    const { manifest, matrices: read, alignment: none } = await readSnapshot(old)
    expect(manifest).toMatchObject({
      ...about,
      format: 1,
      parent: null,
      publishedMs: null,
      verdict: { status: 'published' },
    })
    expect([...read.values()]).toEqual(matrices)
    expect(none).toBeNull()
    writeFileSync(join(old, 'schema.json'), '{}')
    await expect(readSnapshot(old)).rejects.toThrow('the checksum of schema.json does not match')
  })
})

describe('loading', () => {
  let device: GpuDevice
  beforeAll(async () => {
    device = await requestDevice({ label: 'snapshot tests' })
  })
  afterAll(() => device.destroy())

  it('encodes with the bits of the weights that were published', async () => {
    const tower = declareTower(space.user, space.item, 1, config)
    const weights = new Weights(device, tower.set, true)
    randomizeWeights(weights, seededRandom(1))
    const published = await Promise.all(
      tower.set.entries().map(async ({ name, rows, cols }) => ({ name, rows, cols, data: await weights.read(name) })),
    )
    const directory = await publishSnapshot(temporaryDirectory(), snapshotSchema, published, { ...about, snapshot: 1 })

    const before = device.allocatedBytes
    const loaded = loadUserTower(device, await readSnapshot(directory))
    const batch = randomBatch(space.user, 20, seededRandom(2))
    const got = await loaded.encoder.encode(batch)
    loaded.dispose()
    expect(device.allocatedBytes).toBe(before)
    expect(got.some((x) => x !== 0)).toBe(true)
    expect(got).toEqual(await new UserEncoder(device, tower.user, weights).encode(batch))
  })

  it('serves aligned vectors: W and b applied to those of the tower, as float64 does it', async () => {
    const tower = declareTower(space.user, space.item, 1, config)
    const weights = new Weights(device, tower.set, true)
    const random = seededRandom(6)
    randomizeWeights(weights, random)
    const published = await Promise.all(
      weights.set.entries().map(async ({ name, rows, cols }) => ({ name, rows, cols, data: await weights.read(name) })),
    )
    const dim = config.embeddings * config.width
    const floats = (length: number) => Float32Array.from({ length }, () => random.nextNormal() / Math.sqrt(dim))
    const map: AffineMap = { dim, weight: floats(dim * dim), bias: floats(dim) }
    const model = temporaryDirectory()
    const directory = await publishSnapshot(
      model,
      snapshotSchema,
      published,
      { ...about, snapshot: 1 },
      { alignment: map },
    )
    const before = device.allocatedBytes
    const loaded = loadUserTower(device, await readSnapshot(directory))
    const batch = randomBatch(space.user, 20, random)
    const got = await loaded.encoder.encode(batch)
    loaded.dispose()
    expect(device.allocatedBytes).toBe(before)
    const own = await new UserEncoder(device, tower.user, weights).encode(batch)
    for (let r = 0; r < 20; r++)
      for (let j = 0; j < dim; j++) {
        let want = map.bias[j]
        for (let i = 0; i < dim; i++) want += own[r * dim + i] * map.weight[i * dim + j]
        expect(got[r * dim + j]).toBeCloseTo(want, 5)
      }
    const wrong = { ...map, dim: 2, weight: map.weight.slice(0, 4), bias: map.bias.slice(0, 2) }
    const broken = await publishSnapshot(
      model,
      snapshotSchema,
      published,
      { ...about, snapshot: 2 },
      { alignment: wrong },
    )
    const snapshot = await readSnapshot(broken)
    expect(() => loadUserTower(device, snapshot)).toThrow(`its alignment is 2 wide, its embeddings are ${dim}`)
  })

  it('refuses a snapshot without all of its tensors, and leaves no memory taken', async () => {
    const directory = await publishSnapshot(temporaryDirectory(), snapshotSchema, matrices, { ...about, snapshot: 1 })
    const snapshot = await readSnapshot(directory)
    const before = device.allocatedBytes
    expect(() => loadUserTower(device, snapshot)).toThrow(SnapshotError)
    expect(() => loadUserTower(device, snapshot)).toThrow(/tensor user\.\S+ is missing or not \d+ × \d+/)
    expect(device.allocatedBytes).toBe(before)
  })
})
