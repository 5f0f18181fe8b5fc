/** The figures that experiments give. */
import {
  auc,
  type BootstrapInterval,
  baseRate,
  calibration,
  clusterBootstrap,
  expectedCalibrationError,
  groupedAuc,
  holmAdjust,
  mean,
  normalizedEntropyBootstrap,
  normalizedEntropyOfLosses,
  pairEntropy,
  pairedClusterBootstrap,
  type SeedSummary,
  seedSummary,
  studentReach,
  studentTwoSided,
  unsampledLosses,
} from '@headwater/statistics'
import { NoGapError, shareClosed } from '../../reference-world/reference-scores.ts'
import type {
  ArmScore,
  Comparison,
  GapShare,
  Interval,
  OtherIntervals,
  RankScore,
  ScoredModel,
} from '../../report/findings.ts'
import { specOf } from '../log/lab-log.ts'
import { meanOf, type Outcomes } from './outcomes.ts'

export const bootstrap = { draws: 2000, seed: 1 }

interface Widened {
  readonly interval: Interval
  /** Of sampling and of seeds. */
  readonly standardError: number
  /** Of that error; infinite where it is of sampling alone. */
  readonly freedom: number
  readonly seedSd: SeedSummary['seedSd']
}

/**
 * A bootstrap's interval, of sampling users alone, widened about its value by the spread between training seeds.
 * @param bySeed the figure of each seed, on the same rows
 */
export function widenBySeeds(
  { value, low, high, standardError }: Interval & { readonly standardError: number },
  bySeed: readonly number[],
): Widened {
  const summary = seedSummary(
    bySeed,
    bySeed.map(() => standardError),
    { sameRows: true },
  )
  const whole = summary.standardError ?? standardError
  const { freedom } = summary
  const few = studentReach(0.05, freedom) / studentReach(0.05, Number.POSITIVE_INFINITY)
  const factor = (few * whole) / Math.max(standardError, Number.MIN_VALUE)
  return {
    interval: { value, low: value - (value - low) * factor, high: value + (high - value) * factor },
    standardError: whole,
    freedom,
    seedSd: summary.seedSd,
  }
}

/** Found again where it was asked for before: charts and tables ask for the same ones. */
export function scoreArm(outcomes: Outcomes, arm: string, model: ScoredModel): ArmScore {
  return outcomes.once(`score ${arm} ${model}`, () => scoreAnew(outcomes, arm, model))
}

function scoreAnew(outcomes: Outcomes, arm: string, model: ScoredModel): ArmScore {
  const { labels } = outcomes.rowsOf(model)
  const seeds = seedFigures(outcomes, arm, model)
  const overSeeds = (figure: 'auc' | 'calibration' | 'ece') => mean(seeds.map((own) => own[figure]))
  const neBySeed = seeds.map(({ ne }) => ne)
  const { interval, seedSd } = widenBySeeds(sampledNe(outcomes, arm, model), neBySeed)
  const users = outcomes.users(model)
  const gauc = (logits: Float32Array) => groupedAuc(logits, labels, users).value
  return {
    arm,
    model,
    rows: labels.length,
    baseRate: baseRate(labels),
    ne: interval,
    unsampledNe: unsampledNe(outcomes, arm, model),
    ranked: rankScore(outcomes, model, outcomes.ranks(arm, model)),
    auc: overSeeds('auc'),
    gauc: hasUserOfBothClasses(users, labels) ? mean(outcomes.logits(arm, model).map(gauc)) : null,
    calibration: overSeeds('calibration'),
    ece: overSeeds('ece'),
    neSeedSd: seedSd,
  }
}

/** Of each seed's predictions. */
export function seedFigures(outcomes: Outcomes, arm: string, model: ScoredModel) {
  const { labels } = outcomes.rowsOf(model)
  const losses = outcomes.seedLosses(arm, model)
  return outcomes.logits(arm, model).map((logits, seed) => {
    const predicted = Float64Array.from(logits, (z) => 1 / (1 + Math.exp(-z)))
    return {
      ne: normalizedEntropyOfLosses(losses[seed], labels),
      auc: auc(logits, labels),
      calibration: calibration(predicted, labels),
      ece: expectedCalibrationError(predicted, labels),
    }
  })
}

/**
 * NE over all pairs of something taken and a live item, of rows of which negatives were drawn: the loss of `unsampledLosses` over the
 * entropy of knowing but how many items were live. Null of a log without negatives, and of another task than the first.
 */
function unsampledNe(outcomes: Outcomes, arm: string, model: ScoredModel): Interval | null {
  const { test } = outcomes.lab
  const { draws } = test
  if (draws === null || (model !== 'head' && specOf(outcomes.lab, model).task > 0)) return null
  const { places, labels } = outcomes.rowsOf(model)
  const expected = Float64Array.from(places, (place) => draws.expected[place])
  const pairs = places.map((place, i) => (labels[i] === 1 ? draws.live[place] : 0))
  const bySeed = outcomes.logits(arm, model).map((logits) => unsampledLosses(logits, labels, expected))
  const ne = ([loss, taken, all]: Iterable<number>) => loss / pairEntropy(taken, all)
  const sum = (values: Iterable<number>) => [...values].reduce((total, own) => total + own, 0)
  const sampled = clusterBootstrap(outcomes.users(model), [meanOf(bySeed), labels, pairs], bootstrap, ne)
  return widenBySeeds(
    sampled,
    bySeed.map((losses) => ne([sum(losses), sum(labels), sum(pairs)])),
  ).interval
}

const rankedAt = [10, 100]

/**
 * Recall and NDCG at k of what was taken, the only one that is relevant, among all live items. Null where nothing was ranked.
 * @param ranks of each seed, of the model's choices
 */
