/** An arm whose downstream models are given a source's vectors as a serving policy has them. */
import { join } from 'node:path'
import type { FeatureSpace, LogEvent } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { readSnapshot } from '@headwater/snapshot'
import { type DownstreamSpec, type ModelName, rowSelector, userSelector } from '../../downstream/family.ts'
import { addToEach, ProgressiveRun } from '../../downstream/progressive-run.ts'
import { type Served, usualFlags } from '../../downstream/rows.ts'
import type { TriedSettings } from '../../downstream/tried-model.ts'
import { AsOfReplay } from '../../replay/as-of-replay.ts'
import {
  type EmbeddingSource,
  featureSource,
  fixedTowerSource,
  flagSource,
  randomSource,
  towerSource,
} from '../../replay/embedding-source.ts'
import { type Averaging, pooled } from '../../replay/pooled.ts'
import { type AlternativePlan, ownModel } from '../../representations/alternative.ts'
import { LearnedSource } from '../../representations/learned-source.ts'
import { ExperimentError } from '../log/experiment-error.ts'
import { halvedBy, judgedFrom, type LabLog, specOf } from '../log/lab-log.ts'
import { type Publication, type Upstream, type UpstreamPlan, upstreamEvents } from '../upstream/upstream.ts'
import { labOf } from '../upstream/variant.ts'
import { type Arm, armOf, floatColumns, type ServedArmPlan } from './arm.ts'

/**
 * - `none`: nothing is served, and the model has no flags
 * - `flags`: whether something would be served, and how old it would be
 * - `random`: a fixed random vector a user
 * - `untrained`: the same tower before training
 * - `features`: the tower's dense input features, from the first row on
 * - `tower`: the published vectors; `raw`: the same towers without having been lined up
 * - `learned`: what the arm's alternative to a tower hands on
 */
type SourceName = 'none' | 'flags' | 'random' | 'untrained' | 'features' | 'tower' | 'raw' | 'learned'

/** One use of what is served, among several of one replay. */
export interface Setup {
  /** Empty where there is but one. */
  readonly name: string
  readonly averaging: Averaging
  readonly deployment: Deployment
  /**
   * Settings that the models are tried with, the usual ones first: for each model those count that are best before the kept rows.
   * Columns of `usualSetup` and `splitSetup` have two other predictions, `judgedName` and `chosenName` how it was chosen. Absent: the usual
   * settings alone.
   */
  readonly tries?: readonly TriedSettings[]
}

/**
 * What training came to when the models predict with it: after every step; at every so-manieth publication; or once, when
 * the rows begin whose predictions are kept, as by a split of the log in time.
 */
export type Deployment =
  | { readonly kind: 'every-step' }
  | { readonly kind: 'publications'; readonly every: number }
  | { readonly kind: 'once' }

/** The latest vector alone, to models that are always up to date. */
export const latestAlone: Setup = {
  name: '',
  averaging: { weights: [1], maxLagMs: 0 },
  deployment: { kind: 'every-step' },
}

export interface DownstreamArmPlan extends ServedArmPlan {
  readonly seed: number
  readonly source: SourceName
  readonly setups: readonly Setup[]
  readonly models: readonly ModelName[]
  readonly upstream: UpstreamPlan
  /** Embeddings are computed and held of the users alone whose rows the models may be given. Absent: of all users. */
  readonly forOwnUsers?: true
  /**
   * Of a tower with a memory: what its coefficients meet in the ranking model, item vectors of the snapshot that made them, of one some
   * publications before, or vectors of the model's own. Absent: nothing but what the model learns of vectors and items.
   */
  readonly meets?: 'own' | { readonly behind: number }
  /** In the tower's or the models' place. */
  readonly alternative?: AlternativePlan
  /**
   * Predictions are kept from the middle publication on, of one model: half of the publications are there to be trained by.
   * Columns `label`, `user`, a number, and `publication`, that of the last one before the row, tell of the model's rows behind it.
   * Absent: those of the test window.
   */
  readonly keptFrom?: 'middle-publication'
  /** In the upstream's place: snapshots that were imported. Absent: the upstream's. */
  readonly imported?: ImportedSnapshots
  /** No snapshot is served from the middle publication on that was not before: features alone go on. Absent: each one is. */
  readonly keepsTower?: true
}

/** Snapshots of a model, and where along the log they are served. */
export interface ImportedSnapshots {
  readonly directory: string
  /** Of a snapshot the name in the directory. */
  readonly publications: readonly Publication[]
  /** Of the snapshots, by which other ones of the same names are told apart. */
  readonly digests: readonly string[]
}

/** Column of a setup's predictions by a model. */
export function setupColumn(setup: string, model: string): string {
  return setup === '' ? model : `${setup} ${model}`
}

