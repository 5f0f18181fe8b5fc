/** An arm whose downstream models are given a source's vectors as a serving policy has them. */
import { join } from 'node:path'
import { floatToHalf, halfToFloat } from '@headwater/binary16'
import type { FeatureSpace } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { readSnapshot } from '@headwater/snapshot'
import { type DownstreamSpec, type ModelName, userSelector } from '../../downstream/family.ts'
import { ProgressiveRun } from '../../downstream/progressive-run.ts'
import { AsOfReplay, type Capture } from '../../replay/as-of-replay.ts'
import {
  type EmbeddingSource,
  featureSource,
  fixedTowerSource,
  flagSource,
  randomSource,
  towerSource,
} from '../../replay/embedding-source.ts'
import type { ServingPolicy } from '../../replay/serving-policy.ts'
import { type AlternativePlan, ownModel } from '../../representations/alternative.ts'
import { LearnedSource } from '../../representations/learned-source.ts'
import { judgedFrom, specOf } from '../log/lab-log.ts'
import { type Publication, type Upstream, type UpstreamPlan, upstreamEvents } from '../upstream/upstream.ts'
import { labOf } from '../upstream/variant.ts'
import type { Arm } from './arm.ts'

/**
 * - `none`: nothing is served, and the model has no flags
 * - `flags`: whether something would be served, and how old it would be
 * - `random`: a fixed random vector a user
 * - `untrained`: the same tower before training
 * - `features`: the tower's dense input features
 * - `tower`: the published vectors; `raw`: the same towers without having been lined up
 * - `learned`: what the arm's alternative to a tower hands on
 */
export type SourceName = 'none' | 'flags' | 'random' | 'untrained' | 'features' | 'tower' | 'raw' | 'learned'

/** How the vectors of several snapshots become one. */
export interface Averaging {
  /** What they weigh, the newest first; their number is that of the snapshots averaged. */
  readonly weights: readonly number[]
  /** Vectors whose features lie further behind the newest one's are left out. */
  readonly maxLagMs: number
}

/** One use of what is served, among several of one replay. */
export interface Lane {
  /** Empty where there is but one. */
  readonly name: string
  readonly averaging: Averaging
  readonly deployment: Deployment
  /** Of the models' learning rates; `judgedName` has what there is to choose among several by. Absent: 1, the only one. */
  readonly rateFactor?: number
}

/**
 * What training came to when the models predict with it: after every step; at every so-manieth publication; or once, when
 * the test window begins, as by a split of the log in time.
 */
export type Deployment =
  | { readonly kind: 'every-step' }
  | { readonly kind: 'publications'; readonly every: number }
  | { readonly kind: 'before-test' }

/** The latest vector alone, to models that are always up to date. */
export const latestAlone: Lane = {
  name: '',
  averaging: { weights: [1], maxLagMs: 0 },
  deployment: { kind: 'every-step' },
}

export interface DownstreamArmPlan {
  readonly name: string
  readonly title: string
  readonly seed: number
  readonly source: SourceName
  readonly policy: ServingPolicy
  /** From the first scored row on nothing is computed any more. */
  readonly frozen: boolean
  readonly lanes: readonly Lane[]
  readonly models: readonly ModelName[]
  readonly upstream: UpstreamPlan
  /** Embeddings are computed and held of the users alone whose rows the models may be given. Absent: of all users. */
  readonly forOwnUsers?: true
  /** In the tower's or the models' place. */
  readonly alternative?: AlternativePlan
}

/** Column of a lane's predictions by a model. */
export function laneColumn(lane: string, model: string): string {
  return lane === '' ? model : `${lane} ${model}`
}

/** Figure of a lane with a rate of its own: mean log loss of the model on the rows that settings are chosen by. */
export function judgedName(lane: string, model: string): string {
  return `judgedLoss ${laneColumn(lane, model)}`
}