export function rankScore(outcomes: Outcomes, model: ScoredModel, ranks: readonly Float32Array[]): RankScore | null {
  const { chosen, fromRow, users } = outcomes.lab.test
  const choices = ranks[0].length
  if (choices === 0) return null
  const places = [...outcomes.rowsOf(model).places].filter((place) => chosen.has(fromRow + place))
  const clusters = Uint32Array.from(places, (place) => users[place])
  if (new Set(clusters).size < 2) return null
  const meanOver = (gain: (rank: number) => number) => {
    const bySeed = ranks.map((own) => Float64Array.from(own, gain))
    const sampled = clusterBootstrap(clusters, [meanOf(bySeed)], bootstrap, ([sum], rows) => sum / rows)
    return widenBySeeds(sampled, bySeed.map(mean)).interval
  }
  return {
    choices,
    at: rankedAt.map((k) => ({
      k,
      recall: meanOver((rank) => (rank <= k ? 1 : 0)),
      ndcg: meanOver((rank) => (rank <= k ? 1 / Math.log2(1 + rank) : 0)),
    })),
  }
}

/** Of losses averaged over seeds, with an interval of the sample of users alone. */
function sampledNe(outcomes: Outcomes, arm: string, model: ScoredModel): BootstrapInterval {
  const losses = outcomes.losses(arm, model)
  const { labels } = outcomes.rowsOf(model)
  return normalizedEntropyBootstrap({ clusters: outcomes.users(model), losses, labels, ...bootstrap })
}

/** What a bootstrap draws. */
type Drawn = 'users' | 'items' | 'both'

function clustersOf(outcomes: Outcomes, model: ScoredModel, drawn: Drawn): Uint32Array[] {
  if (drawn === 'both') return [outcomes.users(model), outcomes.items(model)]
  return [outcomes[drawn](model)]
}

/** The same of the gain of an arm over another. @param places of the model's rows; default all; null of fewer than two users or items */
function sampledGain(
  outcomes: Outcomes,
  model: ScoredModel,
  arm: string,
  over: string,
  drawn: Drawn,
  places?: readonly number[],
): BootstrapInterval | null {
  const take = taker(places)
  const clusters = clustersOf(outcomes, model, drawn).map(take)
  if (clusters.some((way) => new Set(way).size < 2)) return null
  const [lossA, lossB] = [over, arm].map((name) => take(outcomes.losses(name, model)))
  return pairedClusterBootstrap({ clusters, lossA, lossB, ...bootstrap })
}

function taker(places: readonly number[] | undefined) {
  const picked = places && new Set(places)
  return <A extends Float64Array | Uint32Array>(values: A): A =>
    picked === undefined ? values : (values.filter((_, i) => picked.has(i)) as A)
}

function hasUserOfBothClasses(users: Uint32Array, labels: Uint8Array): boolean {
  const seen = new Map<number, number>()
  for (let i = 0; i < users.length; i++) seen.set(users[i], (seen.get(users[i]) ?? 0) | (labels[i] === 1 ? 2 : 1))
  return [...seen.values()].includes(3)
}

/** @returns null where the slice has fewer than two users or items, whichever are drawn */
export function compare(
  outcomes: Outcomes,
  model: ScoredModel,
  arm: string,
  over: string,
  { name: slice, places }: { readonly name: string; readonly places?: readonly number[] } = { name: 'all' },
  drawn: Drawn = 'users',
): Comparison | null {
  const found = sampledGain(outcomes, model, arm, over, drawn, places)
  if (found === null) return null
  const take = taker(places)
  const sumOf = (losses: Float64Array) => take(losses).reduce((sum, loss) => sum + loss, 0)
  const [own, others] = [outcomes.seedLosses(arm, model), outcomes.seedLosses(over, model)]
  const bySeed = own.map((losses, i) => 1 - sumOf(losses) / sumOf(others[Math.min(i, others.length - 1)]))
  const { interval, standardError, freedom, seedSd } = widenBySeeds(found, bySeed)
  return {
    arm,
    over,
    model,
    slice,
    rows: places?.length ?? outcomes.rowsOf(model).labels.length,
    gain: interval,
    samplingStandardError: found.standardError,
    seedSd,
    // 0 over 0, the same predictions, is no gain.
    pValue: found.value === 0 ? 1 : studentTwoSided(found.value / standardError, freedom),
    adjustedPValue: null,
    otherwise: null,
  }
}

/** The gain's intervals with items drawn, and with both; null where there are fewer than two. */
export function otherIntervals(outcomes: Outcomes, model: ScoredModel, arm: string, over: string): OtherIntervals {
  const of = (drawn: Drawn) => compare(outcomes, model, arm, over, undefined, drawn)?.gain ?? null
  return { items: of('items'), both: of('both') }
}

/** Comparisons of all rows that a verdict rests on: with p-values adjusted for their number (Holm), and intervals by items and both. */
export function adjusted(outcomes: Outcomes, comparisons: readonly Comparison[]): Comparison[] {
  if (comparisons.length === 0) return []
  const values = holmAdjust(comparisons.map(({ pValue }) => pValue))
  return comparisons.map((own, i) => ({
    ...own,
    adjustedPValue: values[i],
    otherwise: otherIntervals(outcomes, own.model, own.arm, own.over),
  }))
}

/** Whether a gain is shown: its interval is above 0, and so it stays among all that the verdict rests on. */
export function isShown({ gain, adjustedPValue }: Pick<Comparison, 'gain' | 'adjustedPValue'>): boolean {
  return gain.low > 0 && adjustedPValue! < 0.05
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
