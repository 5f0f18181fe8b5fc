/**
 * What was served, against a recomputation from the log alone. Shape letters: D width of a vector.
 * The rules are written down anew: when a refresh lands, what it knows, and by which snapshot it is computed.
 */
import { basename, join } from 'node:path'
import { floatToHalf } from '@headwater/binary16'
import { compileFeatures, groupsByTime, type LogEvent, Replay } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { servedStatus } from '@headwater/pooling'
import { loadTower, type ServedTower } from '@headwater/runtime'
import { listSnapshots, type SnapshotManifest, servedSnapshot } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import type { GateOptions } from '@headwater/training'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publicationRows } from '../lab/log/settings.ts'
import { silent, smallSettings } from '../testing/small-job.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { NothingServedError, servedModels, serveLiveTraffic, type TrafficSummary } from './live-traffic.ts'
import { type ServedRow, servedRows } from './served-log.ts'

const space = compileFeatures(smallSchema)
const events = smallEvents(1200, 5)
const groups = [...groupsByTime(events)]
const { refreshDelayMs, pooling, config } = smallSettings
const dim = config.embeddings.count * config.embeddings.width

const directory = temporaryDirectory()
let device: GpuDevice
let summary: TrafficSummary
let rows: ServedRow[]
let towers: ServedTower[]
let untrained: ServedTower
let manifests: SnapshotManifest[]

beforeAll(async () => {
  device = await requestDevice()
  const log = memoryLog(smallSchema, events)
  summary = await serveLiveTraffic({
    device,
    space,
    log,
    directory,
    settings: smallSettings,
    publicationRows: publicationRows(log.rows, smallSettings),
    seed: 1,
    stages: silent,
  })
  rows = []
  for await (const row of servedRows(summary.servedLog, servedModels)) rows.push(row)
  const load = async (model: string) =>
    Promise.all((await listSnapshots(join(directory, model))).map((path) => loadTower(path, { device })))
  towers = await load('snapshots')
  untrained = (await load('untrained'))[0]
  manifests = towers.map(({ manifest }) => manifest)
})

afterAll(() => {
  for (const tower of [...towers, untrained]) tower.dispose()
  device.destroy()
})

/** A refresh of a user that lands, with the features as of then. */
interface Landing {
  readonly user: string
  readonly atMs: number
  /** Number of snapshots that were published by then. */
  readonly snapshot: number
}

/** Time of the last event before each publication. */
function publicationTimes(): number[] {
  return summary.snapshotRows.map((row) => events[row - 1].timeMs)
}

/** Every refresh that lands, from the users' event times alone. */
function landings(): Landing[] {
  const publishedMs = publicationTimes()
  const snapshotAt = (atMs: number) => publishedMs.filter((ms) => ms <= atMs).length
  const all: Landing[] = []
  for (const user of new Set(events.map((event) => event.user))) {
    const times = events.filter((event) => event.user === user).map(({ timeMs }) => timeMs)
    if (times[0] <= publishedMs[0]) all.push({ user, atMs: publishedMs[0], snapshot: 1 })
    let landsMs = Number.NEGATIVE_INFINITY
    for (const timeMs of times) {
      // An event before the last refresh landed, or just then, is news that it brings along.
      if (timeMs <= landsMs) continue
      landsMs = timeMs + refreshDelayMs
      if (snapshotAt(landsMs) > 0) all.push({ user, atMs: landsMs, snapshot: snapshotAt(landsMs) })
    }
  }
  return all.sort((a, b) => a.atMs - b.atMs)
}

/** States of users after all events up to a time, itself included. */
function statesAt(wanted: readonly Landing[]): Uint8Array[] {
  const replay = new Replay(space)
  const states: Uint8Array[] = []
  for (const group of groups) {
    while (states.length < wanted.length && wanted[states.length].atMs < group[0].timeMs)
      states.push(replay.userState(wanted[states.length].user).slice())
    replay.ingest(group)
  }
  while (states.length < wanted.length) states.push(replay.userState(wanted[states.length].user).slice())
  return states
}

async function encode(tower: ServedTower, states: readonly Uint8Array[], timesMs: readonly number[]) {
  const batch = space.allocate('user', 64)
  const vectors: Float32Array[] = []
  for (let from = 0; from < states.length; from += 64) {
    const part = states.slice(from, from + 64)
    for (const [i, state] of part.entries()) space.encodeUser(batch, i, state, timesMs[from + i])
    const flat = await tower.encode({ ...batch, rows: part.length })
    for (let i = 0; i < part.length; i++) vectors.push(flat.slice(i * dim, (i + 1) * dim))
  }
  return vectors
}

