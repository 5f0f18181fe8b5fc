/** How many reads get a fresh vector, by the way of serving. */
import { clusterBootstrap } from '@headwater/statistics'
import { bootstrap } from '../../lab/analysis/figures.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import { noVector } from '../../lab/arms/coverage-arm.ts'
import type { Findings, Interval } from '../../report/findings.ts'
import { formatAge, formatPercent } from '../../report/format.ts'
import { tableOf } from '../../report/table.ts'
import { curveChart, curvePoint } from '../charts.ts'
import { dayMs, modeTitles, type ServingMode, servingModes } from '../common-arms.ts'

const minuteMs = 60_000

/** A vector is fresh where it knows all of its user's events but those of the time before the read. */
const freshWithinMs = 60 * minuteMs
const thresholdsMs = [minuteMs, 10 * minuteMs, freshWithinMs, 6 * freshWithinMs, dayMs, 7 * dayMs]

/** Share of the test window's reads whose vector is fresh within a time. */
function freshShare(outcomes: Outcomes, mode: ServingMode, withinMs: number): Interval {
  return outcomes.once(`fresh ${mode} ${withinMs}`, () => {
    const [{ columns }] = outcomes.ofArm(`coverage-${mode}`)
    const counted = columns.lagMs.map((lagMs) => (lagMs !== noVector && lagMs <= withinMs ? 1 : 0))
    const { users } = outcomes.lab.test
    const { value, low, high } = clusterBootstrap(users, [counted], bootstrap, ([sum], rows) => sum / rows)
    return { value, low, high }
  })
}

export function coverageFindings(outcomes: Outcomes): Pick<Findings, 'verdict' | 'charts' | 'tables'> {
  const fresh = (mode: ServingMode) => freshShare(outcomes, mode, freshWithinMs)
  const told = servingModes.map((mode) => `${formatPercent(fresh(mode).value)} ${mode}`)
  return {
    verdict: `Of the reads ${told.join(', ')} get a vector that is fresh within ${formatAge(freshWithinMs)}`,
    charts: [
      curveChart(
        'Reads that get a fresh vector',
        'Share of the test window’s reads whose vector knows all of its user’s events but those of as long before the read as the axis says. Users without an earlier event have none in any mode.',
        { label: 'unknown events at most as old, minutes, log scale', log: true },
        { label: 'share of reads, % · ↑ better', percent: true },
        servingModes.map((mode) => ({
          name: modeTitles[mode],
          points: thresholdsMs.map((ms) => curvePoint(formatAge(ms), ms / minuteMs, freshShare(outcomes, mode, ms))),
        })),
      ),
    ],
    tables: [
      tableOf(`Coverage by serving mode; fresh: within ${formatAge(freshWithinMs)}`, servingModes, [
        ['mode', (mode) => modeTitles[mode]],
        ['reads with a vector', (mode) => formatPercent(freshShare(outcomes, mode, Number.POSITIVE_INFINITY).value)],
        ['with a fresh one', (mode) => formatPercent(fresh(mode).value)],
        ['95 %', (mode) => `${formatPercent(fresh(mode).low)} … ${formatPercent(fresh(mode).high)}`],
        ['that knows every event', (mode) => formatPercent(freshShare(outcomes, mode, 0).value)],
      ]),
    ],
  }
}
