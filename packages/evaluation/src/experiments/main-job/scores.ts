/** Figures of the arms over the end of the log, for one seed or the mean of several. Shape letters: R scored rows. */
import {
  auc,
  baseRate,
  binaryEntropy,
  calibration,
  expectedCalibrationError,
  logLossesOfLogits,
  mean,
  meanAndSd,
  normalizedEntropyBootstrap,
  normalizedEntropyOfLosses,
  pairedClusterBootstrap,
} from '@headwater/statistics'
import type { Interval } from '../../report/findings.ts'
import { type Arm, arms, type MainJobResult, type SeedFigures } from '../../report/main-job/result.ts'
import type { ArmPredictions } from './arms.ts'

/** One row of the log in ten is scored: the last. */
const scoredShare = 0.1

/** First of the scored rows of a log. */
export function firstScoredRow(rows: number): number {
  return rows - Math.max(1, Math.round(rows * scoredShare))
}

export const bootstrapDraws = 2000

export type ArmScores = Pick<
  MainJobResult,
  | 'rowsScored'
  | 'usersScored'
  | 'baseRate'
  | 'ne'
  | 'neInterval'
  | 'auc'
  | 'calibration'
  | 'ece'
  | 'neGain'
  | 'gainOverUntrained'
  | 'gainOverWithout'
  | 'byEarlierEvents'
  | 'progressive'
  | 'seeds'
  | 'bySeed'
  | 'seedSd'
>

const perArm = <T>(value: (arm: Arm) => T) => Object.fromEntries(arms.map((arm) => [arm, value(arm)])) as Record<Arm, T>

const probabilities = (logits: Float32Array) => Float64Array.from(logits, (z) => 1 / (1 + Math.exp(-z)))

const earlierBuckets = [
  { label: '0', from: 0, to: 0 },
  { label: '1–2', from: 1, to: 2 },
  { label: '3–9', from: 3, to: 9 },
  { label: '10+', from: 10, to: Number.POSITIVE_INFINITY },
]

/** Predictions of one seed with the row losses they give. */
interface SeedRun {
  readonly seed: number
  readonly predictions: ArmPredictions
  readonly losses: Record<Arm, Float64Array>
}

/**
 * @param runs one a seed, on the same log.
 * @throws StatisticsError where the scored rows have one class or one user.
 */