/** Vectors of all landings by the towers that `towerOf` names. */
async function vectorsOf(
  all: readonly Landing[],
  states: readonly Uint8Array[],
  towerOf: (landing: Landing) => ServedTower,
) {
  const vectors: Float32Array[] = new Array(all.length)
  for (const tower of new Set(all.map(towerOf))) {
    const mine = all.flatMap((landing, i) => (towerOf(landing) === tower ? [i] : []))
    const encoded = await encode(
      tower,
      mine.map((i) => states[i]),
      mine.map((i) => all[i].atMs),
    )
    for (const [k, i] of mine.entries()) vectors[i] = encoded[k]
  }
  return vectors
}

/** Half precision keeps 11 bits; a pooled vector is rounded twice, and its parts may be far larger than their mean. */
function expectClose(actual: Float32Array, expected: ArrayLike<number>, what: string): void {
  for (let d = 0; d < dim; d++)
    if (!(Math.abs(actual[d] - expected[d]) <= Math.abs(expected[d]) * 2 ** -10 + 2 ** -10))
      expect.fail(`${what}: value ${d} is ${actual[d]}, not ${expected[d]}`)
}

test('every row behind the first publication is served, and what is served is strictly older', () => {
  const [first] = summary.snapshotRows
  const served = rows.map(({ user, timeMs }) => ({ user, timeMs }))
  expect(served).toEqual(events.slice(first).map(({ user, timeMs }) => ({ user, timeMs })))
  expect(summary.vectorsChecked).toBe(rows.length * 3)
  for (const { timeMs, models } of rows) {
    for (const [m, { status, snapshot, featureTimeMs, ageMs }] of models.entries()) {
      if (status === servedStatus.default) continue
      expect(featureTimeMs).toBeLessThan(timeMs)
      expect(ageMs).toBe(timeMs - featureTimeMs)
      if (m === 0) expect(manifests[snapshot - 1].dataCutoffMs).toBeLessThan(timeMs)
    }
  }
  const hits = rows.filter(({ models }) => models[0].status !== servedStatus.default).length
  expect(summary.hitRate).toBe(hits / rows.length)
})

test('a snapshot a round, numbered in order, that knows the log up to its publication', async () => {
  expect(manifests.map(({ snapshot }) => snapshot)).toEqual([1, 2, 3, 4])
  expect((await listSnapshots(join(directory, 'snapshots'))).map((path) => basename(path))).toEqual(
    [1, 2, 3, 4].map((n) => `snapshot-00000${n}`),
  )
  // All rows of the log but the last tenth of those that the round brought.
  expect(manifests.map(({ trainedRows }) => trainedRows)).toEqual(
    summary.snapshotRows.map((row, i) => row - Math.floor((row - (summary.snapshotRows[i - 1] ?? 0)) / 10)),
  )
  expect(manifests.map(({ dataCutoffMs }) => dataCutoffMs)).toEqual(publicationTimes())
  for (const [i, row] of summary.snapshotRows.entries()) {
    // The first group of equal time behind the share of the round.
    const share = Math.round(events.length * (0.6 + 0.1 * i))
    expect(row).toBe(groups.find((group) => group[0].row >= share)![0].row)
    expect(events[row].timeMs).toBeGreaterThan(events[row - 1].timeMs)
  }
})

test('served vectors are those of the features that had landed, by the snapshots of that time', async () => {
  const all = landings()
  const states = statesAt(all)
  const trained = await vectorsOf(all, states, ({ snapshot }) => towers[snapshot - 1])
  const plain = await vectorsOf(all, states, () => untrained)
  let averaged = 0
  let unknown = 0
  for (const { user, timeMs, models } of rows) {
    const landed = all.flatMap((landing, i) => (landing.user === user && landing.atMs < timeMs ? [i] : []))
    const [sum, control] = models
    if (landed.length === 0) {
      unknown++
      for (const model of models) expect(model).toMatchObject({ status: servedStatus.default, snapshot: 0 })
      expect(sum.pooled.every((x) => x === 0)).toBe(true)
      continue
    }
    const newest = all[landed[landed.length - 1]]
    expect(sum).toMatchObject({ status: servedStatus.fresh, snapshot: newest.snapshot, featureTimeMs: newest.atMs })
    expect(control).toMatchObject({ status: servedStatus.fresh, snapshot: 1, featureTimeMs: newest.atMs })
    // One vector a snapshot, the last to land; those of the newest snapshots that are not far behind are averaged.
    const bySnapshot = new Map(landed.map((i) => [all[i].snapshot, i]))
    const slots = [...bySnapshot.values()].reverse().slice(0, pooling.count)
    const near = slots.filter((i) => newest.atMs - all[i].atMs <= pooling.maxLagMs)
    if (near.length > 1) averaged++
    const mean = Array.from({ length: dim }, (_, d) => near.reduce((s, i) => s + trained[i][d] / near.length, 0))
    expectClose(sum.pooled, mean, `${user} at ${timeMs}, pooled`)
    expectClose(sum.latest!, trained[landed[landed.length - 1]], `${user} at ${timeMs}, latest`)
    expectClose(control.pooled, plain[landed[landed.length - 1]], `${user} at ${timeMs}, untrained`)
  }
  expect(averaged).toBeGreaterThan(rows.length / 4)
  expect(unknown).toBeGreaterThan(0)
})

