/** What an A/B test on the synthetic world could have told. */

import { pairedClusterBootstrap } from '@headwater/statistics'
import {
  clickOutcomes,
  detectableEffects,
  type PotentialOutcomes,
  rankingOutcomes,
  type SimulatedTests,
  simulateTests,
  syntheticUserDays,
  usersForEffect,
} from '../../power/index.ts'
import { formatCount, formatGainInterval, formatPercent } from '../../report/format.ts'
import { bootstrap, compare, scoreArm } from '../analysis/figures.ts'
import type { Outcomes } from '../analysis/outcomes.ts'
import type { Experiment, Findings } from '../experiment.ts'
import { ExperimentError } from '../lab/lab-error.ts'
import { testDay } from '../lab/lab-log.ts'
import { atBestRates, rateLanes } from './best-rates.ts'
import { modeArm, withoutArm } from './common-arms.ts'

const simulations = 1000

export const power: Experiment = {
  name: 'power',
  question: 'How many users would an A/B test have needed to see the gain?',
  measure:
    'Rejections of 1,000 simulated null tests with assignment by user; minimum detectable lift of clicks a user at 80 % power, plain and with CUPED; users needed for the lift that the served embedding gives the ranking, over a model without one, both at their best learning rates.',
  rule: 'The tests are sound where a null test rejects 5 % ± 1.5 of the time, plain and with CUPED.',
  models: () => ['ranking'],
  check: ({ world, log }) => {
    if (world !== null) return
    throw new ExperimentError(log.name, 'experiment "power" needs a synthetic log', 'use --data synthetic-reference')
  },
  arms: (lab, seed) => [withoutArm(lab, seed, rateLanes(lab)), modeArm(lab, seed, 'asynchronous', rateLanes(lab))],
  conclude,
}

function conclude(given: Outcomes): Findings {
  const { lab } = given
  const outcomes = atBestRates(
    given,
    ['without', 'asynchronous'].map((arm) => ({ arm, models: ['ranking'] })),
  )
  const world = lab.world!
  const { setting } = world
  const fromDay = testDay(world, lab.settings.testShare)
  const days = setting.days - fromDay
  const window = { fromDay, days, daysBefore: Math.min(5, fromDay) }
  const userDays = syntheticUserDays(world)
  const nullTests = simulateTests(clickOutcomes(userDays, window), { simulations, seed: 1 })
  const sizes = [500, 2000, 10_000, 100_000]
  const spans = [...new Set([1, Math.min(3, days), days])]
  const effects = detectableEffects(userDays, { ...window, users: sizes, days: spans })
  const { places } = lab.test.models.ranking
  const rowOf = (place: number) => place + lab.test.fromRow
  const requests = places.map((place) => Math.floor(rowOf(place) / setting.adsPerRequest))
  const users = worldUsers(outcomes)
  const { labels } = lab.test.models.ranking
  const treatedBySeed = outcomes.logits('asynchronous', 'ranking')
  const rankings = outcomes.logits('without', 'ranking').map((control, seed) => {
    const ranked = { requests, users, labels, control, treated: treatedBySeed[seed] }
    return rankingOutcomes(ranked, userDays, window)
  })
  const comparison = compare(outcomes, 'ranking', 'asynchronous', 'without')!
  const told = ({ rejected }: SimulatedTests) =>
    `${formatPercent(rejected.share)} [${formatPercent(rejected.low)}, ${formatPercent(rejected.high)}]`
  return {
    holds: isSound(nullTests.plain) && isSound(nullTests.cuped),
    verdict: `Null tests reject ${told(nullTests.plain)}, with CUPED ${told(nullTests.cuped)}. ${liftOf(rankings, days)}`,
    scores: [scoreArm(outcomes, 'without', 'ranking'), scoreArm(outcomes, 'asynchronous', 'ranking')],
    comparisons: [comparison],
    gapShares: [],
    charts: [
      {
        title: 'Minimum detectable lift',
        caption: `Of clicks a user in a test of ${days} days, at 80 % power and 5 % significance, half of the users treated.`,
        kind: 'curve',
        x: { label: 'users, log scale', log: true },
        y: { label: 'lift, %', percent: true },
        series: (['lift', 'cupedLift'] as const).map((key) => ({
          name: key === 'lift' ? 'plain' : 'with CUPED',
          points: effects
            .filter((effect) => effect.days === days)
            .map((effect) => ({
              label: formatCount(effect.users),
              x: effect.users,
              y: effect[key],
              low: null,
              high: null,
            })),
        })),
      },
    ],
    tables: [
      {
        title: 'Minimum detectable lift of clicks a user',
        head: ['days', 'users', 'plain', 'with CUPED'],
        rows: effects.map(({ days: span, users, lift, cupedLift }) => [
          String(span),
          formatCount(users),
          formatPercent(lift),
          formatPercent(cupedLift),
        ]),
      },
    ],
  }
}

/** Whether a null test rejects as often as it says that it does. */
export const isSound = ({ rejected }: Pick<SimulatedTests, 'rejected'>): boolean =>
  Math.abs(rejected.share - 0.05) <= 0.015

/**
 * Lift of clicks a user, with the interval of users' sampling, and users needed to see it. Of several seeds' models clicks are
 * averaged, and users needed are a range.
 */
function liftOf(bySeed: readonly PotentialOutcomes[], days: number): string {
  const needed = bySeed.flatMap((outcomes) => usersForEffect(outcomes) ?? [])
  if (needed.length < bySeed.length)
    return `By ${bySeed.length - needed.length} of ${bySeed.length} seeds, ranking by the served embedding brings no more clicks on the first ad here.`
  const meanOf = (key: 'control' | 'treated') =>
    bySeed[0][key].map((_, user) => bySeed.reduce((sum, own) => sum + own[key][user], 0) / bySeed.length)
  const [control, treated] = [meanOf('control'), meanOf('treated')]
  // What is lost is negative: a lift.
  const { value, low, high } = pairedClusterBootstrap({
    clusters: Uint32Array.from(control.keys()),
    lossA: control,
    lossB: treated,
    ...bootstrap,
  })
  const range = (key: 'plain' | 'cuped') => {
    const users = needed.map((own) => own[key])
    return [...new Set([Math.min(...users), Math.max(...users)])].map(formatCount).join(' to ')
  }
  return `Ranking by the served embedding lifts clicks on the first ad by ${formatGainInterval({ value: -value, low: -high, high: -low })}; a test of ${days} days needs ${range('plain')} users to see it, ${range('cuped')} with CUPED.`
}

/** Places of the scored rows' users among the world's: their names are `u` and the place. */
function worldUsers(outcomes: Outcomes): Uint32Array {
  const { lab } = outcomes
  return outcomes.users('ranking').map((number) => Number(lab.test.userNames[number].slice(1)))
}
