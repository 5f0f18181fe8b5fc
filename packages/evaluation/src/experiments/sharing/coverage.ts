/** How many reads get a fresh vector, by the way of serving. */
import { clusterBootstrap } from '@headwater/statistics'
import { formatAge } from '../../lab/analysis/age.ts'
import { bootstrap } from '../../lab/analysis/figures.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import { noVector } from '../../lab/arms/coverage-arm.ts'
import type { Chart, FigureTable, Interval } from '../../report/findings.ts'
import { formatPercent } from '../../report/format.ts'
import { curvePoint } from '../charts.ts'
import { dayMs, modeTitles, type ServingMode, servingModes } from '../common-arms.ts'

const minuteMs = 60_000

/** A vector is fresh where it knows all of its user's events but those of the time before the read. */
const freshWithinMs = 60 * minuteMs
const thresholdsMs = [minuteMs, 10 * minuteMs, freshWithinMs, 6 * freshWithinMs, dayMs, 7 * dayMs]

/** Share of the test window's reads whose vector is fresh within a time. */
function freshShare(outcomes: Outcomes, mode: ServingMode, withinMs: number): Interval {
  return readShare(outcomes, mode, (lagMs) => lagMs !== noVector && lagMs <= withinMs)
}

function readShare(outcomes: Outcomes, mode: ServingMode, holds: (lagMs: number) => boolean): Interval {
  const [{ columns }] = outcomes.ofArm(`coverage-${mode}`)
  const counted = Float64Array.from(columns.lagMs, (lagMs) => (holds(lagMs) ? 1 : 0))
  const found = clusterBootstrap(outcomes.lab.test.users, [counted], bootstrap, ([sum], rows) => sum / rows)
  return { value: found.value, low: found.low, high: found.high }
}

export function coverageFindings(outcomes: Outcomes): {
  readonly verdict: string
  readonly charts: Chart[]
  readonly tables: FigureTable[]
} {
  const fresh = servingModes.map((mode) => ({ mode, share: freshShare(outcomes, mode, freshWithinMs) }))
  const told = fresh.map(({ mode, share }) => `${formatPercent(share.value)} ${mode}`)
  return {
    verdict: `Of the reads ${told.join(', ')} get a vector that is fresh within ${formatAge(freshWithinMs)}`,
    charts: [
      {
        title: 'Reads that get a fresh vector',
        caption:
          'Share of the test window’s reads whose vector knows all of its user’s events but those of as long before the read as the axis says. Users without an earlier event have none in any mode.',
        kind: 'curve',
        x: { label: 'unknown events at most as old, minutes, log scale', log: true },
        y: { label: 'share of reads, % · ↑ better', percent: true },
        series: servingModes.map((mode) => ({
          name: modeTitles[mode],
          points: thresholdsMs.map((ms) => curvePoint(formatAge(ms), ms / minuteMs, freshShare(outcomes, mode, ms))),
        })),
      },
    ],
    tables: [
      {
        title: `Coverage by serving mode; fresh: within ${formatAge(freshWithinMs)}`,
        head: ['mode', 'reads with a vector', 'with a fresh one', '95 %', 'that knows every event'],
        rows: fresh.map(({ mode, share }) => [
          modeTitles[mode],
          formatPercent(readShare(outcomes, mode, (lagMs) => lagMs !== noVector).value),
          formatPercent(share.value),
          `${formatPercent(share.low)} … ${formatPercent(share.high)}`,
          formatPercent(freshShare(outcomes, mode, 0).value),
        ]),
      },
    ],
  }
}