/** Of a model's choices, the rank of what was taken: a name of a model in `setupColumn`. */
export const ranksName = (model: string): string => `ranks ${model}`

/** Where a setup's predictions are those of the best settings: the model's predictions with the usual ones. */
export const usualSetup = 'usual'
/** There, too: predictions by the best settings of the model as it was when the kept rows began. */
export const splitSetup = 'split'

/** Figure: mean log loss of a model with settings that were tried, on the rows that settings are chosen by. */
export const judgedName = (tried: string, model: string): string => `judgedLoss ${tried} ${model}`

/** Figure: which of the settings that were tried are the model's, by place. */
export const chosenName = (model: string): string => `chosen ${model}`

export function downstreamArm(plan: DownstreamArmPlan): Arm {
  const { title, seed, upstream } = plan
  return armOf('downstream', plan, async ({ device, lab: whole, stages, signal }, trained) => {
    const lab = labOf(whole, upstream.variant)
    const { space, log, test } = lab
    const { publications } = plan.imported ?? trained!
    const { learned, model } = plan.alternative ?? {}
    const middle = publications.length >> 1
    const keptFrom = plan.keptFrom ? publications[middle].row : test.fromRow
    const inUse = plan.keepsTower ? publications.slice(0, middle) : publications
    // Features wait for no snapshot.
    const publishedMs = plan.source === 'features' ? [log.timeRange.firstMs - 1] : inUse.map((own) => own.publishedMs)
    const source = learned
      ? new LearnedSource(space, learned, publishedMs, lab.users, seed)
      : await openSource(device, space, plan, trained!)
    const specs = plan.models.map((model) => specOf(lab, model))
    const own = specs.map(({ rows }) => userSelector(rows))
    const runs: { readonly spec: DownstreamSpec; readonly setup: Setup; readonly run: ProgressiveRun }[] = []
    const flags = plan.source === 'none' ? [] : usualFlags
    const { meeting, vectorOf } = meetingOf(plan, source)
    const shared = {
      ...{ device, space, dim: source.dim, flags, seed, keptFrom, judgedFrom: judgedFrom(lab) },
      ...(meeting && { meeting }),
    }
    const halved = halvedBy(lab)
    stages.begin(title, log.rows)
    try {
      for (const spec of specs)
        for (const setup of plan.setups) {
          const tries = setup.tries?.filter(({ ranking }) => ranking === undefined || spec.shape === 'dlrm')
          const deployedAt = deployments(setup.deployment, publications, keptFrom)
          const run = new ProgressiveRun({
            ...shared,
            spec,
            ...(model && { model: () => ownModel(space, model, seed) }),
            ...(deployedAt && { deployedAt }),
            ...(tries && { tries, ...(halved && { halvedBy: halved }) }),
          })
          runs.push({ spec, setup, run })
        }
      const frames = plan.source === 'tower' ? publications.map(({ frame }) => frame) : null
      const replay = new AsOfReplay<Float32Array>(
        {
          space,
          log,
          policy: plan.policy,
          ...(plan.frozen && { frozenFromMs: test.fromMs }),
          slots: Math.max(...plan.setups.map(({ averaging }) => averaging.weights.length)),
          publishedMs,
          ingests: upstreamEvents(lab, upstream),
          ...(plan.forOwnUsers && { serves: (user: string) => own.some((selects) => selects(user)) }),
          countedFromMs: test.fromMs,
          chosen: test.chosen,
          signal,
        },
        source,
      )
      const averagings = [...new Set(plan.setups.map(({ averaging }) => averaging))]
      const about = plan.keptFrom && keptRows(lab, specs[0], publications, keptFrom)
      const tally = { served: 0, ageMs: 0 }
      for await (const block of replay.blocks()) {
        const served = new Map(
          averagings.map((averaging) => [
            averaging,
            block.held.map((held, row): Served | null => {
              if (held.length === 0) return null
              const ageMs = block.events[row].timeMs - held[0].featureTimeMs
              const item = vectorOf?.(held[0].snapshot, block.events[row].item)
              return { vector: pooled(held, averaging, frames), ageMs, ...(item && { item }) }
            }),
          ]),
        )
        await addToEach(
          block,
          runs.map(({ setup, run }) => [run, served.get(setup.averaging)!]),
        )
        for (const [row, event] of block.events.entries()) {
          about?.add(event)
          const [newest] = block.held[row]
          if (event.row < test.fromRow || newest === undefined) continue
          tally.served++
          tally.ageMs += event.timeMs - newest.featureTimeMs
        }
        stages.advance(block.events[block.rows - 1].row + 1)
      }
      const columns: Record<string, Float32Array> = {}
      const judged: Record<string, number> = {}
      for (const { spec, setup, run } of runs) {
        const { best, usual, split, ranks, chosen, judgedLosses } = await run.finish()
        columns[setupColumn(setup.name, spec.name)] = best
        columns[setupColumn(setup.name, ranksName(spec.name))] = Float32Array.from(ranks)
        if (setup.tries) {
          columns[setupColumn(usualSetup, spec.name)] = usual
          columns[setupColumn(splitSetup, spec.name)] = split
          judged[chosenName(spec.name)] = chosen
          for (const [tried, loss] of judgedLosses) judged[judgedName(tried, spec.name)] = loss
        } else if (run === runs[0].run && judgedLosses.has('')) judged.judgedLoss = judgedLosses.get('')!
      }
      stages.end()
      const encodes = isTower(plan.source) ? replay.encodes : 0
      return {
        columns: { ...columns, ...floatColumns(about?.columns ?? {}) },
        figures: {
          servedShare: tally.served / test.rows,
          // Where nothing was served there is no age.
          ...(tally.served > 0 && { meanAgeMs: tally.ageMs / tally.served }),
          encodesPerRow: encodes / test.rows,
          encodeFlopsPerRow: plan.imported ? 0 : (encodes * trained!.encodeFlops) / test.rows,
          trainingFlops: isTower(plan.source) && !plan.imported ? trained!.trainingFlops : 0,
          vectorWidth: source.dim,
          ...(plan.forOwnUsers && { storedUsers: replay.users }),
          ...judged,
        },
      }
    } finally {
      for (const { run } of runs) run.dispose()
      source.dispose()
    }
  })
}

