/** The main job: a log goes in, served embeddings come out, and downstream models tell what they are worth. */
import { join } from 'node:path'
import type { Log } from '@headwater/datasets'
import type { GpuDevice } from '@headwater/gpu'
import { mean } from '@headwater/statistics'
import { mainJobExperiment, mainJobSettings, type ServingPlan, usualServing } from '../experiments/main-job/main-job.ts'
import { nameOf, scoreArms, trafficName } from '../experiments/main-job/scores.ts'
import { bootstrap } from '../lab/analysis/figures.ts'
import { Outcomes } from '../lab/analysis/outcomes.ts'
import type { ArmOutcome } from '../lab/arms/arm.ts'
import { driftMeasures, secondsName } from '../lab/arms/traffic-arm.ts'
import { readLabLog } from '../lab/log/lab-log.ts'
import type { LabSettings } from '../lab/log/settings.ts'
import type { Predictions } from '../predictions/predictions.ts'
import { writePredictions } from '../predictions/write-predictions.ts'
import { type Stages, timedStages } from '../progress/stages.ts'
import { wallClockPercents } from '../replay/wall-clock.ts'
import { arms, type MainJobResult } from '../report/main-job/result.ts'

export interface MainJobOptions {
  readonly device: GpuDevice
  readonly log: Log
  /** Where the rows came from, in words. */
  readonly source: string
  /** Empty; a directory for each seed is made in it. */
  readonly directory: string
  readonly seeds: readonly number[]
  readonly settings?: LabSettings
  readonly serving?: ServingPlan
  readonly stages: Stages
  readonly signal?: AbortSignal | undefined
  /** What the report says of where it came from. */
  readonly about: Pick<MainJobResult, 'version' | 'commit' | 'command' | 'startedAt'>
}

const suspiciousAuc = 0.81

/** @throws ExperimentError, AsOfError, and what log, store and device throw. Whatever it wrote stays in `directory`. */
export async function runMainJob(options: MainJobOptions): Promise<MainJobResult> {
  const { device, log, seeds, serving = usualServing, signal, about } = options
  const settings = withCodeVersion(options.settings ?? mainJobSettings, about)
  const stages = timedStages(options.stages)
  const lab = await readLabLog(log, options.source, settings, null, signal, false, stages)
  const experiment = mainJobExperiment(serving)
  experiment.check!(lab)
  const found: ArmOutcome[] = []
  for (const seed of seeds) {
    const [arm] = experiment.arms(lab, seed)
    // Nothing is kept and found again: it measures by the clock.
    found.push(await arm.run({ device, lab, stages, signal, directory: join(options.directory, `seed-${seed}`) }, null))
  }
  stages.begin('statistics', 0)
  const outcomes = new Outcomes(lab, seeds, new Map([[trafficName, found]]))
  const scores = scoreArms(outcomes)
  await writePredictions(options.directory, predictionsOf(outcomes))
  stages.end()
  const [task] = log.schema.tasks
  const { embeddings } = settings.config
  const figure = (name: string) => outcomes.figure(trafficName, name)
  const snapshotRows = [...found[0].columns.snapshotRows]
  return {
    ...about,
    adapter: device.adapter.description || device.adapterClass,
    dataset: {
      name: log.name,
      source: options.source,
      digest: lab.fingerprint,
      task: task.atLeast === 1 ? task.field : `${task.field} ≥ ${task.atLeast}`,
      users: lab.users,
      items: lab.items,
      firstTimeMs: log.timeRange.firstMs,
      lastTimeMs: log.timeRange.lastMs,
    },
    rows: log.rows,
    skippedRows: log.skippedRows,
    ...scores,
    snapshots: snapshotRows.length,
    snapshotRows,
    drift: driftOf(found),
    ...timingsOf(found, figure('hitRate')),
    servedVectorsChecked: total(found, 'vectorsChecked'),
    kernelShare: device.features.has('timestamp-query') ? figure('kernelShare') : null,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    seconds: stages.seconds,
    armSeconds: Object.fromEntries(
      arms.map((arm) => [arm, total(found, secondsName(arm))]),
    ) as MainJobResult['armSeconds'],
    method: {
      preset: settings.preset,
      towerParameters: found[0].figures.towerParameters,
      embeddingCount: embeddings.count,
      embeddingWidth: embeddings.width,
      pooledSnapshots: serving.pooling.count,
      refreshDelayMs: settings.refreshDelayMs,
      bootstrapDraws: bootstrap.draws,
      linearColumns: found[0].figures.linearColumns,
      linearRank: found[0].figures.linearRank ?? null,
    },
    warnings: [...warningsOf(log, scores.auc, found[0].figures), ...found.flatMap(({ warnings }) => warnings ?? [])],
  }
}

