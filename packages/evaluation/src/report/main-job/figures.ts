/** The main job's figures, but for those of times. */
import { rect, ruleX, ruleY } from '@observablehq/plot'
import { curveFigure } from '../figures/curve-figure.ts'
import type { Figure } from '../figures/figure.ts'
import { intervalFigure } from '../figures/interval-figure.ts'
import { formatCompactCount, formatCount, formatDrift, formatGain, formatNe, formatPercent } from '../format.ts'
import { armStyles } from './arms.ts'
import { type Arm, arms, type MainJobResult } from './result.ts'

const neLabel = '← better · normalized entropy'
const gainLabel = 'gain in normalized entropy, % · better →'
const point = (arm: Arm, value: number) => {
  return { label: armStyles[arm].label, x: value, low: null, high: null, style: armStyles[arm] }
}

export function armNeFigure({ ne, neInterval, bySeed, seeds }: MainJobResult): Figure {
  const several = seeds.length > 1
  return intervalFigure({
    title: 'Normalized entropy of each arm',
    caption: `Lower is better. Bars are 95 % intervals over users; arms share rows, so gains are surer than bars suggest.${
      several ? ` Dots below are the ${seeds.length} seeds.` : ''
    }`,
    label: neLabel,
    fromZero: false,
    format: formatNe,
    points: arms.map((arm) => ({ ...point(arm, ne[arm]), ...neInterval[arm] })),
    ...(several && {
      beside: {
        points: bySeed.flatMap((seed) => arms.map((arm) => point(arm, seed.ne[arm]))),
        radius: 1.5,
        below: 9,
      },
    }),
  })
}

export function armGainFigure({ neGain, gainOverWithout }: MainJobResult): Figure {
  return intervalFigure({
    title: 'Relative gain over the arm without',
    caption: 'Higher is better. Paired bars: both arms are scored on the same rows of the same drawn users.',
    label: gainLabel,
    percent: true,
    format: formatGain,
    points: (['with', 'latest', 'random', 'untrained'] as const).map((arm) => {
      const { value, ...bounds } = arm === 'with' ? neGain : gainOverWithout[arm]
      return { ...point(arm, value), ...bounds }
    }),
  })
}

/** `3–9 (22 %)` */
const bucketName = ({ label, rows }: MainJobResult['byEarlierEvents'][number], { rowsScored }: MainJobResult) =>
  `${label} (${formatPercent(rows / rowsScored, 0)})`

export function earlierEventsNeFigure(result: MainJobResult): Figure {
  const points = (arm: 'without' | 'with') =>
    result.byEarlierEvents.map((own) => {
      const { ne } = own
      const bar = arm === 'with' && { low: Math.min(ne.without, ne.with), high: Math.max(ne.without, ne.with) }
      return { ...point(arm, ne[arm]), ...bar, label: bucketName(own, result) }
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

export function earlierEventsGainFigure(result: MainJobResult): Figure {
  return intervalFigure({
    title: 'Relative gain by the user’s earlier events',
    caption: 'With over without, 95 % intervals over users. Users at 0 are new to the log.',
    label: gainLabel,
    percent: true,
    format: formatGain,
    points: result.byEarlierEvents.map((own) => ({
      label: bucketName(own, result),
      x: own.neGain.value,
      ...own.neGain,
    })),
  })
}

/** Of each arm by tenth of the log. */
function progressiveFigure(
  { rows, rowsScored, snapshotRows, progressive }: MainJobResult,
  own: Pick<Figure, 'title' | 'caption'> & {
    readonly label: string
    readonly shown: readonly Arm[]
    readonly value: (ne: Record<Arm, number>, arm: Arm) => number
    readonly isGain: boolean
  },
): Figure {
  const { title, caption, label, shown, value, isGain } = own
  return curveFigure({
    title,
    caption,
    format: isGain ? formatGain : formatNe,
    legend: false,
    x: {
      label: 'row of the log',
      domain: [0, rows],
      tickFormat: (row: number) => (rows < 1e5 ? formatCount(row) : formatCompactCount(row)),
    },
    y: { label, percent: isGain },
    behind: [
      rect([{ from: rows - rowsScored, to: rows }], { x1: 'from', x2: 'to', fill: 'currentColor', fillOpacity: 0.07 }),
      ruleX(snapshotRows, { stroke: 'currentColor', strokeOpacity: 0.35, strokeDasharray: '2,3' }),
      isGain ? ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.6 }) : null,
    ],
    // The first is drawn last, and so above the others.
    curves: shown.toReversed().map((arm) => ({
      name: arm,
      style: armStyles[arm],
      strokeWidth: arm === 'with' ? 2.5 : 1.5,
      points: progressive.map(({ fromRow, toRow, ne }) => {
        return { label: `rows ${formatCount(fromRow)} on`, x: (fromRow + toRow) / 2, y: value(ne, arm) }
      }),
    })),
  })
}

export function progressiveNeFigure(result: MainJobResult): Figure {
  return progressiveFigure(result, {
    title: 'Normalized entropy over the log',
    caption:
      'Progressive: every row is predicted, then trained on. A point is a tenth of the log over its own base rate. Dotted lines are published snapshots; the shaded end is what the figures are of.',
    label: 'normalized entropy · ↓ better',
    shown: arms,
    value: (ne, arm) => ne[arm],
    isGain: false,
  })
}

export function progressiveGainFigure(result: MainJobResult): Figure {
  return progressiveFigure(result, {
    title: 'Relative gain over the log',
    caption:
      'The same against the arm without. Before the first snapshot all arms see the default vector, so they must agree but for chance.',
    label: 'gain, % · ↑ better',
    shown: arms.filter((arm) => arm !== 'without'),
    value: (ne, arm) => 1 - ne[arm] / ne.without,
    isGain: true,
  })
}

export function driftFigure({ drift }: MainJobResult, measure: 'cosine' | 'relativeL2'): Figure {
  const isCosine = measure === 'cosine'
  const points = drift.byRound.map(({ fromSnapshot, toSnapshot, ...own }) => {
    return { label: `${fromSnapshot} to ${toSnapshot}`, x: toSnapshot, y: own[measure] }
  })
  return curveFigure({
    title: `Drift between snapshots: ${isCosine ? 'cosine' : 'relative L2'}`,
    caption: isCosine
      ? 'Mean over users of the cosine between the vectors of the same features from one snapshot and the next.'
      : 'Drift is what a downstream model must follow, and what averaging over snapshots smooths.',
    format: formatDrift,
    x: {
      label: 'snapshot, against the one before',
      ticks: drift.byRound.length > 12 ? 8 : drift.byRound.map((round) => round.toSnapshot),
      tickFormat: 'd',
    },
    y: { label: isCosine ? 'cosine · 1 = none' : '‖new − old‖ ÷ ‖old‖ · 0 = none' },
    curves: [{ name: `mean ${formatDrift(drift[measure])}`, points }],
  })
}
