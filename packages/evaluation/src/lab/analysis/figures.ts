/** The figures that experiments give. */
import {
  auc,
  baseRate,
  calibration,
  expectedCalibrationError,
  groupedAuc,
  holmAdjust,
  mean,
  normalizedEntropyBootstrap,
  normalizedEntropyOfLosses,
  pairedClusterBootstrap,
  studentTwoSided,
} from '@headwater/statistics'
import { NoGapError, shareClosed } from '../../reference-world/index.ts'
import type { ArmScore, Comparison, GapShare, ScoredModel } from '../../report/findings.ts'
import { type Outcomes, probabilities } from './outcomes.ts'
import { widenBySeeds } from './seed-widening.ts'

export const bootstrap = { draws: 2000, seed: 1 }

const scores = new WeakMap<Outcomes, Map<string, ArmScore>>()

/** Found again where it was asked for before: charts and tables ask for the same ones. */
export function scoreArm(outcomes: Outcomes, arm: string, model: ScoredModel): ArmScore {
  const own = scores.get(outcomes) ?? new Map<string, ArmScore>()
  scores.set(outcomes, own)
  const key = `${arm} ${model}`
  const score = own.get(key) ?? scoreAnew(outcomes, arm, model)
  own.set(key, score)
  return score
}

function scoreAnew(outcomes: Outcomes, arm: string, model: ScoredModel): ArmScore {
  const { labels } = outcomes.rowsOf(model)
  const users = outcomes.users(model)
  const logits = outcomes.logits(arm, model)
  const seedNe = outcomes.seedLosses(arm, model).map((losses) => normalizedEntropyOfLosses(losses, labels))
  const sampled = normalizedEntropyBootstrap({
    clusters: users,
    losses: outcomes.losses(arm, model),
    labels,
    ...bootstrap,
  })
  const { interval, seedSd } = widenBySeeds(sampled, seedNe)
  const overSeeds = (figure: (logits: Float32Array) => number) => mean(logits.map(figure))
  const rankable = hasUserOfBothClasses(users, labels)
  return {
    arm,
    model,
    rows: labels.length,
    baseRate: baseRate(labels),
    ne: interval,
    auc: overSeeds((own) => auc(own, labels)),
    gauc: rankable ? overSeeds((own) => groupedAuc(own, labels, users).value) : null,
    calibration: overSeeds((own) => calibration(probabilities(own), labels)),
    ece: overSeeds((own) => expectedCalibrationError(probabilities(own), labels)),
    neSeedSd: seedSd,
  }
}

function hasUserOfBothClasses(users: Uint32Array, labels: Uint8Array): boolean {
  const seen = new Map<number, number>()
  for (let i = 0; i < users.length; i++) seen.set(users[i], (seen.get(users[i]) ?? 0) | (labels[i] === 1 ? 2 : 1))
  return [...seen.values()].includes(3)
}

/**
 * @param places of the model's rows that are compared; default all
 * @returns null where the places have fewer than two users
 */
export function compare(
  outcomes: Outcomes,
  model: ScoredModel,
  arm: string,
  over: string,
  slice: { readonly name: string; readonly places?: readonly number[] } = { name: 'all' },
  expected = false,
): Comparison | null {
  const all = outcomes.users(model)
  const { places } = slice
  const take = <A extends Float64Array | Uint32Array>(values: A): A =>
    places === undefined ? values : (values.filter((_, i) => picked!.has(i)) as A)
  const picked = places === undefined ? null : new Set(places)
  const clusters = take(all)
  if (new Set(clusters).size < 2) return null
  const lossesOf = (name: string) => (expected ? outcomes.expectedLosses(name, model) : outcomes.losses(name, model))
  const found = pairedClusterBootstrap({
    clusters,
    lossA: take(lossesOf(over)),
    lossB: take(lossesOf(arm)),
    ...bootstrap,
  })
  const sumOf = (losses: Float64Array) => take(losses).reduce((sum, loss) => sum + loss, 0)
  const [own, others] = [outcomes.seedLosses(arm, model), outcomes.seedLosses(over, model)]
  const bySeed = own.map((losses, i) => 1 - sumOf(losses) / sumOf(others[Math.min(i, others.length - 1)]))
  const { interval, standardError, freedom, seedSd } = widenBySeeds(found, bySeed)
  return {
    arm,
    over,
    model,
    slice: slice.name,
    rows: clusters.length,
    gain: interval,
    samplingStandardError: found.standardError,
    seedSd,
    pValue: pValueOf(found.value, standardError, freedom),
    adjustedPValue: null,
  }
}

function pValueOf(value: number, standardError: number, freedom: number): number {
  if (standardError === 0) return value === 0 ? 1 : 0
  return studentTwoSided(value / standardError, freedom)
}

/** The same comparisons with p-values adjusted for their number (Holm). */
export function adjusted(comparisons: readonly Comparison[]): Comparison[] {
  if (comparisons.length === 0) return []
  const values = holmAdjust(comparisons.map(({ pValue }) => pValue))
  return comparisons.map((comparison, i) => ({ ...comparison, adjustedPValue: values[i] }))
}

/**
 * Of arms and models of all rows of a synthetic log, by expected losses. None on a log so short that in a draw of its users
 * the optimum is no better than knowing nothing: there is no gap to have a share of.
 */
export function gapShares(
  outcomes: Outcomes,
  of: readonly { readonly arm: string; readonly model: ScoredModel }[],
): GapShare[] {
  if (outcomes.lab.world === null) return []
  try {
    return of.map(({ arm, model }) => gapShare(outcomes, arm, model))
  } catch (error) {
    if (error instanceof NoGapError) return []
    throw error
  }
}

function gapShare(outcomes: Outcomes, arm: string, model: ScoredModel): GapShare {
  const [nobody, optimum] = [outcomes.knownLosses('nobody'), outcomes.knownLosses('synchronous')]
  const losses = outcomes.expectedLosses(arm, model)
  const found = shareClosed(outcomes.users(model), { losses, nobody, optimum }, bootstrap)
  const sum = (values: Float64Array) => values.reduce((total, own) => total + own, 0)
  const [worst, best] = [sum(nobody), sum(optimum)]
  const bySeed = outcomes.seedExpectedLosses(arm, model).map((own) => (worst - sum(own)) / (worst - best))
  return { arm, model, share: widenBySeeds(found, bySeed).interval, bySeed }
}
