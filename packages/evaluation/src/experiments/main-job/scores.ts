/** Figures of the main job's arms over the end of the log, for one seed or the mean of several. Shape letters: R scored rows. */
import { baseRate, binaryEntropy, mean, meanAndSd, normalizedEntropyOfLosses } from '@headwater/statistics'
import { compare, otherIntervals, rankScore, scoreArm, seedFigures } from '../../lab/analysis/figures.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import { popularityRanks, tenthsColumn } from '../../lab/arms/traffic-arm.ts'
import type { Interval } from '../../report/findings.ts'
import { type Arm, arms, baselines, type MainJobResult, type SeedFigures } from '../../report/main-job/result.ts'
import { buckets } from '../slices.ts'

/** Of the experiment's only arm, whose setups are the main job's arms. */
export const trafficName = 'served'
export const nameOf = (arm: Arm): string => `${trafficName}#${arm}`
const model = 'ranking'

const perArm = <T>(value: (arm: Arm) => T) => Object.fromEntries(arms.map((arm) => [arm, value(arm)])) as Record<Arm, T>

/** @throws StatisticsError where the scored rows have one class or one user */
export function scoreArms(outcomes: Outcomes) {
  const { test } = outcomes.lab
  const { labels, places } = outcomes.rowsOf(model)
  const losses = perArm((arm) => outcomes.losses(nameOf(arm), model))
  const seeds = perArm((arm) => seedFigures(outcomes, nameOf(arm), model))
  const overSeeds = (figure: 'auc' | 'calibration' | 'ece') =>
    perArm((arm) => mean(seeds[arm].map((own) => own[figure])))
  const gain = (over: Arm, arm: Arm, places?: readonly number[]): Interval =>
    compare(outcomes, model, nameOf(arm), nameOf(over), places && { name: 'some', places })!.gain
  const bySeed = outcomes.seeds.map((seed, i): SeedFigures => {
    const ne = perArm((arm) => seeds[arm][i].ne)
    return {
      seed,
      ne,
      auc: perArm((arm) => seeds[arm][i].auc),
      neGain: 1 - ne.with / ne.without,
      gainOverUntrained: 1 - ne.with / ne.untrained,
    }
  })
  const deviation = (figure: (seed: SeedFigures) => number) => meanAndSd(bySeed.map(figure)).sd ?? 0
  const seedSd = {
    ne: perArm((arm) => deviation((seed) => seed.ne[arm])),
    auc: perArm((arm) => deviation((seed) => seed.auc[arm])),
    neGain: deviation((seed) => seed.neGain),
    gainOverUntrained: deviation((seed) => seed.gainOverUntrained),
  }
  const [best] = [...baselines].sort((a, b) => mean(losses[a]) - mean(losses[b]))
  const gained = (of: (place: number) => boolean) =>
    places.reduce((sum, place, i) => sum + (of(place) ? losses.without[i] - losses.with[i] : 0), 0)
  const [all, cold] = [gained(() => true), gained((place) => test.earlierEvents[place] === 0)]
  return {
    rowsScored: labels.length,
    usersScored: test.userCount,
    baseRate: baseRate(labels),
    ne: perArm((arm) => normalizedEntropyOfLosses(losses[arm], labels)),
    neInterval: perArm((arm) => {
      const { low, high } = scoreArm(outcomes, nameOf(arm), model).ne
      return { low, high }
    }),
    live: liveFigures(outcomes),
    auc: overSeeds('auc'),
    calibration: overSeeds('calibration'),
    ece: overSeeds('ece'),
    neGain: gain('without', 'with'),
    best: { arm: best, gain: gain(best, 'with') },
    gainOverUntrained: gain('untrained', 'with'),
    otherIntervals: {
      neGain: otherIntervals(outcomes, model, nameOf('with'), nameOf('without')),
      gainOverUntrained: otherIntervals(outcomes, model, nameOf('with'), nameOf('untrained')),
    },
    gainOverFlags: gain('flags', 'with'),
    gainOverWithout: {
      flags: gain('without', 'flags'),
      random: gain('without', 'random'),
      untrained: gain('without', 'untrained'),
      features: gain('without', 'features'),
      linear: gain('without', 'linear'),
    },
    coldGainShare: all > 0 ? cold / all : null,
    byEarlierEvents: buckets([0, 1, 3, 10]).flatMap(({ name: label, from, to }) => {
      const inside = [...places.keys()].filter((i) => {
        const earlier = test.earlierEvents[places[i]]
        return earlier >= from && earlier < to
      })
      const own = inside.map((i) => labels[i])
      const users = new Set(inside.map((i) => test.users[places[i]]))
      if (!own.includes(0) || !own.includes(1) || users.size < 2) return []
      const ne = (arm: Arm) =>
        normalizedEntropyOfLosses(
          inside.map((i) => losses[arm][i]),
          own,
        )
      return {
        label,
        rows: inside.length,
        baseRate: baseRate(own),
        ne: { without: ne('without'), with: ne('with') },
        neGain: gain('without', 'with', inside),
        gainOverFlags: gain('flags', 'with', inside),
      }
    }),
    progressive: progressiveTenths(outcomes),
    seeds: [...outcomes.seeds],
    bySeed,
    seedSd: bySeed.length < 2 ? null : seedSd,
  }
}

/** Of a log with negatives: figures over all live items; else null. */
export function liveFigures(outcomes: Outcomes): MainJobResult['live'] {
  const { draws } = outcomes.lab.test
  if (draws === null) return null
  const { places, labels } = outcomes.rowsOf(model)
  const taken = places.filter((_, i) => labels[i] === 1)
  const scores = perArm((arm) => scoreArm(outcomes, nameOf(arm), model))
  const byPopularity = outcomes.ofArm(trafficName).map(({ columns }) => columns[popularityRanks])
  return {
    items: mean(Array.from(taken, (place) => draws.live[place])),
    ne: perArm((arm) => scores[arm].unsampledNe!),
    ranked: perArm((arm) => scores[arm].ranked),
    popularity: rankScore(outcomes, model, byPopularity),
  }
}

/** One of a single class has no entropy to be measured by, and is left out. */
export function progressiveTenths(outcomes: Outcomes): MainJobResult['progressive'] {
  return outcomes.lab.tenths.flatMap(({ fromRow, toRow, fromMs, labelled, positives }, tenth) => {
    const rate = positives / labelled
    if (!(rate > 0 && rate < 1)) return []
    const loss = (arm: Arm) => mean(outcomes.ofArm(trafficName).map(({ columns }) => columns[tenthsColumn(arm)][tenth]))
    const ne = perArm((arm) => loss(arm) / binaryEntropy(rate))
    return { fromRow, toRow, fromTimeMs: fromMs, baseRate: rate, ne }
  })
}
