/** Lines of points over a scale, with intervals where there are some. */
import { dot, line, link, type Markish, type PlotOptions } from '@observablehq/plot'
import { formatCompactCount } from '../format.ts'
import { type Figure, toldFigure } from './figure.ts'
import { renderSeriesLegend, type SeriesStyle, seriesStyles } from './series-style.ts'

interface CurvePoint {
  readonly label: string
  readonly x: number
  readonly y: number
  readonly low?: number | null
  readonly high?: number | null
}

interface Curve {
  readonly name: string
  readonly points: readonly CurvePoint[]
  /** Default: by its place. */
  readonly style?: SeriesStyle
  readonly strokeWidth?: number
}

interface CurveFigureOptions {
  readonly title: string
  readonly caption: string
  readonly curves: readonly Curve[]
  readonly format: (value: number) => string
  /** What is special of the scales, beside their labels. */
  readonly x: PlotOptions['x']
  readonly y: PlotOptions['y']
  /** Drawn before the lines. */
  readonly behind?: readonly Markish[]
  /** Whether the figure says which line is which. Default: where there are several. */
  readonly legend?: boolean
}

export function curveFigure({ title, caption, curves, format, x, y, behind = [], legend }: CurveFigureOptions): Figure {
  const styleOf = ({ style }: Curve, i: number) => style ?? seriesStyles[i % seriesStyles.length]
  const isBounded = ({ low, high }: CurvePoint) => typeof low === 'number' && typeof high === 'number'
  const told = (own: CurvePoint) => `${own.label} ${toldFigure(own, own.y, format)}`
  return {
    title,
    caption,
    description: curves.map(({ name, points }) => `${name}: ${points.map(told).join('; ')}`).join('. ') || 'No rows',
    ...((legend ?? curves.length > 1) && {
      legend: renderSeriesLegend(curves.map((own, i) => ({ label: own.name, ...styleOf(own, i) }))),
    }),
    options: {
      height: 260,
      marginLeft: 56,
      marginRight: 24,
      x: { labelArrow: 'none', grid: true, inset: 10, ticks: 4, tickFormat: formatTick, ...x },
      y: { labelArrow: 'none', grid: true, nice: true, ticks: 5, ...y },
      marks: [
        ...behind,
        ...curves.flatMap((own, i) => {
          const { color, symbol } = styleOf(own, i)
          const { points, strokeWidth = 1.5 } = own
          return [
            link(points.filter(isBounded), {
              x: 'x',
              y1: 'low',
              y2: 'high',
              stroke: color,
              strokeWidth: 3,
              strokeOpacity: 0.3,
            }),
            line(points, { x: 'x', y: 'y', stroke: color, strokeWidth }),
            dot(points, { x: 'x', y: 'y', r: 4, symbol, stroke: color, fill: color }),
          ]
        }),
      ],
    },
  }
}

/** Short, whatever the axis is of. */
function formatTick(value: number): string {
  return Math.abs(value) < 1000 ? String(Number(value.toPrecision(3))) : formatCompactCount(value)
}
