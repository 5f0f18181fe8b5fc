import { dot, line, rect, ruleX, ruleY } from '@observablehq/plot'
import type { Figure } from '../figures/figure.ts'
import { formatCompactCount, formatCount, formatGain, formatNe } from '../format.ts'
import { armStyles } from './arms.ts'
import { type Arm, arms, type MainJobResult } from './result.ts'

export function progressiveNePlot(result: MainJobResult): Figure {
  const first = result.progressive.at(0)
  const last = result.progressive.at(-1)
  return {
    title: 'Normalized entropy over the log',
    caption:
      'Progressive: every row is predicted, then trained on. A point is a tenth of the log over its own base rate. Dotted lines are published snapshots; the shaded end is what the figures are of.',
    description:
      first && last
        ? arms
            .map(
              (arm) =>
                `${arm} from ${formatNe(first.ne[arm])} in the first tenth to ${formatNe(last.ne[arm])} in the last`,
            )
            .join('; ')
        : 'No rows',
    options: {
      ...frame(result),
      y: { label: 'normalized entropy · ↓ better', labelArrow: 'none', grid: true, nice: true },
      marks: [...background(result), ...arms.toReversed().flatMap((arm) => series(result, arm, (ne) => ne[arm]))],
    },
  }
}

export function progressiveGainPlot(result: MainJobResult): Figure {
  const compared = arms.filter((arm) => arm !== 'without')
  const gain = (arm: Arm) => (ne: Record<Arm, number>) => (ne.without - ne[arm]) / ne.without
  const last = result.progressive.at(-1)
  return {
    title: 'Relative gain over the log',
    caption:
      'The same against the arm without. Before the first snapshot all arms see the default vector, so they must agree but for chance.',
    description: last
      ? `In the last tenth: ${compared.map((arm) => `${arm} ${formatGain(gain(arm)(last.ne))}`).join('; ')}`
      : 'No rows',
    options: {
      ...frame(result),
      y: { label: 'gain, % · ↑ better', labelArrow: 'none', grid: true, nice: true, percent: true },
      marks: [
        ...background(result),
        ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.6 }),
        ...compared.toReversed().flatMap((arm) => series(result, arm, gain(arm))),
      ],
    },
  }
}

function frame({ rows }: MainJobResult) {
  return {
    height: 260,
    marginLeft: 48,
    marginRight: 28,
    x: {
      label: 'row of the log',
      labelArrow: 'none' as const,
      domain: [0, rows],
      ticks: 4,
      tickFormat: (row: number) => (rows < 1e6 ? formatCount(row) : formatCompactCount(row)),
    },
  }
}

function background({ rows, rowsScored, snapshotRows }: MainJobResult) {
  return [
    rect([{ from: rows - rowsScored, to: rows }], { x1: 'from', x2: 'to', fill: 'currentColor', fillOpacity: 0.07 }),
    ruleX(snapshotRows, { stroke: 'currentColor', strokeOpacity: 0.35, strokeDasharray: '2,3' }),
  ]
}

function series({ progressive }: MainJobResult, arm: Arm, value: (ne: Record<Arm, number>) => number) {
  const { color, symbol } = armStyles[arm]
  const points = progressive.map(({ fromRow, toRow, ne }) => ({ row: (fromRow + toRow) / 2, value: value(ne) }))
  return [
    line(points, { x: 'row', y: 'value', stroke: color, strokeWidth: arm === 'with' ? 2.5 : 1.5 }),
    dot(points, { x: 'row', y: 'value', r: 3, symbol, stroke: color, fill: color }),
  ]
}