/** @throws ExperimentError where the source has no item vectors to meet */
function meetingOf({ name, meets }: DownstreamArmPlan, source: EmbeddingSource | LearnedSource) {
  if (meets === undefined) return { meeting: undefined, vectorOf: undefined }
  const items = 'items' in source ? source.items : undefined
  const all = items?.filter((own) => own !== null) ?? []
  if (items === undefined || all.length < items.length)
    throw new ExperimentError(`arm "${name}"`, 'has no item vectors', 'give a tower with a memory')
  const [{ layout }] = all
  if (meets === 'own') return { meeting: { layout, vectors: 'own' as const }, vectorOf: undefined }
  const vectorOf = (snapshot: number, item: string) => all[Math.max(0, snapshot - meets.behind)].read([item])
  return { meeting: { layout, vectors: 'snapshot' as const }, vectorOf }
}

/** What the kept rows of a model are, where they are not the test window's. */
function keptRows({ space }: LabLog, spec: DownstreamSpec, publications: readonly Publication[], fromRow: number) {
  const selects = rowSelector(space, spec)
  const labels = new Uint8Array(space.tasks.length)
  const weights = new Float32Array(space.tasks.length)
  const users = new Map<string, number>()
  const columns = { label: [] as number[], user: [] as number[], publication: [] as number[] }
  const add = (event: LogEvent) => {
    if (event.row < fromRow) return
    space.labels(event, labels, weights)
    if (!selects(event, labels, weights)) return
    if (!users.has(event.user)) users.set(event.user, users.size)
    columns.label.push(labels[spec.task])
    columns.user.push(users.get(event.user)!)
    columns.publication.push(publications.filter(({ row }) => row <= event.row).length - 1)
  }
  return { columns, add }
}

const isTower = (source: SourceName) => source === 'tower' || source === 'raw'

async function openSource(
  device: GpuDevice,
  space: FeatureSpace,
  { source, seed, imported }: Pick<DownstreamArmPlan, 'source' | 'seed' | 'imported'>,
  trained: Upstream,
): Promise<EmbeddingSource> {
  const { directory, untrained } = trained
  const served = imported ?? trained
  const snapshots = served.publications.map(({ snapshot }) => join(served.directory, snapshot))
  if (source === 'tower' || source === 'raw') return towerSource(device, snapshots, source === 'tower')
  if (source === 'untrained') return fixedTowerSource(device, join(directory, untrained))
  if (source === 'features') return featureSource(space, (await readSnapshot(join(directory, untrained))).matrices)
  if (source === 'random') return randomSource(seed, randomWidth)
  return flagSource
}

/** As wide as the smallest preset's embeddings together. */
const randomWidth = 64

/** Rows at which the models are deployed; null where they are after every step. The first publication is one of them. */
function deployments(deployment: Deployment, publications: readonly Publication[], keptFrom: number): number[] | null {
  if (deployment.kind === 'every-step') return null
  if (deployment.kind === 'once') return [keptFrom]
  return publications.map(({ row }) => row).filter((_, i) => i % deployment.every === 0)
}