/** Snapshots name the code that trained them. */
function withCodeVersion(settings: LabSettings, { version, commit }: MainJobOptions['about']): LabSettings {
  const { training } = settings
  const codeVersion = commit === null ? version : `${version} ${commit}`
  return { ...settings, training: { ...training, publication: { ...training.publication, codeVersion } } }
}

/** What each arm predicted of the scored rows. */
function predictionsOf(outcomes: Outcomes): Predictions {
  const { log, fingerprint, test } = outcomes.lab
  const { places, labels } = outcomes.rowsOf('ranking')
  return {
    log: { name: log.name, digest: fingerprint, rows: log.rows },
    task: log.schema.tasks[0].name,
    rows: {
      row: places.map((place) => test.fromRow + place),
      user: outcomes.users('ranking'),
      item: outcomes.items('ranking'),
      userNames: test.userNames,
      itemNames: test.itemNames,
      timeMs: Float64Array.from(places, (place) => test.timesMs[place]),
      label: labels,
    },
    seeds: outcomes.seeds,
    logits: Object.fromEntries(arms.map((arm) => [arm, outcomes.logits(nameOf(arm), 'ranking')])),
  }
}

function warningsOf(log: Log, auc: MainJobResult['auc'], { linearIsSeparable }: ArmOutcome['figures']): string[] {
  const warnings = [...log.warnings]
  const best = Math.max(...Object.values(auc))
  if (log.name.startsWith('movietweetings') && best > suspiciousAuc)
    warnings.push(`An AUC of ${best.toFixed(3)} is more than this log is known to allow: look for a leak.`)
  if (log.skippedRows > 0) warnings.push(`${log.skippedRows} bad rows were left out.`)
  if (linearIsSeparable === 1)
    warnings.push(
      'The linear model errs on no row that it was fitted to: an input may tell the outcome, look for a leak.',
    )
  return warnings
}

const total = (found: readonly ArmOutcome[], name: string) => found.reduce((sum, { figures }) => sum + figures[name], 0)

/** A column, averaged over the seeds. */
const meanColumn = (found: readonly ArmOutcome[], name: string): number[] =>
  Array.from(found[0].columns[name], (_, i) => mean(found.map(({ columns }) => columns[name][i])))

function driftOf(found: readonly ArmOutcome[]): MainJobResult['drift'] {
  const [{ columns }] = found
  const measured = <Value>(value: (figures: readonly number[]) => Value) => {
    const named = driftMeasures.map((name) => [name, value(meanColumn(found, `drift ${name}`))])
    return Object.fromEntries(named) as Record<(typeof driftMeasures)[number], Value>
  }
  const byRound = Array.from(columns.driftFrom, (fromSnapshot, i) => ({
    fromSnapshot,
    toSnapshot: columns.driftTo[i],
    users: columns.driftUsers[i],
    ...measured((figures) => figures[i]),
  }))
  return {
    ...measured((figures) => (figures.length === 0 ? null : mean(figures))),
    framesOpened: mean(found.map((own) => own.columns.driftOpensFrame.reduce((sum, opens) => sum + opens, 0))),
    byRound,
  }
}

/** Counts are summed, times averaged over seeds. */
function timingsOf(found: readonly ArmOutcome[], hitRate: number): Pick<MainJobResult, 'read' | 'freshness'> {
  const [us, ms] = ['readUs', 'freshnessMs'].map((name) => meanColumn(found, name))
  const [at50, at99] = [50, 99].map((percent) => wallClockPercents.indexOf(percent))
  return {
    read: {
      count: total(found, 'timedReads'),
      p50Us: us[at50],
      p99Us: us[at99],
      hitRate,
      quantiles: wallClockPercents.map((percent, i) => ({ percent, us: us[i] })),
    },
    freshness: {
      count: total(found, 'timedEvents'),
      p50Ms: ms[at50],
      p99Ms: ms[at99],
      quantiles: wallClockPercents.map((percent, i) => ({ percent, ms: ms[i] })),
    },
  }
}