export function scoreArms(runs: readonly { readonly seed: number; readonly predictions: ArmPredictions }[]): ArmScores {
  const { labels, users, earlierEvents, timeMs } = runs[0].predictions
  const rows = labels.length
  const from = firstScoredRow(rows)
  const scoredLabels = labels.subarray(from)
  const scoredUsers = users.subarray(from)
  const seedRuns: SeedRun[] = runs.map(({ seed, predictions }) => ({
    seed,
    predictions,
    losses: perArm((arm) => Float64Array.from(logLossesOfLogits(predictions.logits[arm], labels))),
  }))
  const meanLosses = perArm((arm) =>
    Float64Array.from({ length: rows }, (_, i) => mean(seedRuns.map((run) => run.losses[arm][i]))),
  )
  const scored = perArm((arm) => meanLosses[arm].subarray(from))
  const overSeeds = (figure: (run: SeedRun) => number) => mean(seedRuns.map(figure))
  const bootstrap = { draws: bootstrapDraws, seed: 1 }
  const gain = (over: Arm, arm: Arm, pick?: readonly number[]): Interval => {
    const take = <A extends Float64Array | Uint32Array>(a: A) => (pick ? (a.filter((_, i) => mask![i]) as A) : a)
    const mask = pick && maskOf(pick, scoredUsers.length)
    const data = { clusters: take(scoredUsers), lossA: take(scored[over]), lossB: take(scored[arm]) }
    const { value, low, high } = pairedClusterBootstrap({ ...data, ...bootstrap })
    return { value, low, high }
  }

  const bySeed: SeedFigures[] = seedRuns.map((run) => {
    const ne = perArm((arm) => normalizedEntropyOfLosses(run.losses[arm].subarray(from), scoredLabels))
    return {
      seed: run.seed,
      ne,
      auc: perArm((arm) => auc(run.predictions.logits[arm].subarray(from), scoredLabels)),
      neGain: 1 - ne.with / ne.without,
      gainOverUntrained: 1 - ne.with / ne.untrained,
    }
  })
  const deviation = (figure: (seed: SeedFigures) => number) => meanAndSd(bySeed.map(figure)).sd ?? 0

  return {
    rowsScored: scoredLabels.length,
    usersScored: new Set(scoredUsers).size,
    baseRate: baseRate(scoredLabels),
    ne: perArm((arm) => normalizedEntropyOfLosses(scored[arm], scoredLabels)),
    neInterval: perArm((arm) => {
      const data = { clusters: scoredUsers, losses: scored[arm], labels: scoredLabels }
      const { low, high } = normalizedEntropyBootstrap({ ...data, ...bootstrap })
      return { low, high }
    }),
    auc: perArm((arm) => mean(bySeed.map((seed) => seed.auc[arm]))),
    calibration: perArm((arm) =>
      overSeeds((run) => calibration(probabilities(run.predictions.logits[arm].subarray(from)), scoredLabels)),
    ),
    ece: perArm((arm) =>
      overSeeds((run) =>
        expectedCalibrationError(probabilities(run.predictions.logits[arm].subarray(from)), scoredLabels),
      ),
    ),
    neGain: gain('without', 'with'),
    gainOverUntrained: gain('untrained', 'with'),
    gainOverWithout: {
      latest: gain('without', 'latest'),
      random: gain('without', 'random'),
      untrained: gain('without', 'untrained'),
    },
    byEarlierEvents: earlierBuckets.flatMap(({ label, from: least, to: most }) => {
      const inside: number[] = []
      for (let i = from; i < rows; i++) if (earlierEvents[i] >= least && earlierEvents[i] <= most) inside.push(i - from)
      const bucketLabels = Uint8Array.from(inside, (i) => scoredLabels[i])
      if (!hasBothClasses(bucketLabels) || new Set(inside.map((i) => scoredUsers[i])).size < 2) return []
      const ne = (arm: 'without' | 'with') =>
        normalizedEntropyOfLosses(
          Float64Array.from(inside, (i) => scored[arm][i]),
          bucketLabels,
        )
      return {
        label,
        rows: inside.length,
        baseRate: baseRate(bucketLabels),
        ne: { without: ne('without'), with: ne('with') },
        neGain: gain('without', 'with', inside),
      }
    }),
    progressive: Array.from({ length: 10 }, (_, tenth) => {
      const fromRow = Math.floor((rows * tenth) / 10)
      const toRow = Math.floor((rows * (tenth + 1)) / 10)
      return { fromRow, toRow, window: labels.subarray(fromRow, toRow) }
    })
      .filter(({ window }) => hasBothClasses(window))
      .map(({ fromRow, toRow, window }) => ({
        fromRow,
        toRow,
        fromTimeMs: timeMs[fromRow],
        baseRate: baseRate(window),
        ne: perArm((arm) => mean(meanLosses[arm].subarray(fromRow, toRow)) / binaryEntropy(baseRate(window))),
      })),
    seeds: runs.map((run) => run.seed),
    bySeed,
    seedSd:
      runs.length < 2
        ? null
        : {
            ne: perArm((arm) => deviation((seed) => seed.ne[arm])),
            auc: perArm((arm) => deviation((seed) => seed.auc[arm])),
            neGain: deviation((seed) => seed.neGain),
            gainOverUntrained: deviation((seed) => seed.gainOverUntrained),
          },
  }
}

function hasBothClasses(labels: Uint8Array): boolean {
  return labels.includes(0) && labels.includes(1)
}

function maskOf(indices: readonly number[], length: number): Uint8Array {
  const mask = new Uint8Array(length)
  for (const i of indices) mask[i] = 1
  return mask
}
