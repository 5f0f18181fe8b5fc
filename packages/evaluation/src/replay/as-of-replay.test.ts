/** The replay against what the store served over the same log, and against counts made from the log alone. */
import { join } from 'node:path'
import { compileFeatures, type LogEvent } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { AsOfError, servedStatus } from '@headwater/pooling'
import { listSnapshots, readManifest } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publicationRows } from '../lab/log/settings.ts'
import { silent, smallSettings } from '../testing/small-job.ts'
import { memoryLog, minuteMs, smallEvents, smallSchema } from '../testing/small-log.ts'
import { AsOfReplay, type Capture, type CaptureEncoder, type ReplayOptions } from './as-of-replay.ts'
import { fixedTowerSource, randomSource, towerSource } from './embedding-source.ts'
import { servedModels, serveLiveTraffic } from './live-traffic.ts'
import { pooled } from './pooled.ts'
import { type ServedRow, servedRows } from './served-log.ts'

const space = compileFeatures(smallSchema)
const events = smallEvents(1200, 5)
const log = memoryLog(smallSchema, events)

async function heldRows<Value>(
  options: Omit<ReplayOptions, 'space' | 'log'>,
  encoder: CaptureEncoder<Value>,
): Promise<(readonly Capture<Value>[])[]> {
  const replay = new AsOfReplay<Value>({ space, log, ...options }, encoder)
  const rows: (readonly Capture<Value>[])[] = []
  for await (const block of replay.blocks()) {
    expect(block.events.map(({ row }) => row)).toEqual(block.events.map((_, i) => rows.length + i))
    rows.push(...block.held)
  }
  return rows
}

describe('asynchronous, it gives what the store served', () => {
  const directory = temporaryDirectory()
  const { refreshDelayMs, pooling } = smallSettings
  let device: GpuDevice
  let served: ServedRow[]
  let publishedMs: number[]
  let frames: number[]
  let snapshots: string[]
  const policy = { kind: 'asynchronous', refreshDelayMs } as const

  beforeAll(async () => {
    device = await requestDevice()
    const job = {
      device,
      space,
      log,
      directory,
      settings: smallSettings,
      publicationRows: publicationRows(log.rows, smallSettings),
      seed: 1,
      stages: silent,
    }
    const traffic = await serveLiveTraffic(job)
    expect(traffic.held).toEqual([])
    served = []
    for await (const row of servedRows(traffic.servedLog, servedModels)) served.push(row)
    publishedMs = traffic.snapshotRows.map((row) => events[row - 1].timeMs)
    snapshots = await listSnapshots(join(directory, 'snapshots'))
    frames = []
    for (const snapshot of snapshots) frames.push((await readManifest(snapshot)).frame)
    expect(new Set(frames).size).toBeLessThan(frames.length)
  })

  afterAll(() => device.destroy())

  test('the tower’s vectors, latest and averaged, bit for bit', async () => {
    const source = await towerSource(device, snapshots)
    const rows = await heldRows({ policy, slots: 3, publishedMs }, source)
    source.dispose()
    const averaging = { weights: [1, 1, 1], maxLagMs: pooling.maxLagMs }
    const first = events.length - served.length
    expect(rows.slice(0, first).every((held) => held.length === 0)).toBe(true)
    let averages = 0
    for (const [i, { models }] of served.entries()) {
      const [sum] = models
      const held = rows[first + i]
      expect(held.length > 0).toBe(sum.status !== servedStatus.default)
      if (held.length === 0) continue
      expect(held[0]).toMatchObject({ snapshot: sum.snapshot - 1, featureTimeMs: sum.featureTimeMs })
      expect(held[0].value).toEqual(sum.latest)
      expect(pooled(held, averaging, frames)).toEqual(sum.pooled)
      if (pooled(held, averaging, frames) !== held[0].value) averages++
    }
    expect(averages).toBeGreaterThan(50)
  })

  test('the controls’ vectors', async () => {
    const untrained = await fixedTowerSource(device, (await listSnapshots(join(directory, 'untrained')))[0])
    const random = randomSource(1, untrained.dim)
    const first = events.length - served.length
    for (const [place, source] of [untrained, random].entries()) {
      const rows = await heldRows({ policy, slots: 1, publishedMs }, source)
      for (const [i, { models }] of served.entries()) {
        const { status, pooled: vector } = models[1 + place]
        if (status === servedStatus.default) expect(rows[first + i]).toEqual([])
        // The store keeps half precision, which a normal number is rounded to.
        else rows[first + i][0].value!.forEach((value, d) => void expect(value).toBeCloseTo(vector[d], 2))
      }
    }
    untrained.dispose()
  })
})

/** Number of the user's events that are known: the count feature, log(1 + n), undone. */
const column = space.user.dense.indexOf('user-count')
const counting: CaptureEncoder<number> = {
  encode: async (_, batch, users) =>
    users.map((__, row) => Math.round(Math.expm1(batch.dense[row * space.user.dense.length + column]))),
}
const known = (event: LogEvent, beforeMs: number, has: (event: LogEvent) => boolean = () => true) =>
  events.filter((own) => own.user === event.user && own.timeMs < beforeMs && has(own)).length

const published = [events[399].timeMs, events[799].timeMs]
const snapshotBy = (ms: number) => published.filter((own) => own <= ms).length - 1

