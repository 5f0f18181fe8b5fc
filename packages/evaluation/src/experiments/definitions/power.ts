/** What an A/B test on the synthetic world could have told. */

import {
  clickOutcomes,
  detectableEffects,
  type NeededUsers,
  rankingOutcomes,
  type SimulatedTests,
  simulateTests,
  syntheticUserDays,
  usersForEffect,
} from '../../power/index.ts'
import { formatCount, formatGain, formatPercent } from '../../report/format.ts'
import { compare, scoreArm } from '../analysis/figures.ts'
import type { Outcomes } from '../analysis/outcomes.ts'
import type { Experiment, Findings } from '../experiment.ts'
import { ExperimentError } from '../lab/lab-error.ts'
import { testDay } from '../lab/lab-log.ts'
import { modeArm, withoutArm } from './common-arms.ts'

const simulations = 1000

export const power: Experiment = {
  name: 'power',
  question: 'How many users would an A/B test have needed to see the gain?',
  measure:
    'Rejections of 1,000 simulated null tests with assignment by user; minimum detectable lift of clicks a user at 80 % power, plain and with CUPED; users needed for the lift that the served embedding gives the ranking.',
  rule: 'The tests are sound where a null test rejects 5 % ± 1.5 of the time, plain and with CUPED.',
  models: () => ['ranking'],
  check: ({ world, log }) => {
    if (world !== null) return
    throw new ExperimentError(log.name, 'experiment "power" needs a synthetic log', 'use --data synthetic-reference')
  },
  arms: (lab, seed) => [withoutArm(lab, seed), modeArm(lab, seed, 'asynchronous')],
  conclude,
}

function conclude(outcomes: Outcomes): Findings {
  const { lab } = outcomes
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
  const bySeed = outcomes.logits('without', 'ranking').map((control, seed) => {
    const ranked = { requests, users, labels, control, treated: treatedBySeed[seed] }
    return usersForEffect(rankingOutcomes(ranked, userDays, window))
  })
  const isSound = ({ rejected }: SimulatedTests) => Math.abs(rejected.share - 0.05) <= 0.015
  const holds = isSound(nullTests.plain) && isSound(nullTests.cuped)
  const comparison = compare(outcomes, 'ranking', 'asynchronous', 'without')!
  const told = ({ rejected }: SimulatedTests) =>
    `${formatPercent(rejected.share)} [${formatPercent(rejected.low)}, ${formatPercent(rejected.high)}]`
  return {
    holds,
    verdict: `Null tests reject ${told(nullTests.plain)}, with CUPED ${told(nullTests.cuped)}. ${liftOf(bySeed, days)}`,
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

/** Lift and users needed by each seed's models, as a range where there are several. */
function liftOf(bySeed: readonly (NeededUsers | null)[], days: number): string {
  const found = bySeed.filter((needed) => needed !== null)
  if (found.length < bySeed.length)
    return `By ${bySeed.length - found.length} of ${bySeed.length} seeds, ranking by the served embedding brings no more clicks on the first ad here.`
  const range = (figure: (needed: NeededUsers) => number, format: (value: number) => string) => {
    const values = found.map(figure)
    const ends = [...new Set([format(Math.min(...values)), format(Math.max(...values))])]
    return ends.join(' to ')
  }
  return `Ranking by the served embedding lifts clicks on the first ad by ${range(({ lift }) => lift, formatGain)}; a test of ${days} days needs ${range(({ plain }) => plain, formatCount)} users to see it, ${range(({ cuped }) => cuped, formatCount)} with CUPED.`
}

/** Places of the scored rows' users among the world's: their names are `u` and the place. */
function worldUsers(outcomes: Outcomes): Uint32Array {
  const { lab } = outcomes
  return outcomes.users('ranking').map((number) => Number(lab.test.userNames[number].slice(1)))
}
