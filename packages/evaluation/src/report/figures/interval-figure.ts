/** Named points with intervals, one below the other. */
import { dot, type PlotOptions, ruleX, ruleY, text } from '@observablehq/plot'
import type { ChartPoint } from '../findings.ts'
import { acrossWidth, type Figure, narrowWidth, toldFigure } from './figure.ts'
import { type SeriesStyle, seriesStyles } from './series-style.ts'

type NamedPoint = Omit<ChartPoint, 'y'> & {
  /** Default: that of the first series. */
  readonly style?: SeriesStyle
  /** In place of its label, where there is room. */
  readonly longLabel?: string
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
  /** Whether it takes a wide page's whole width, and has there long labels, and its intervals in figures. */
  readonly across?: boolean
}

const pixelsALetter = 6.9
const tickPixels = 50
const besideName = 20
const widestLabel = 160
const widestAcross = 460

const longLabelOf = ({ label, longLabel = label }: NamedPoint) => longLabel

export function intervalFigure(options: IntervalFigureOptions): Figure {
  const { title, caption, format, points, across = false } = options
  return {
    title,
    caption,
    description: points.map((own) => `${own.label} ${toldFigure(own, own.x, format)}`).join('; '),
    // Both where a page is narrow and in half of a wide one, where there is more room.
    options: drawing(
      options,
      narrowWidth,
      widestLabel,
      ({ label }) => label,
      ({ x }) => format(x),
    ),
    ...(across && {
      across: drawing(options, acrossWidth, widestAcross, longLabelOf, (own) => toldFigure(own, own.x, format)),
    }),
  }
}

/**
 * @param width that it has at least, in pixels
 * @param widest name, in pixels
 * @param nameOf a point, at its row's beginning
 * @param figureOf a point, at its row's end
 */
function drawing(
  { label, percent = false, points, beside, fromZero = true }: IntervalFigureOptions,
  width: number,
  widest: number,
  nameOf: (own: NamedPoint) => string,
  figureOf: (own: NamedPoint) => string,
): PlotOptions {
  const styled = (own: readonly NamedPoint[]) => own.map((point) => ({ ...seriesStyles[0], ...point.style, ...point }))
  const shown = styled(points)
  const names = new Map(points.map((own) => [own.label, shortened(nameOf(own), widest)]))
  const longest = (texts: Iterable<string>) => Math.max(1, ...[...texts].map((own) => own.length))
  const marginLeft = Math.min(widest, besideName + pixelsALetter * longest(names.values()))
  const marginRight = Math.max(62, 14 + pixelsALetter * longest(points.map(figureOf)))
  const look = { y: 'label', x: 'x', symbol: 'symbol', stroke: 'color', fill: 'color' }
  return {
    height: 58 + 24 * points.length,
    marginTop: 8,
    marginLeft,
    marginRight,
    x: {
      label,
      labelArrow: 'none',
      grid: true,
      percent,
      ticks: Math.max(3, Math.min(4, Math.floor((width - marginLeft - marginRight) / tickPixels))),
      inset: 6,
      ...(!fromZero && { labelAnchor: 'left' }),
    },
    y: {
      domain: points.map((own) => own.label),
      label: null,
      type: 'point',
      padding: 0.6,
      tickSize: 0,
      tickFormat: (name: string) => names.get(name),
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
        text: figureOf,
        frameAnchor: 'right',
        textAnchor: 'start',
        dx: 6,
        fill: 'currentColor',
      }),
    ],
  }
}

/** What a chart has room for of a name. */
export function shortened(name: string, widest = widestLabel): string {
  const letters = Math.floor((widest - besideName) / pixelsALetter)
  return name.length <= letters ? name : `${name.slice(0, letters - 1)}…`
}