test('vectors packed into halves on the device have the bits that the store would keep of them', async () => {
  const states = statesAt(landings().slice(0, 100))
  const batch = space.allocate('user', states.length)
  for (const [i, state] of states.entries()) space.encodeUser(batch, i, state, events[events.length - 1].timeMs)
  for (const tower of [...towers, untrained])
    expect(await tower.encodeHalf(batch)).toEqual(Uint16Array.from(await tower.encode(batch), floatToHalf))
})

test('the comparison would see one event too many or too few', async () => {
  const replay = new Replay(space)
  const before: Uint8Array[] = []
  const after: Uint8Array[] = []
  const some: LogEvent[] = events.slice(600, 700)
  for (const event of events) {
    if (some.includes(event)) before.push(replay.userState(event.user).slice())
    replay.ingest([event])
    if (some.includes(event)) after.push(replay.userState(event.user).slice())
  }
  const times = some.map(({ timeMs }) => timeMs)
  const [a, b] = [await encode(towers[0], before, times), await encode(towers[0], after, times)]
  const seen = a.filter((vector, i) => vector.some((x, d) => Math.abs(x - b[i][d]) > Math.abs(x) * 2 ** -9 + 2 ** -11))
  expect(seen.length).toBe(some.length)
})

test('the random control is one standard normal vector a user', () => {
  const byUser = new Map<string, Float32Array>()
  for (const { user, models } of rows) {
    const { status, pooled } = models[2]
    if (status === servedStatus.default) continue
    expect(pooled).toEqual(byUser.get(user) ?? pooled)
    byUser.set(user, pooled)
  }
  const values = [...byUser.values()].flatMap((vector) => [...vector])
  const meanOf = (x: readonly number[]) => x.reduce((a, b) => a + b, 0) / x.length
  const fiveErrors = 5 / Math.sqrt(values.length)
  expect(new Set(values).size).toBeGreaterThan(0.95 * values.length)
  expect(Math.abs(meanOf(values))).toBeLessThan(fiveErrors)
  expect(Math.abs(meanOf(values.map((x) => x * x)) - 1)).toBeLessThan(fiveErrors * Math.SQRT2)
})

/** Traffic under a gate with other bounds, in a directory of its own. */
async function trafficUnder(bounds: Partial<GateOptions>, into: string): Promise<TrafficSummary> {
  const { publication } = smallSettings.training
  const gate = { ...publication.gate, ...bounds }
  const training = { ...smallSettings.training, publication: { ...publication, gate } }
  const settings = { ...smallSettings, training }
  const log = memoryLog(smallSchema, events)
  return serveLiveTraffic({
    device,
    space,
    log,
    directory: into,
    settings,
    publicationRows: publicationRows(log.rows, settings),
    seed: 1,
    stages: silent,
  })
}

test('where the gate holds a snapshot, traffic goes on with the one before', async () => {
  const into = temporaryDirectory()
  // Every warm start moves vectors a little, so only the first snapshot passes.
  const { held, snapshotRows, lastSnapshotDirectory, servedLog, drift } = await trafficUnder({ maxResidual: 0 }, into)
  expect(held.map(({ snapshot }) => snapshot)).toEqual([2, 3, 4])
  for (const { reasons } of held)
    expect(reasons).toEqual([expect.stringMatching(/^Panel residual is 0\.\d+ over \d+ users/)])
  expect(snapshotRows).toEqual(summary.snapshotRows.slice(0, 1))
  expect(drift).toEqual([])
  expect(basename(lastSnapshotDirectory)).toBe('snapshot-000001')
  expect(await servedSnapshot(join(into, 'snapshots'))).toBe(1)
  expect(await listSnapshots(join(into, 'snapshots'))).toHaveLength(4)
  const served = new Set<number>()
  for await (const { models } of servedRows(servedLog, servedModels)) served.add(models[0].snapshot)
  expect([...served].sort()).toEqual([0, 1])
})

test('where the gate holds every snapshot, the traffic fails with the reasons', async () => {
  // Predictions never sum to exactly what happened.
  const traffic = trafficUnder({ maxCalibrationRatio: 1, standardErrors: 0, minRows: 1 }, temporaryDirectory())
  await expect(traffic).rejects.toThrow(NothingServedError)
  await expect(traffic).rejects.toThrow(/snapshot 1: Task \w+: predictions sum to/)
})
