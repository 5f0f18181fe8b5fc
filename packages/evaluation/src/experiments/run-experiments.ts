/** Runs experiments over one log: arms that were run before are found again, so that a killed run goes on where it was. */
import type { GpuDevice } from '@headwater/gpu'
import type { Stages } from '../main-job/stages.ts'
import { bootstrap } from './analysis/figures.ts'
import { Outcomes } from './analysis/outcomes.ts'
import type { Arm, ArmContext } from './arms/arm.ts'
import type { EvaluationResult, Experiment, ExperimentResult } from './experiment.ts'
import type { ArmOutcome } from './lab/arm-cache.ts'
import { ArmHelper, type SharedRun } from './lab/arm-helper.ts'
import { ArmQueue } from './lab/arm-queue.ts'
import { contentHash } from './lab/content-hash.ts'
import { type Estimate, estimate } from './lab/estimate.ts'
import { checkModel, type LabLog, specOf } from './lab/lab-log.ts'
import { plannedArms } from './lab/planned-arms.ts'
import { readUpstream, type UpstreamPlan } from './lab/upstream.ts'
import { Workshop } from './lab/workshop.ts'

export interface RunOptions {
  readonly device: GpuDevice
  readonly lab: LabLog
  readonly experiments: readonly Experiment[]
  readonly seeds: readonly number[]
  readonly quick: boolean
  /** Where upstreams and arms are kept, and found again. */
  readonly directory: string
  readonly stages: Stages
  /** The log as other processes open it, and how many of them run arms beside this one. Default: none do. */
  readonly beside?: { readonly log: SharedRun['log']; readonly processes: number }
  /** Told of an arm that another process has run. */
  readonly onBeside?: (title: string, seconds: number) => void
  readonly signal?: AbortSignal | undefined
  /** Told what is to be done before any of it is. */
  readonly onEstimate?: (estimate: Estimate) => void
  /** The command that runs one experiment again. */
  readonly commandOf: (experiment: string) => string
  readonly about: Pick<EvaluationResult, 'version' | 'commit' | 'command' | 'startedAt'>
}

/** @throws ExperimentError where an experiment cannot be run on this log, before any training */
export function checkExperiments(lab: LabLog, experiments: readonly Experiment[]): void {
  for (const experiment of experiments) {
    experiment.check?.(lab)
    for (const model of experiment.models(lab)) checkModel(lab, model)
  }
}

/** @throws ExperimentError as `checkExperiments`, and what training, replay and the device throw */
export async function runExperiments(options: RunOptions): Promise<EvaluationResult> {
  const { device, lab, experiments, seeds, signal, stages } = options
  const startedMs = performance.now()
  checkExperiments(lab, experiments)
  const workshop = Workshop.on(device, options.directory, lab)
  const context: ArmContext = { device, lab, stages, signal }
  const planned = plannedArms(experiments, lab, seeds)
  const arms = distinct(
    planned.flatMap(({ bySeed }) => bySeed.flat()),
    (arm) => workshop.hashOf(arm),
  )
  const cached = arms.filter((arm) => workshop.has(arm)).length
  const found = await estimate(arms, workshop, context, upstreamsOf)
  options.onEstimate?.(found)
  await runArms(arms, workshop, context, options)
  stages.begin('statistics', 0)
  const results = planned.map(({ experiment, bySeed }): ExperimentResult => {
    const byName = new Map<string, ArmOutcome[]>()
    for (const own of bySeed)
      for (const arm of own) byName.set(arm.name, [...(byName.get(arm.name) ?? []), workshop.find(arm)!])
    const { name, question, measure, rule } = experiment
    return {
      name,
      question,
      measure,
      rule,
      ...experiment.conclude(new Outcomes(lab, seeds, byName)),
      ...(options.quick && { holds: null }),
      seeds,
      arms: bySeed[0].map((arm) => ({
        name: arm.name,
        title: arm.title,
        figures: meanFigures(byName.get(arm.name)!),
      })),
      command: options.commandOf(name),
    }
  })
  stages.end()
  const { log, settings, test } = lab
  const first = upstreamsOf(arms)[0]
  return {
    ...options.about,
    adapter: device.adapter.description || device.adapterClass,
    quick: options.quick,
    dataset: {
      name: log.name,
      source: lab.source,
      rows: log.rows,
      users: lab.users,
      fingerprint: lab.fingerprint,
      firstTimeMs: log.timeRange.firstMs,
      lastTimeMs: log.timeRange.lastMs,
      testRows: test.rows,
      testUsers: test.userCount,
      testFromMs: test.fromMs,
      models: distinct(
        [
          ...lab.family,
          ...experiments.flatMap((experiment) => experiment.models(lab)).map((name) => specOf(lab, name)),
        ],
        ({ name }) => name,
      ).map(({ name, title }) => ({
        name,
        title,
        trained: test.models[name].trained,
        scored: test.models[name].places.length,
      })),
    },
    method: {
      preset: settings.preset,
      snapshots: settings.snapshots,
      firstShare: settings.firstShare,
      refreshDelayMs: settings.refreshDelayMs,
      bootstrapDraws: bootstrap.draws,
      roundRate: settings.training.roundRates.dense,
      towerParameters: first === undefined ? null : readUpstream(workshop.directoryOf(first))!.towerParameters,
    },
    experiments: results,
    seconds: (performance.now() - startedMs) / 1000,
    armsRun: arms.length - cached,
    armsCached: cached,
  }
}

/** Runs the arms that are left, here and in processes beside this one. */
async function runArms(
  arms: readonly Arm[],
  workshop: Workshop,
  context: ArmContext,
  { beside, directory, experiments, seeds, signal, onBeside }: RunOptions,
): Promise<void> {
  const queue = new ArmQueue(arms, workshop)
  // Where one fails the others stop.
  const failed = new AbortController()
  const stop = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])])
  const shared = () => ({ log: beside!.log, experiments: experiments.map(({ name }) => name), seeds, directory })
  const processes = Math.min(beside?.processes ?? 0, Math.max(0, queue.size - 1))
  const helpers = Array.from({ length: processes }, () => ArmHelper.start(shared()))
  stop.addEventListener('abort', () => {
    for (const helper of helpers) helper.end()
  })
  const own = queue.drain((arm) => workshop.run(arm, { ...context, signal: stop }), stop)
  const others = helpers.map((helper) =>
    queue.drain(async (arm) => {
      const startedMs = performance.now()
      await helper.run(workshop.hashOf(arm))
      onBeside?.(arm.title, (performance.now() - startedMs) / 1000)
    }, stop),
  )
  const all = [own, ...others]
  for (const part of all) part.catch((cause) => failed.abort(cause))
  await Promise.allSettled(all)
  for (const helper of helpers) helper.end()
  signal?.throwIfAborted()
  failed.signal.throwIfAborted()
}

function upstreamsOf(arms: readonly Arm[]): UpstreamPlan[] {
  return distinct(
    arms.flatMap(({ upstream }) => upstream ?? []),
    contentHash,
  )
}

function distinct<T>(values: readonly T[], keyOf: (value: T) => string): T[] {
  return [...new Map(values.map((value) => [keyOf(value), value])).values()]
}

function meanFigures(outcomes: readonly ArmOutcome[]): Record<string, number> {
  return Object.fromEntries(
    Object.keys(outcomes[0].figures).map((name) => [
      name,
      outcomes.reduce((sum, { figures }) => sum + figures[name], 0) / outcomes.length,
    ]),
  )
}
