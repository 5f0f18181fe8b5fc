/** An experiment's chart as a figure of the report. */
import type { Axis, Chart } from '../findings.ts'
import { formatFixed } from '../format.ts'
import { curveFigure } from './curve-figure.ts'
import type { Figure } from './figure.ts'
import { intervalFigure } from './interval-figure.ts'

export function chartFigure({ kind, title, caption, x, y, series }: Chart): Figure {
  if (kind === 'curve') {
    const curves = series.map(({ name, points }) => ({
      name,
      points: points.map((own) => ({ ...own, y: own.y ?? own.x })),
    }))
    const log = x.log === true && { type: 'log' as const }
    const scales = { x: { label: x.label, ...log }, y: { label: y.label, percent: y.percent === true } }
    return curveFigure({ title, caption, curves, format: formatOf(y), ...scales })
  }
  const { points } = series[0]
  return intervalFigure({ title, caption, label: x.label, percent: x.percent === true, format: formatOf(x), points })
}

function formatOf({ percent }: Axis): (value: number) => string {
  if (percent) return (value) => `${formatFixed(100 * value, 2)} %`
  return (value) => formatFixed(value, Math.abs(value) >= 100 ? 0 : 4)
}
