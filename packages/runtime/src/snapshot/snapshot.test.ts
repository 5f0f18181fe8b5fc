import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
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
import { SafetensorsError } from './safetensors.ts'
import {
  listSnapshots,
  loadUserTower,
  nextSnapshotNumber,
  publishSnapshot,
  readSnapshot,
  SnapshotError,
} from './snapshot.ts'

const config: TowerConfig = { ...smallTower, width: 12, hidden: 18, dots: 3, mixHidden: 5 }
const about = { frame: 1, dataCutoffMs: 1_700_000_000_000, trainedRows: 123, config }
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
    expect(read.manifest).toMatchObject({ ...about, snapshot: 9, format: 1 })
    expect(read.schema).toEqual(snapshotSchema)
    expect([...read.matrices.values()]).toEqual(matrices)
    expect(readdirSync(model)).toHaveLength(4)
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
  it('finds a flipped bit in any file', async () => {
    const model = temporaryDirectory()
    const directory = await publishSnapshot(model, snapshotSchema, matrices, { ...about, snapshot: 1 })
    for (const name of ['schema.json', 'weights.safetensors']) {
      const path = join(directory, name)
      const good = readFileSync(path)
      for (const at of [0, good.length >> 1, good.length - 1]) {
        const bad = Buffer.from(good)
        bad[at] ^= 1
        writeFileSync(path, bad)
        await expect(readSnapshot(directory), `${name}, byte ${at}`).rejects.toThrow(SnapshotError)
      }
      writeFileSync(path, good.subarray(0, good.length - 1))
      await expect(readSnapshot(directory)).rejects.toThrow(/checksum/)
      writeFileSync(path, good)
    }
    await readSnapshot(directory)
  })

  it('refuses what is no snapshot, or one of another format', async () => {
    await expect(readSnapshot(temporaryDirectory())).rejects.toThrow(SnapshotError)
    const directory = await publishSnapshot(temporaryDirectory(), snapshotSchema, matrices, { ...about, snapshot: 1 })
    for (const [manifest, message] of [
      ['{', 'is not JSON'],
      ['null', 'has format undefined'],
      ['{"format":2}', 'has format 2, this version reads 1'],
      ['{"format":1}', 'the checksum of its schema does not match'],
    ]) {
      writeFileSync(join(directory, 'manifest.json'), manifest)
      await expect(readSnapshot(directory)).rejects.toThrow(SnapshotError)
      await expect(readSnapshot(directory)).rejects.toThrow(message)
    }
  })
})

describe('loading', () => {
  let device: GpuDevice
  beforeAll(async () => {
    device = await requestDevice({ label: 'snapshot tests' })
  })
  afterAll(() => device.destroy())

  it('encodes with the bits of the weights that were published', async () => {
    const space = compileFeatures(snapshotSchema)
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

  it('refuses a snapshot without all of its tensors, and leaves no memory taken', async () => {
    const directory = await publishSnapshot(temporaryDirectory(), snapshotSchema, matrices, { ...about, snapshot: 1 })
    const snapshot = await readSnapshot(directory)
    const before = device.allocatedBytes
    expect(() => loadUserTower(device, snapshot)).toThrow(SnapshotError)
    expect(() => loadUserTower(device, snapshot)).toThrow(/tensor user\.\S+ is missing or not \d+ × \d+/)
    expect(device.allocatedBytes).toBe(before)
  })
})
