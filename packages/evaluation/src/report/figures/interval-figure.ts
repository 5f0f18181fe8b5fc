/** Named points with intervals, one below the other. */
import { dot, ruleX, ruleY, text } from '@observablehq/plot'
import type { ChartPoint } from '../findings.ts'
import { type Figure, toldPoint } from './figure.ts'
import { type SeriesStyle, seriesStyles } from './series-style.ts'

type NamedPoint = Omit<ChartPoint, 'y'> & {
  /** Default: that of the first series. */
  readonly style?: SeriesStyle
}

interface IntervalFigureOptions {
  readonly title: string
  readonly caption: string
  /** Of the figures' axis. */
  readonly label: string
  /** Whether figures are shares, to be shown in percent. */
  readonly percent?: boolean
  readonly format: (value: number) => string
  readonly points: readonly NamedPoint[]
  /** Other figures of the same names, drawn before the points. */
  readonly beside?: { readonly points: readonly NamedPoint[]; readonly radius: number; readonly below: number }
  /** Whether the scale holds 0. Default true. */
  readonly fromZero?: boolean
}

const pixelsALetter = 6.9
const widestLabel = 150

export function intervalFigure(options: IntervalFigureOptions): Figure {
  const { title, caption, label, percent = false, format, points, beside, fromZero = true } = options
  const styled = (own: readonly NamedPoint[]) => own.map((point) => ({ ...seriesStyles[0], ...point.style, ...point }))
  const shown = styled(points)
  const longest = Math.max(1, ...points.map((own) => own.label.length))
  const look = { y: 'label', x: 'x', symbol: 'symbol', stroke: 'color', fill: 'color' }
  return {
    title,
    caption,
    description: points.map((own) => toldPoint(own, own.x, format)).join('; '),
    options: {
      height: 70 + 26 * points.length,
      marginLeft: Math.min(widestLabel, 14 + pixelsALetter * longest),
      marginRight: 62,
      x: {
        label,
        labelArrow: 'none',
        grid: true,
        percent,
        ticks: 4,
        inset: 6,
        ...(!fromZero && { labelAnchor: 'left' }),
      },
      y: {
        domain: points.map((own) => own.label),
        label: null,
        type: 'point',
        padding: 0.6,
        tickSize: 0,
        tickFormat: shortened,
      },
      color: { type: 'identity' },
      symbol: { type: 'identity' },
      marks: [
        fromZero ? ruleX([0], { stroke: 'currentColor', strokeOpacity: 0.6 }) : null,
        ruleY(
          shown.filter(({ low, high }) => low !== null && high !== null),
          { y: 'label', x1: 'low', x2: 'high', stroke: 'color', strokeWidth: 3, strokeOpacity: 0.55 },
        ),
        beside ? dot(styled(beside.points), { ...look, r: beside.radius, dy: beside.below }) : null,
        dot(shown, { ...look, r: 5 }),
        text(shown, {
          y: 'label',
          text: ({ x }) => format(x),
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
