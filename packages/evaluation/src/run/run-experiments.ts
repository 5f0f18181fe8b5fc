/** Runs experiments over one log: arms that were run before are found again, so that a killed run goes on where it was. */
import type { GpuDevice } from '@headwater/gpu'
import { bootstrap } from '../lab/analysis/figures.ts'
import { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Arm, ArmContext, ArmOutcome } from '../lab/arms/arm.ts'
import { LabCache } from '../lab/cache/lab-cache.ts'
import type { Experiment } from '../lab/experiment.ts'
import { checkModel, type LabLog, specOf } from '../lab/log/lab-log.ts'
import type { Window } from '../lab/log/window.ts'
import { readUpstream } from '../lab/upstream/upstream.ts'
import type { Stages } from '../progress/stages.ts'
import type { EvaluationResult, ExperimentResult } from '../report/findings.ts'
import { ArmQueue } from './arm-queue.ts'
import { ArmWorker, type SharedRun } from './arm-worker.ts'
import { distinct, type Estimate, estimate, upstreamsOf } from './estimate.ts'

export interface RunOptions {
  readonly device: GpuDevice
  readonly lab: LabLog
  readonly experiments: readonly Experiment[]
  readonly seeds: readonly number[]
  readonly quick: boolean
  /** That the lab log was opened with. */
  readonly window?: Window | undefined
  /** Where upstreams and arms are kept, and found again. */
  readonly directory: string
  readonly stages: Stages
  /** The log as other processes open it, and how many of them run arms beside this one. Default: none do. */
  readonly beside?: { readonly log: SharedRun['log']; readonly processes: number }
  /** Called for each arm that another process has run. */
  readonly onBeside?: (title: string, seconds: number) => void
  readonly signal?: AbortSignal | undefined
  /** Called before any arm is run. */
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
  const cache = LabCache.on(device, options.directory, lab)
  const context: ArmContext = { device, lab, stages, signal }
  const planned = experiments.map((experiment) => seeds.map((seed) => experiment.arms(lab, seed)))
  // Experiments share arms: one may be in several.
  const arms = distinct(planned.flat(2), (arm) => cache.hashOf(arm))
  const cached = arms.filter((arm) => cache.has(arm)).length
  options.onEstimate?.(await estimate(arms, cache, context))
  await runArms(arms, cache, context, options)
  stages.begin('statistics', 0)
  const results = experiments.map((experiment, i): ExperimentResult => {
    const byName = new Map<string, ArmOutcome[]>()
    for (const arm of planned[i].flat()) byName.set(arm.name, [...(byName.get(arm.name) ?? []), cache.find(arm)!])
    const outcomes = new Outcomes(lab, seeds, byName)
    const figuresOf = (arm: string) => Object.keys(outcomes.ofArm(arm)[0].figures)
    const { name, question, measure, rule } = experiment
    return {
      name,
      question,
      measure,
      rule,
      ...experiment.conclude(outcomes),
      ...(options.quick && { holds: null }),
      seeds,
      arms: planned[i][0].map((arm) => ({
        name: arm.name,
        title: arm.title,
        figures: Object.fromEntries(figuresOf(arm.name).map((figure) => [figure, outcomes.figure(arm.name, figure)])),
      })),
      command: options.commandOf(name),
    }
  })
  stages.end()
  const { log, settings, test } = lab
  const [first] = upstreamsOf(arms)
  const asked = experiments.flatMap((experiment) => experiment.models(lab)).map((name) => specOf(lab, name))
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
      window: options.window ?? null,
      models: distinct([...lab.family, ...asked], ({ name }) => name).map(({ name, title }) => {
        const { trained, places } = test.models[name]
        return { name, title, trained, scored: places.length }
      }),
    },
    method: {
      preset: settings.preset,
      snapshots: settings.snapshots,
      firstShare: settings.firstShare,
      refreshDelayMs: settings.refreshDelayMs,
      bootstrapDraws: bootstrap.draws,
      roundRate: settings.training.roundRates.dense,
      towerParameters: first === undefined ? null : readUpstream(cache.directoryOf(first))!.towerParameters,
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
  cache: LabCache,
  context: ArmContext,
  { beside, directory, experiments, seeds, signal, onBeside }: RunOptions,
): Promise<void> {
  const queue = new ArmQueue(arms, cache)
  // Where one fails the others stop.
  const failed = new AbortController()
  const stop = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])])
  const processes = beside ? Math.min(beside.processes, Math.max(0, queue.size - 1)) : 0
  const names = experiments.map(({ name }) => name)
  const workers = Array.from({ length: processes }, () =>
    ArmWorker.start({ log: beside!.log, experiments: names, seeds, directory }),
  )
  const endWorkers = () => {
    for (const worker of workers) worker.end()
  }
  stop.addEventListener('abort', endWorkers)
  const all = [
    queue.drain((arm) => cache.run(arm, { ...context, signal: stop }), stop),
    ...workers.map((worker) =>
      queue.drain(async (arm) => {
        const startedMs = performance.now()
        await worker.run(cache.hashOf(arm))
        onBeside?.(arm.title, (performance.now() - startedMs) / 1000)
      }, stop),
    ),
  ]
  for (const part of all) part.catch((cause) => failed.abort(cause))
  await Promise.allSettled(all)
  endWorkers()
  stop.throwIfAborted()
}