describe('by policy, a row is served what was known', () => {
  test('synchronous: strictly before it', async () => {
    const rows = await heldRows({ policy: { kind: 'synchronous' }, slots: 1, publishedMs: published }, counting)
    for (const event of events) {
      const count = known(event, event.timeMs)
      const [held] = rows[event.row]
      if (event.timeMs <= published[0] || count === 0) expect(held).toBeUndefined()
      else expect(held).toMatchObject({ value: count, snapshot: snapshotBy(event.timeMs - 1) })
    }
  })

  test('batch: before the last boundary, by the snapshot of then', async () => {
    const everyMs = 60 * minuteMs
    const rows = await heldRows({ policy: { kind: 'batch', everyMs }, slots: 1, publishedMs: published }, counting)
    let servedRows = 0
    for (const event of events) {
      const boundary = Math.floor(event.timeMs / everyMs) * everyMs
      const count = known(event, boundary)
      const [held] = rows[event.row]
      if (boundary - 1 < published[0] || count === 0) expect(held).toBeUndefined()
      else {
        expect(held).toMatchObject({ value: count, snapshot: snapshotBy(boundary - 1), featureTimeMs: boundary - 1 })
        servedRows++
      }
    }
    expect(servedRows).toBeGreaterThan(100)
  })

  test('frozen: nothing from then on', async () => {
    const frozenFromMs = events[900].timeMs
    const policy = { kind: 'asynchronous', refreshDelayMs: 0 } as const
    const rows = await heldRows({ policy, frozenFromMs, slots: 1, publishedMs: published }, counting)
    let servedRows = 0
    for (const event of events.slice(900)) {
      const count = known(event, frozenFromMs)
      expect(rows[event.row][0]?.value ?? 0).toBe(count)
      if (count < known(event, event.timeMs)) servedRows++
    }
    expect(servedRows).toBeGreaterThan(100)
  })

  test('and events that do not reach the states are not known', async () => {
    const ingests = (event: LogEvent) => event.values[2] !== 'd0'
    const options = { policy: { kind: 'synchronous' }, slots: 1, publishedMs: published, ingests } as const
    const rows = await heldRows(options, counting)
    for (const event of events.slice(400)) {
      if (event.timeMs > published[0]) expect(rows[event.row][0]?.value ?? 0).toBe(known(event, event.timeMs, ingests))
    }
  })
})

test('of users that are not served nothing is held and nothing counted', async () => {
  const policy = { kind: 'asynchronous', refreshDelayMs: 0 } as const
  const serves = (user: string) => user.endsWith('1')
  const options = { space, log, policy, slots: 1, publishedMs: published }
  const [some, all] = [new AsOfReplay({ ...options, serves }, counting), new AsOfReplay(options, counting)]
  const rows = async (replay: AsOfReplay<number>) => {
    const held: (readonly Capture<number>[])[] = []
    for await (const block of replay.blocks()) held.push(...block.held)
    return held
  }
  const [own, whole] = [await rows(some), await rows(all)]
  for (const { user, row } of events) expect(own[row]).toEqual(serves(user) ? whole[row] : [])
  const users = new Set(events.map(({ user }) => user))
  expect([some.users, all.users]).toEqual([[...users].filter(serves).length, users.size])
  expect(some.encodes).toBeGreaterThan(0)
  expect(some.encodes).toBeLessThan(all.encodes)
})

test('a later snapshot takes the place of its own vector and keeps those before', async () => {
  const policy = { kind: 'asynchronous', refreshDelayMs: 0 } as const
  const rows = await heldRows({ policy, slots: 2, publishedMs: published }, counting)
  expect(rows.some((held) => held.length === 2)).toBe(true)
  for (const held of rows) {
    const snapshots = held.map(({ snapshot }) => snapshot)
    expect(new Set(snapshots).size).toBe(held.length)
    expect(snapshots).toEqual([...snapshots].sort((a, b) => b - a))
  }
})

describe('a row that would be served what was not known strictly before it ends the run', () => {
  const [user, before] = [events[599].user, events.slice(0, 600)]
  const again = { ...events[599], row: 600 }
  /** The log goes on with an event of the last one's user that comes too early. */
  const replayed = async (timeMs: number, publishedMs: number) => {
    const options = {
      policy: { kind: 'asynchronous', refreshDelayMs: 1000 },
      slots: 1,
      publishedMs: [publishedMs],
    } as const
    const replay = new AsOfReplay<Float32Array>(
      { space, log: memoryLog(smallSchema, [...before, { ...again, timeMs }]), ...options },
      randomSource(1, 4),
    )
    for await (const { held } of replay.blocks()) expect(held.length).toBeGreaterThan(0)
  }
  // What the last event's row was served: features of the user's event before it, once its refresh had landed.
  const previous = before.slice(0, 599).findLast((event) => event.user === user)!
  const featuresMs = previous.timeMs + 1000
  const publishedMs = events[100].timeMs

  test.each([
    ['as soon as its features', featuresMs],
    ['before its features', featuresMs - 1],
    ['before the snapshot’s data, too', publishedMs - 1],
  ])('where it comes %s', async (_, timeMs) => {
    expect(publishedMs).toBeLessThan(featuresMs - 1)
    const run = replayed(timeMs, publishedMs)
    await expect(run).rejects.toThrow(AsOfError)
    await expect(run).rejects.toThrow(
      `row 600: features of ${featuresMs}, data up to ${publishedMs} are not strictly before ${timeMs}`,
    )
  })

  test('and not where it comes a moment later', async () => {
    await replayed(featuresMs + 1, publishedMs)
  })
})
