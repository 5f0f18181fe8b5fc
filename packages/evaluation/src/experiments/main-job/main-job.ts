/** The main job: a log goes in, served embeddings come out, and downstream models tell what they are worth. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '@headwater/datasets'
import { compileFeatures } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { mean } from '@headwater/statistics'
import type { DriftRound } from '../../geometry/drift.ts'
import { type Stages, TimedStages } from '../../progress/stages.ts'
import { servedModels, serveLiveTraffic, type TrafficSummary } from '../../replay/live-traffic.ts'
import { servedRows } from '../../replay/served-log.ts'
import { measureByWallClock } from '../../replay/wall-clock.ts'
import type { MainJobResult } from '../../report/main-job/result.ts'
import { type ArmPredictions, type ArmSource, evaluateArms } from './arms.ts'
import { lookAhead } from './look-ahead.ts'
import { bootstrapDraws, scoreArms } from './scores.ts'
import { defaultSettings, type MainJobSettings, publicationRows } from './settings.ts'

export interface MainJobOptions {
  readonly device: GpuDevice
  readonly log: Log
  /** Where the rows came from, in words. */
  readonly source: string
  /** Empty; a directory for each seed is made in it. */
  readonly directory: string
  readonly seeds: readonly number[]
  readonly settings?: MainJobSettings
  readonly stages: Stages
  readonly signal?: AbortSignal | undefined
  /** What the report says of where it came from. */
  readonly about: Pick<MainJobResult, 'version' | 'commit' | 'command' | 'startedAt'>
}

const suspiciousAuc = 0.81

/** Where each arm finds its vector among the served models `sum`, `untrained`, `random`. */
const armSources: readonly ArmSource[] = [
  { arm: 'without', pick: null },
  { arm: 'with', pick: ([sum]) => ({ vector: sum.pooled, about: sum }) },
  { arm: 'latest', pick: ([sum]) => ({ vector: sum.latest!, about: sum }) },
  { arm: 'random', pick: ([, , random]) => ({ vector: random.pooled, about: random }) },
  { arm: 'untrained', pick: ([, untrained]) => ({ vector: untrained.pooled, about: untrained }) },
]

/** @throws UnfitLogError, AsOfError, and what log, store and device throw. Whatever it wrote stays in `directory`. */
export async function runMainJob(options: MainJobOptions): Promise<MainJobResult> {
  const { device, log, directory, seeds, settings = defaultSettings, signal, about } = options
  const space = compileFeatures(log.schema)
  const published = publicationRows(log.rows, settings)
  const recent = await lookAhead(log, space, published[0])
  const stages = new TimedStages(options.stages)
  const { embeddings } = settings.config
  const dim = embeddings.count * embeddings.width
  const runs: { seed: number; predictions: ArmPredictions; traffic: TrafficSummary }[] = []
  const timings: Pick<MainJobResult, 'read' | 'freshness'>[] = []
  for (const seed of seeds) {
    const seedDirectory = join(directory, `seed-${seed}`)
    mkdirSync(seedDirectory, { recursive: true })
    const traffic = await serveLiveTraffic({
      device,
      space,
      log,
      directory: seedDirectory,
      settings,
      publicationRows: published,
      seed,
      stages,
      signal,
    })
    timings.push(
      await measureByWallClock({
        device,
        space,
        storePath: join(seedDirectory, 'store'),
        snapshotDirectory: traffic.lastSnapshotDirectory,
        recent,
        settings,
        stages,
        signal,
      }),
    )
    stages.begin('downstream', log.rows)
    const predictions = await evaluateArms(
      device,
      space,
      log,
      servedRows(traffic.servedLog, servedModels),
      armSources,
      { dim, seed },
      (done) => stages.advance(done),
      signal,
    )
    runs.push({ seed, predictions, traffic })
    stages.end()
  }
  stages.begin('statistics', 0)
  const scores = scoreArms(runs)
  stages.end()
  const { traffic, predictions } = runs[0]
  const drift = meanDrift(runs.map((run) => run.traffic.drift))
  const [task] = log.schema.tasks
  return {
    ...about,
    adapter: device.adapter.description || device.adapterClass,
    dataset: {
      name: log.name,
      source: options.source,
      task: task.atLeast === 1 ? task.field : `${task.field} ≥ ${task.atLeast}`,
      users: predictions.userCount,
      items: predictions.itemCount,
      firstTimeMs: log.timeRange.firstMs,
      lastTimeMs: log.timeRange.lastMs,
    },
    rows: log.rows,
    skippedRows: log.skippedRows,
    ...scores,
    snapshots: traffic.snapshotRows.length,
    snapshotRows: [...traffic.snapshotRows],
    drift,
    read: { ...meanTimings(timings.map((t) => t.read)), hitRate: mean(runs.map((run) => run.traffic.hitRate)) },
    freshness: meanTimings(timings.map((t) => t.freshness)),
    servedVectorsChecked: runs.reduce((sum, run) => sum + run.traffic.vectorsChecked, 0),
    kernelShare: device.features.has('timestamp-query') ? mean(runs.map((run) => run.traffic.kernelShare)) : null,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    seconds: stages.seconds,
    method: {
      preset: settings.preset,
      towerParameters: traffic.towerParameters,
      embeddingCount: embeddings.count,
      embeddingWidth: embeddings.width,
      pooledSnapshots: settings.pooling.count,
      refreshDelayMs: settings.refreshDelayMs,
      bootstrapDraws,
    },
    warnings: warningsOf(log, scores.auc, runs),
  }
}

