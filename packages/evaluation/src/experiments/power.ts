/** What an A/B test on the synthetic world could have shown. */
import type { AnySyntheticWorld } from '@headwater/datasets'
import { mean } from '@headwater/statistics'
import { compare, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Experiment } from '../lab/experiment.ts'
import { ExperimentError } from '../lab/log/experiment-error.ts'
import { testDay } from '../lab/log/lab-log.ts'
import { detectableEffects, type NeededUsers, usersForEffect } from '../power/detectable-effects.ts'
import { rankingOutcomes } from '../power/ranking-outcomes.ts'
import { type SimulatedTests, simulateTests } from '../power/simulated-tests.ts'
import { clickOutcomes, syntheticUserDays } from '../power/user-days.ts'
import type { Findings } from '../report/findings.ts'
import { formatCount, formatGain, formatGainInterval, formatPercent } from '../report/format.ts'
import { tableOf } from '../report/table.ts'
import { tunedSetups } from './best-settings.ts'
import { barePoint, curveChart } from './charts.ts'
import { modeArm, withoutArm } from './common-arms.ts'
import { rankingLift } from './ranking-lift.ts'

const simulations = 1000

export const power: Experiment = {
  name: 'power',
  question: 'How many users would an A/B test have needed to see the gain?',
  measure:
    'Rejections of 1,000 simulated null tests with assignment by user; minimum detectable lift of clicks a user at 80 % power, plain and with CUPED; users needed for the lift that the served embedding gives the ranking, over a model without one, both with their best settings.',
  rule: 'The tests are sound where a null test rejects 5 % ± 1.5 of the time, plain and with CUPED.',
  models: () => ['ranking'],
  check: ({ world, log }) => {
    if (topicsWorld(world) !== null) return
    throw new ExperimentError(
      log.name,
      'experiment "power" needs a synthetic log whose users are drawn by topics',
      'use --data synthetic-reference',
    )
  },
  arms: (lab, seed) => [withoutArm(lab, seed, tunedSetups(lab)), modeArm(lab, seed, 'asynchronous', tunedSetups(lab))],
  conclude,
}

const topicsWorld = (world: AnySyntheticWorld | null) => (world && 'kind' in world ? null : world)

function conclude(outcomes: Outcomes): Findings {
  const { lab } = outcomes
  const world = topicsWorld(lab.world)!
  const { setting } = world
  const fromDay = testDay(world, lab.settings.testShare)
  const days = setting.days - fromDay
  const window = { fromDay, days, daysBefore: Math.min(5, fromDay) }
  const userDays = syntheticUserDays(world)
  const nullTests = simulateTests(clickOutcomes(userDays, window), { simulations, seed: 1 })
  const sizes = [500, 2000, 10_000, 100_000]
  const spans = [...new Set([1, Math.min(3, days), days])]
  const effects = detectableEffects(userDays, { ...window, users: sizes, days: spans })
  const { fromRow, userNames } = lab.test
  const { places, labels } = lab.test.models.ranking
  const requests = places.map((place) => Math.floor((place + fromRow) / setting.adsPerRequest))
  // Among the world's users: their names are `u` and the place.
  const users = outcomes.users('ranking').map((number) => Number(userNames[number].slice(1)))
  const treatedBySeed = outcomes.logits('asynchronous', 'ranking')
  const rankings = outcomes.logits('without', 'ranking').map((control, seed) => {
    const ranked = { requests, users, labels, control, treated: treatedBySeed[seed] }
    return rankingOutcomes(ranked, userDays, window)
  })
  const comparison = compare(outcomes, 'ranking', 'asynchronous', 'without')!
  const lift = rankingLift(rankings)
  const needed = rankings.map(usersForEffect)
  const lastDay = effects.filter((effect) => effect.days === days)
  const bySeed = rankings.map(({ control, treated }, i) => {
    return { seed: outcomes.seeds[i], lift: formatGain(mean(treated) / mean(control) - 1), needed: [needed[i]] }
  })
  const told = ({ rejected }: SimulatedTests) =>
    `${formatPercent(rejected.share)} [${formatPercent(rejected.low)}, ${formatPercent(rejected.high)}]`
  return {
    holds: isSound(nullTests.plain) && isSound(nullTests.cuped),
    verdict: `Null tests reject ${told(nullTests.plain)}, with CUPED ${told(nullTests.cuped)}. Ranking by the served embedding changes the clicks on the first ad by ${formatGainInterval(lift)}; a test of ${days} days needs ${rangeOf(needed, 'plain')} users to see it, ${rangeOf(needed, 'cuped')} with CUPED.`,
    scores: [scoreArm(outcomes, 'without', 'ranking'), scoreArm(outcomes, 'asynchronous', 'ranking')],
    comparisons: [comparison],
    gapShares: [],
    charts: [
      curveChart(
        'Minimum detectable lift',
        `Of clicks a user in a test of ${days} days, at 80 % power and 5 % significance, half of the users treated.`,
        { label: 'users, log scale', log: true },
        { label: 'lift, %', percent: true },
        [
          { name: 'plain', points: lastDay.map((own) => barePoint(formatCount(own.users), own.users, own.lift)) },
          {
            name: 'with CUPED',
            points: lastDay.map((own) => barePoint(formatCount(own.users), own.users, own.cupedLift)),
          },
        ],
      ),
    ],
    tables: [
      tableOf(
        `Clicks on the first ad of a request, ranked by the served embedding in place of none, and users needed to see them in ${days} days`,
        [...bySeed, { seed: 'all', lift: formatGainInterval(lift), needed }],
        [
          ['seed', ({ seed }) => String(seed)],
          ['lift', (own) => own.lift],
          ['users, plain', (own) => rangeOf(own.needed, 'plain')],
          ['users, with CUPED', (own) => rangeOf(own.needed, 'cuped')],
        ],
      ),
      tableOf('Minimum detectable lift of clicks a user', effects, [
        ['days', (own) => String(own.days)],
        ['users', (own) => formatCount(own.users)],
        ['plain', (own) => formatPercent(own.lift)],
        ['with CUPED', (own) => formatPercent(own.cupedLift)],
      ]),
    ],
  }
}

/** Whether a null test rejects as often as it says that it does. */
export const isSound = ({ rejected }: Pick<SimulatedTests, 'rejected'>): boolean =>
  Math.abs(rejected.share - 0.05) <= 0.015

/** The least and the most users of several seeds; null is one by whose models nothing is gained. */
function rangeOf(needed: readonly (NeededUsers | null)[], key: 'plain' | 'cuped'): string {
  const users = needed.map((own) => own?.[key] ?? Number.POSITIVE_INFINITY)
  const ends = [Math.min(...users), Math.max(...users)].map((count) => (count < Infinity ? formatCount(count) : '∞'))
  return [...new Set(ends)].join(' to ')
}