export function downstreamArm(plan: DownstreamArmPlan): Arm {
  const { name, title, seed, upstream, ...settings } = plan
  return {
    name,
    title,
    seed,
    settings: { kind: 'downstream', ...settings },
    upstream,
    run: async ({ device, lab: whole, stages, signal }, trained) => {
      const lab = labOf(whole, upstream.variant)
      const { space, log, test } = lab
      const { publications } = trained!
      const { learned, model } = plan.alternative ?? { learned: null, model: null }
      const publishedMs = publications.map((publication) => publication.publishedMs)
      const source = learned
        ? new LearnedSource(space, learned, publishedMs, lab.users, seed)
        : await openSource(device, space, plan, trained!)
      const runs: { readonly spec: DownstreamSpec; readonly lane: Lane; readonly run: ProgressiveRun }[] = []
      stages.begin(title, log.rows)
      try {
        for (const name of plan.models)
          for (const lane of plan.lanes) {
            const spec = specOf(lab, name)
            const deployedAt = deployments(lane.deployment, publications, test.fromRow)
            const run = new ProgressiveRun({
              device,
              space,
              spec,
              dim: source.dim,
              flags: plan.source !== 'none',
              seed,
              keptFrom: test.fromRow,
              judgedFrom: judgedFrom(lab),
              ...(model && { model: ownModel(space, model, seed) }),
              ...(deployedAt && { deployedAt }),
              ...(lane.rateFactor !== undefined && { rateFactor: lane.rateFactor }),
            })
            runs.push({ spec, lane, run })
          }
        const frames = plan.source === 'tower' ? publications.map(({ frame }) => frame) : null
        const replay = new AsOfReplay<Float32Array>(
          {
            space,
            log,
            policy: plan.policy,
            ...(plan.frozen && { frozenFromMs: test.fromMs }),
            slots: Math.max(...plan.lanes.map(({ averaging }) => averaging.weights.length)),
            publishedMs,
            ingests: upstreamEvents(lab, upstream),
            ...(plan.forOwnUsers && { serves: anyOf(plan.models.map((name) => userSelector(specOf(lab, name).rows))) }),
            countedFromMs: test.fromMs,
            signal,
          },
          source,
        )
        const averagings = [...new Set(plan.lanes.map(({ averaging }) => averaging))]
        const tally = { served: 0, ageMs: 0 }
        for await (const block of replay.blocks()) {
          const ageMs = Float64Array.from(block.held, (held, row) => {
            return held.length === 0 ? 0 : block.events[row].timeMs - held[0].featureTimeMs
          })
          const vectors = new Map(
            averagings.map((averaging) => [
              averaging,
              block.held.map((held) => (held.length === 0 ? null : pooled(held, averaging, frames))),
            ]),
          )
          for (const { lane, run } of runs) await run.add(block, vectors.get(lane.averaging)!, ageMs)
          for (const [row, event] of block.events.entries()) {
            if (event.row < test.fromRow || block.held[row].length === 0) continue
            tally.served++
            tally.ageMs += ageMs[row]
          }
          stages.advance(block.events[block.rows - 1].row + 1)
        }
        const columns: Record<string, Float32Array> = {}
        for (const { spec, lane, run } of runs) columns[laneColumn(lane.name, spec.name)] = await run.finish()
        stages.end()
        const encodes = isTower(plan.source) ? replay.encodes : 0
        const { judgedLoss } = runs[0].run
        const judged = runs.flatMap(({ spec, lane, run }) =>
          lane.rateFactor === undefined || run.judgedLoss === null
            ? []
            : [[judgedName(lane.name, spec.name), run.judgedLoss] as const],
        )
        return {
          columns,
          figures: {
            servedShare: tally.served / test.rows,
            // Where nothing was served there is no age.
            ...(tally.served > 0 && { meanAgeMs: tally.ageMs / tally.served }),
            encodesPerRow: encodes / test.rows,
            encodeFlopsPerRow: (encodes * trained!.encodeFlops) / test.rows,
            trainingFlops: isTower(plan.source) ? trained!.trainingFlops : 0,
            vectorWidth: source.dim,
            ...(plan.forOwnUsers && { storedUsers: replay.users }),
            ...(judgedLoss !== null && { judgedLoss }),
            ...Object.fromEntries(judged),
          },
        }
      } finally {
        for (const { run } of runs) run.dispose()
        source.dispose()
      }
    },
  }
}

const isTower = (source: SourceName) => source === 'tower' || source === 'raw'

const anyOf =
  (selectors: readonly ((user: string) => boolean)[]) =>
  (user: string): boolean =>
    selectors.some((selects) => selects(user))

export async function openSource(
  device: GpuDevice,
  space: FeatureSpace,
  { source, seed }: Pick<DownstreamArmPlan, 'source' | 'seed'>,
  { directory, publications, untrained }: Upstream,
): Promise<EmbeddingSource> {
  const snapshots = publications.map(({ snapshot }) => join(directory, snapshot))
  if (source === 'tower' || source === 'raw') return towerSource(device, snapshots, source === 'tower')
  if (source === 'untrained') return fixedTowerSource(device, join(directory, untrained))
  if (source === 'features') return featureSource(space, (await readSnapshot(join(directory, untrained))).matrices)
  if (source === 'random') return randomSource(seed, randomWidth)
  return flagSource
}

/** As wide as the presets' embeddings together. */
const randomWidth = 192

/** Rows at which the models are deployed; null where they are after every step. The first publication is one of them. */
function deployments(deployment: Deployment, publications: readonly Publication[], testFrom: number): number[] | null {
  if (deployment.kind === 'every-step') return null
  if (deployment.kind === 'before-test') return [testFrom]
  return publications.map(({ row }) => row).filter((_, i) => i % deployment.every === 0)
}

/**
 * Weighted average of what is held, by the store's rule: of the newest one's frame, not far behind it, in half precision.
 * @param frames of the publications; null: whatever the frames
 */
export function pooled(
  held: readonly Capture<Float32Array>[],
  { weights, maxLagMs }: Averaging,
  frames: readonly number[] | null,
): Float32Array {
  const [newest] = held
  const taken = held
    .filter(({ snapshot, featureTimeMs }) => {
      const sharesFrame = frames === null || frames[snapshot] === frames[newest.snapshot]
      return sharesFrame && newest.featureTimeMs - featureTimeMs <= maxLagMs
    })
    .slice(0, weights.length)
  if (taken.length === 1) return newest.value!
  const sum = weights.slice(0, taken.length).reduce((a, b) => a + b, 0)
  const average = new Float32Array(newest.value!.length)
  for (let d = 0; d < average.length; d++) {
    let value = 0
    for (let i = 0; i < taken.length; i++) value += (weights[i] / sum) * taken[i].value![d]
    average[d] = value
    average[d] = halfToFloat(floatToHalf(average[d]))
  }
  return average
}