function warningsOf(
  log: Log,
  auc: MainJobResult['auc'],
  runs: readonly { readonly seed: number; readonly traffic: TrafficSummary }[],
): string[] {
  const warnings: string[] = []
  const best = Math.max(...Object.values(auc))
  if (log.name.startsWith('movietweetings') && best > suspiciousAuc)
    warnings.push(`An AUC of ${best.toFixed(3)} is more than this log is known to allow: look for a leak.`)
  if (log.skippedRows > 0) warnings.push(`${log.skippedRows} bad rows were left out.`)
  for (const { seed, traffic } of runs)
    for (const { snapshot, reasons } of traffic.held)
      warnings.push(
        `Seed ${seed}: snapshot ${snapshot} was held, traffic went on with the one before. ${reasons.join(' ')}`,
      )
  return warnings
}

function meanDrift(bySeed: readonly (readonly DriftRound[])[]): MainJobResult['drift'] {
  const byRound = bySeed[0].map((round, i) => ({
    ...round,
    cosine: mean(bySeed.map((rounds) => rounds[i].cosine)),
    relativeL2: mean(bySeed.map((rounds) => rounds[i].relativeL2)),
  }))
  if (byRound.length === 0) return { cosine: null, relativeL2: null, byRound }
  return {
    cosine: mean(byRound.map((round) => round.cosine)),
    relativeL2: mean(byRound.map((round) => round.relativeL2)),
    byRound,
  }
}

type Figures = Record<string, number> & { quantiles: Record<string, number>[] }

/** Counts are summed, everything else is averaged over seeds. */
function meanTimings<T extends { readonly count: number; readonly quantiles: readonly object[] }>(
  timings: readonly T[],
): T {
  const all = timings as unknown as Figures[]
  const merge = (figures: readonly Record<string, number>[]) =>
    Object.fromEntries(
      Object.keys(figures[0])
        .filter((key) => key !== 'quantiles')
        .map((key) => [key, mean(figures.map((f) => f[key])) * (key === 'count' ? figures.length : 1)]),
    )
  const quantiles = all[0].quantiles.map((_, i) => merge(all.map((t) => t.quantiles[i])))
  return { ...merge(all), quantiles } as unknown as T
}
