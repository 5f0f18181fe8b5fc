/** An experiment's chart as a figure of the report. */
import { dot, line, link, ruleX, ruleY, text } from '@observablehq/plot'
import type { Chart, ChartPoint, Series } from '../findings.ts'
import { formatCompactCount, formatFixed } from '../format.ts'
import type { Figure } from './figure.ts'
import { renderSeriesLegend } from './legend.ts'

/** Colours and symbols of lines, so that none is told by colour alone. */
const styles = [
  { color: 'var(--arm-with)', symbol: 'circle' },
  { color: 'var(--arm-random)', symbol: 'triangle' },
  { color: 'var(--arm-latest)', symbol: 'diamond' },
  { color: 'var(--arm-untrained)', symbol: 'square' },
  { color: 'var(--arm-without)', symbol: 'times' },
  { color: 'var(--text)', symbol: 'circle' },
] as const

const pixelsALetter = 6.9
const widestLabel = 150

export function chartFigure(chart: Chart): Figure {
  return chart.kind === 'named' ? namedFigure(chart) : curveFigure(chart)
}

function figureText(value: number, percent: boolean | undefined): string {
  if (percent) return `${formatFixed(100 * value, 2)} %`
  return Math.abs(value) >= 100 ? formatFixed(value, 0) : formatFixed(value, 4)
}

const bounds = ({ low, high }: ChartPoint, percent: boolean | undefined) =>
  low === null || high === null ? '' : ` [${figureText(low, percent)}, ${figureText(high, percent)}]`

function namedFigure({ title, caption, x, series }: Chart): Figure {
  const points = series[0].points
  const { color, symbol } = styles[0]
  const longest = Math.max(1, ...points.map(({ label }) => label.length))
  const bounded = points.filter(({ low, high }) => low !== null && high !== null)
  return {
    title,
    caption,
    description: points
      .map((own) => `${own.label} ${figureText(own.x, x.percent)}${bounds(own, x.percent)}`)
      .join('; '),
    options: {
      height: 70 + 26 * points.length,
      marginLeft: Math.min(widestLabel, 14 + pixelsALetter * longest),
      marginRight: 62,
      x: { label: x.label, labelArrow: 'none', grid: true, percent: x.percent === true, ticks: 4, inset: 6 },
      y: {
        domain: points.map(({ label }) => label),
        label: null,
        type: 'point',
        padding: 0.6,
        tickSize: 0,
        tickFormat: (label: string) => shortened(label),
      },
      marks: [
        ruleX([0], { stroke: 'currentColor', strokeOpacity: 0.6 }),
        ruleY(bounded, { y: 'label', x1: 'low', x2: 'high', stroke: color, strokeWidth: 3, strokeOpacity: 0.55 }),
        dot(points, { y: 'label', x: 'x', r: 5, symbol, stroke: color, fill: color }),
        text(points, {
          y: 'label',
          text: (own: ChartPoint) => figureText(own.x, x.percent),
          frameAnchor: 'right',
          textAnchor: 'start',
          dx: 6,
          fill: 'currentColor',
        }),
      ],
    },
  }
}

/** What a chart has room for of a label. */
export function shortened(label: string): string {
  const letters = Math.floor((widestLabel - 14) / pixelsALetter)
  return label.length <= letters ? label : `${label.slice(0, letters - 1)}…`
}

function curveFigure({ title, caption, x, y, series }: Chart): Figure {
  return {
    title,
    caption,
    description: series.map((own) => `${own.name}: ${describeSeries(own, y.percent)}`).join('. '),
    ...(series.length > 1 && {
      legend: renderSeriesLegend(series.map(({ name }, i) => ({ label: name, ...styles[i % styles.length] }))),
    }),
    options: {
      height: 260,
      marginLeft: 56,
      marginRight: 24,
      x: {
        label: x.label,
        labelArrow: 'none',
        grid: true,
        inset: 10,
        ticks: 4,
        tickFormat: formatTick,
        ...(x.log && { type: 'log' }),
      },
      y: { label: y.label, labelArrow: 'none', grid: true, nice: true, ticks: 5, percent: y.percent === true },
      marks: series.flatMap(({ points }, i) => {
        const { color, symbol } = styles[i % styles.length]
        const bounded = points.filter(({ low, high }) => low !== null && high !== null)
        return [
          link(bounded, { x: 'x', y1: 'low', y2: 'high', stroke: color, strokeWidth: 3, strokeOpacity: 0.3 }),
          line(points, { x: 'x', y: 'y', stroke: color, strokeWidth: 1.5 }),
          dot(points, { x: 'x', y: 'y', r: 4, symbol, stroke: color, fill: color }),
        ]
      }),
    },
  }
}

/** Short, whatever the axis is of. */
function formatTick(value: number): string {
  return Math.abs(value) < 1000 ? String(Number(value.toPrecision(3))) : formatCompactCount(value)
}

function describeSeries({ points }: Series, percent: boolean | undefined): string {
  return points.map((own) => `${own.label} ${figureText(own.y ?? own.x, percent)}${bounds(own, percent)}`).join('; ')
}
