/** The main job's figures, but for those of times. */
import { rect, ruleX, ruleY } from '@observablehq/plot'
import { curveFigure } from '../figures/curve-figure.ts'
import type { Figure } from '../figures/figure.ts'
import { intervalFigure } from '../figures/interval-figure.ts'
import { formatCompactCount, formatCount, formatDrift, formatGain, formatNe, formatPercent } from '../format.ts'
import { armStyles } from './arms.ts'
import { type Arm, arms, type EarlierEventsBucket, type MainJobResult } from './result.ts'

const neLabel = '← better · normalized entropy'
const gainLabel = 'gain in normalized entropy, % · better →'
const point = (arm: Arm, value: number) => {
  return { label: armStyles[arm].label, x: value, low: null, high: null, style: armStyles[arm] }
}

/** Normalized entropy of each arm, the best first. */
export function neFigure({ ne, neInterval, bySeed, seeds }: MainJobResult): Figure {
  const seedPoints = bySeed.flatMap((seed) => arms.map((arm) => point(arm, seed.ne[arm])))
  return intervalFigure({
    title: 'All arms: normalized entropy',
    caption: `Lower is better. Bars are 95 % intervals over users; arms share rows, so gains are surer than bars suggest.${
      seeds.length > 1 ? ` Dots below are the ${seeds.length} seeds.` : ''
    }`,
    label: neLabel,
    fromZero: false,
    across: true,
    format: formatNe,
    points: arms
      .toSorted((a, b) => ne[a] - ne[b])
      .map((arm) => ({
        ...point(arm, ne[arm]),
        ...neInterval[arm],
        longLabel: `${armStyles[arm].label}: ${armStyles[arm].sees}`,
      })),
    ...(seeds.length > 1 && { beside: { points: seedPoints, radius: 1.5, below: 9 } }),
  })
}

/** Gains of each arm over the arm without. */
export function gainFigure({ neGain, gainOverWithout }: MainJobResult): Figure {
  const gains = { with: neGain, ...gainOverWithout }
  return intervalFigure({
    title: 'Relative gain over the arm without',
    caption: 'Higher is better. Paired bars: both arms are scored on the same rows of the same drawn users.',
    label: gainLabel,
    percent: true,
    format: formatGain,
    points: arms.flatMap((arm) => {
      if (arm === 'without') return []
      const { value, low, high } = gains[arm]
      return [{ ...point(arm, value), low, high }]
    }),
  })
}

/** `3–9 (22 %)` */
const bucketName = ({ label, rows }: EarlierEventsBucket, rowsScored: number) =>
  `${label} (${formatPercent(rows / rowsScored, 0)})`

/** The gain by how many events the row's user had before; null where no part of the rows was scored by itself. */
export function cohortFigure({ byEarlierEvents, rowsScored }: MainJobResult): Figure | null {
  if (byEarlierEvents.length === 0) return null
  return intervalFigure({
    title: 'For whom: gain by the user’s earlier events',
    caption:
      'With over without, 95 % intervals over users. Users at 0 are new to the log. In brackets: share of the scored rows.',
    label: gainLabel,
    percent: true,
    format: formatGain,
    points: byEarlierEvents.map((own) => ({ label: bucketName(own, rowsScored), x: own.neGain.value, ...own.neGain })),
  })
}

/** What the gain by earlier events is made of. */
export function cohortNeFigure({ byEarlierEvents, rowsScored }: MainJobResult): Figure {
  const points = (arm: 'without' | 'with') =>
    byEarlierEvents.map((own) => {
      const { ne } = own
      const bar = arm === 'with' && { low: Math.min(ne.without, ne.with), high: Math.max(ne.without, ne.with) }
      return { ...point(arm, ne[arm]), ...bar, label: bucketName(own, rowsScored) }
    })
  return intervalFigure({
    title: 'Normalized entropy by the user’s earlier events',
    caption:
      'With, and without by the end of the bar. Each bucket over its own base rate, so compare within a row. In brackets: share of the scored rows.',
    label: neLabel,
    fromZero: false,
    format: formatNe,
    points: points('with'),
    beside: { points: points('without'), radius: 5, below: 0 },
  })
}

/** Normalized entropy and gain by tenth of the log. */
export function progressiveFigures({ rows, rowsScored, snapshotRows, progressive }: MainJobResult): Figure[] {
  const behind = [
    rect([{ from: rows - rowsScored, to: rows }], { x1: 'from', x2: 'to', fill: 'currentColor', fillOpacity: 0.07 }),
    ruleX(snapshotRows, { stroke: 'currentColor', strokeOpacity: 0.35, strokeDasharray: '2,3' }),
  ]
  // The first arm is drawn last, and so above the others.
  const curves = (shown: readonly Arm[], value: (ne: Record<Arm, number>, arm: Arm) => number) =>
    shown.toReversed().map((arm) => ({
      name: arm,
      style: armStyles[arm],
      strokeWidth: arm === 'with' ? 2.5 : 1.5,
      points: progressive.map(({ fromRow, toRow, ne }) => {
        return { label: `rows ${formatCount(fromRow)} on`, x: (fromRow + toRow) / 2, y: value(ne, arm) }
      }),
    }))
  const x = {
    label: 'row of the log',
    domain: [0, rows],
    tickFormat: (row: number) => (rows < 1e5 ? formatCount(row) : formatCompactCount(row)),
  }
  return [
    curveFigure({
      title: 'Normalized entropy over the log',
      caption:
        'Progressive: every row is predicted, then trained on. A point is a tenth of the log over its own base rate. Dotted lines are published snapshots; the shaded end is what the figures are of.',
      format: formatNe,
      legend: false,
      x,
      y: { label: 'normalized entropy · ↓ better', percent: false },
      behind,
      curves: curves(arms, (ne, arm) => ne[arm]),
    }),
    curveFigure({
      title: 'Relative gain over the log',
      caption:
        'The same against the arm without. Before the first snapshot nothing is served, so that all arms but features and linear must agree but for chance.',
      format: formatGain,
      legend: false,
      x,
      y: { label: 'gain, % · ↑ better', percent: true },
      behind: [...behind, ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.6 })],
      curves: curves(
        arms.filter((arm) => arm !== 'without'),
        (ne, arm) => 1 - ne[arm] / ne.without,
      ),
    }),
  ]
}

/** Between snapshots. */
export function driftFigures({ drift }: MainJobResult): Figure[] {
  const { byRound } = drift
  const figure = (measure: 'centredCosine' | 'residual', name: string, caption: string, label: string) =>
    curveFigure({
      title: `Drift between snapshots: ${name}`,
      caption,
      format: formatDrift,
      x: {
        label: 'snapshot, against the one before',
        ticks: byRound.length > 12 ? 8 : byRound.map((round) => round.toSnapshot),
        tickFormat: 'd',
      },
      y: { label },
      curves: [
        {
          name: `mean ${formatDrift(drift[measure])}`,
          points: byRound.map(({ fromSnapshot, toSnapshot, ...own }) => {
            return { label: `${fromSnapshot} to ${toSnapshot}`, x: toSnapshot, y: own[measure] }
          }),
        },
      ],
    })
  return [
    figure(
      'centredCosine',
      'centred cosine',
      'Mean over users of the cosine between the vectors of the same features from one snapshot and the next, each less the mean that users share.',
      'cosine · 1 = none',
    ),
    figure(
      'residual',
      'residual',
      'What a downstream model must follow, as a share of what tells users apart; above .5 a snapshot opens a frame of its own.',
      '‖new − old‖ ÷ ‖old − mean‖ · 0 = none',
    ),
  ]
}
