import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { listSnapshots, readSnapshot } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { arms, type MainJobResult } from '../report/main-job/result.ts'
import { hasNumpy, queried, recomputed } from '../testing/recomputed.ts'
import { silent, smallSettings } from '../testing/small-job.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { runMainJob } from './run-main-job.ts'

const about = { version: '0.0.0', commit: null, command: 'headwater run', startedAt: '2024-01-01T00:00:00.000Z' }
const log = memoryLog(smallSchema, smallEvents(1200, 7))
const directory = temporaryDirectory()
let device: GpuDevice

async function run(seeds: number[], into: string, stages = silent, signal?: AbortSignal): Promise<MainJobResult> {
  const options = {
    device,
    log,
    source: 'a test',
    settings: smallSettings,
    serving: smallSettings,
    about,
    stages,
    signal,
  }
  return runMainJob({ ...options, directory: into, seeds })
}

beforeAll(async () => {
  device = await requestDevice()
})

afterAll(() => device.destroy())

/** All numbers of a result, by path. */
function numbersIn(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]]
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, `${path}.${key}`))
}

describe('two runs', () => {
  let both: MainJobResult
  let alone: MainJobResult
  const begun: string[] = []

  beforeAll(async () => {
    const stages = { ...silent, begin: (stage: string) => void begun.push(stage) }
    both = await run([1, 2], directory, stages)
    alone = await run([1], temporaryDirectory())
  })

  test('give every figure, all of them finite', () => {
    expect(both).toMatchObject({
      ...about,
      adapter: expect.stringMatching(/./),
      dataset: { name: 'small', source: 'a test', task: 'stars ≥ 4', users: 40, items: 30 },
      rows: 1200,
      skippedRows: 0,
      rowsScored: 120,
      snapshots: 4,
      seeds: [1, 2],
      method: { preset: 'test', embeddingCount: 2, embeddingWidth: 8, pooledSnapshots: 3, refreshDelayMs: 180_000 },
      warnings: [],
    })
    const { firstMs, lastMs } = log.timeRange
    expect(both.dataset).toMatchObject({ firstTimeMs: firstMs, lastTimeMs: lastMs })
    for (const figures of [both.ne, both.auc, both.neInterval, both.calibration, both.ece])
      expect(Object.keys(figures)).toEqual([...arms])
    for (const { value, low, high } of [both.neGain, both.gainOverUntrained, ...Object.values(both.gainOverWithout)]) {
      expect(low).toBeLessThan(value)
      expect(value).toBeLessThan(high)
    }
    const wrong = numbersIn(both).filter(([, value]) => !Number.isFinite(value))
    expect(wrong).toEqual([])
    expect(JSON.parse(JSON.stringify(both))).toEqual(both)
  })

  test('count and time what was done', () => {
    const served = 1200 - both.snapshotRows[0]
    expect(both.servedVectorsChecked).toBe(2 * 3 * served)
    expect(alone.servedVectorsChecked).toBe(3 * served)
    expect(both.read.hitRate).toBeGreaterThan(0.9)
    expect(both.read.hitRate).toBeLessThan(1)
    expect(both.read.count).toBe(2 * smallSettings.timedReads)
    expect(both.freshness.count).toBe(2 * smallSettings.timedEvents)
    expect(both.read.p50Us).toBeLessThanOrEqual(both.read.p99Us)
    expect(both.freshness.p50Ms).toBeLessThanOrEqual(both.freshness.p99Ms)
    expect(Object.keys(both.seconds)).toEqual([...new Set(begun)])
    for (const seconds of Object.values(both.armSeconds)) expect(seconds).toBeGreaterThan(0)
    const { linear, ...downstream } = both.armSeconds
    expect(linear).toBeLessThanOrEqual(both.seconds.linear)
    expect(Object.values(downstream).reduce((sum, own) => sum + own)).toBeLessThanOrEqual(both.seconds.downstream)
    expect(both.kernelShare === null || (both.kernelShare > 0 && both.kernelShare <= 1)).toBe(true)
  })

  test('leave snapshots, store and served log of each seed', async () => {
    for (const seed of [1, 2]) {
      const own = join(directory, `seed-${seed}`)
      const snapshots = await listSnapshots(join(own, 'snapshots'))
      expect(snapshots.map((path) => basename(path))).toEqual([1, 2, 3, 4].map((n) => `snapshot-00000${n}`))
      for (const path of snapshots) await readSnapshot(path)
      for (const name of ['store', 'served', 'metrics.jsonl']) expect(existsSync(join(own, name))).toBe(true)
      expect(readdirSync(own).filter((name) => name.startsWith('.examples'))).toEqual([])
    }
  })

  test('leave predictions that have the figures of the result', async () => {
    for (const name of ['predictions.npz', 'predictions.parquet']) expect(existsSync(join(directory, name))).toBe(true)
    const found = await queried(directory, both.dataset.digest)
    for (const arm of arms) {
      expect(found[arm][0]).toBeCloseTo(both.ne[arm], 9)
      expect(found[arm][1]).toBeCloseTo(both.auc[arm], 9)
    }
    if (!hasNumpy) return
    const { stdout } = recomputed(join(directory, 'predictions.npz'), '--log', both.dataset.digest)
    const lines = stdout.split('\n').map((line) => line.split('\t'))
    const ne = new Map(lines.filter(({ length }) => length === 5).map(([arm, ...own]) => [arm, own.map(Number)]))
    for (const arm of arms) {
      const { low, high } = both.neInterval[arm]
      ;[both.ne[arm], low, high, both.auc[arm]].forEach((value, i) => {
        expect(Math.abs(ne.get(arm)![i] - value)).toBeLessThan(1e-6)
      })
    }
  })

  test('of the same seed are the same in every figure but times', () => {
    expect(both.bySeed[0]).toEqual(alone.bySeed[0])
    expect({ ne: alone.ne, auc: alone.auc }).toEqual({ ne: alone.bySeed[0].ne, auc: alone.bySeed[0].auc })
    expect(both.snapshotRows).toEqual(alone.snapshotRows)
    expect(alone.seedSd).toBeNull()
  })

  test('of two seeds differ where a seed matters, and are averaged', () => {
    const [one, two] = both.bySeed
    // Nothing is drawn in the linear model.
    expect(one.ne.linear).toBe(two.ne.linear)
    for (const arm of arms.filter((own) => own !== 'linear')) {
      expect(one.ne[arm]).not.toBe(two.ne[arm])
      expect(both.ne[arm]).toBeCloseTo((one.ne[arm] + two.ne[arm]) / 2, 12)
      expect(both.auc[arm]).toBeCloseTo((one.auc[arm] + two.auc[arm]) / 2, 12)
      expect(both.seedSd!.ne[arm]).toBeCloseTo(Math.abs(one.ne[arm] - two.ne[arm]) / Math.SQRT2, 12)
    }
    expect(both.drift.byRound.map(({ fromSnapshot, toSnapshot }) => [fromSnapshot, toSnapshot])).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
    ])
    expect(both.drift.residual).not.toBe(alone.drift.residual)
    for (const { users, residual, centredCosine, varianceKept, effectiveRank } of alone.drift.byRound) {
      expect(users).toBe(smallSettings.panelUsers)
      // Warm starts move the vectors, and not far.
      expect(centredCosine).toBeGreaterThan(0.5)
      expect(centredCosine).toBeLessThan(1)
      expect(residual).toBeGreaterThan(0)
      expect(varianceKept).toBeGreaterThan(0.5)
      expect(effectiveRank).toBeGreaterThan(1)
      expect(effectiveRank).toBeLessThan(16)
    }
  })
})

test.each(['train', 'publish', 'wall clock', 'downstream'])(
  'an abort in stage "%s" ends the run with its reason, and leaves whole snapshots only',
  async (stage) => {
    const into = temporaryDirectory()
    const temporary = temporaryDirectory()
    vi.stubEnv('TMPDIR', temporary)
    onTestFinished(() => void vi.unstubAllEnvs())
    const controller = new AbortController()
    const reason = new Error('enough')
    let open = 0
    const stages = {
      begin: (name: string) => {
        open++
        if (name === stage) controller.abort(reason)
      },
      advance() {},
      end: () => void open--,
    }
    await expect(run([3], into, stages, controller.signal)).rejects.toBe(reason)
    // The stage that broke off is not reported as done.
    expect(open).toBe(1)
    for (const path of await listSnapshots(join(into, 'seed-3', 'snapshots'))) await readSnapshot(path)
    expect(readdirSync(join(into, 'seed-3')).filter((name) => name.startsWith('.examples'))).toEqual([])
    expect(readdirSync(temporary)).toEqual([])
  },
)
