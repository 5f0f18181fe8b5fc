import { dot, line, text } from '@observablehq/plot'
import type { Figure } from '../figures/figure.ts'
import { formatCount, formatDuration, formatPercent } from '../format.ts'
import type { MainJobResult } from './result.ts'

/** Read latency and freshness. */
export function servingFigures({ read, freshness }: MainJobResult): Figure[] {
  return [
    percentileFigure(
      'Read latency',
      `${formatCount(read.count)} reads of a user’s served embedding, ${formatPercent(read.hitRate)} of which found one.`,
      read.quantiles.map(({ percent, us }) => ({ percent, ms: us / 1000 })),
      [read.p50Us / 1000, read.p99Us / 1000],
    ),
    percentileFigure(
      'Freshness',
      `From an event’s arrival until a read returns the embedding that knows it; ${formatCount(freshness.count)} refreshes.`,
      freshness.quantiles,
      [freshness.p50Ms, freshness.p99Ms],
    ),
  ]
}

interface Quantile {
  percent: number
  ms: number
}

/** Time by percentile, both on log scales: x is the number of nines, so that the tail has as much room as the middle. */
function percentileFigure(
  title: string,
  caption: string,
  quantiles: readonly Quantile[],
  [p50, p99]: readonly number[],
): Figure {
  const told: Quantile[] = [
    { percent: 50, ms: p50 },
    { percent: 99, ms: p99 },
  ]
  // A log scale has no place for 0, nor the nines for 100 %.
  const drawable = ({ percent, ms }: Quantile) => percent < 100 && ms > 0
  const points = quantiles.filter(drawable)
  const marked = told.filter(drawable)
  const color = 'var(--arm-with)'
  const reach = Math.max(99, ...points.map(({ percent }) => percent))
  const percents = [0, 50, 90, 99, 99.9, 99.99, 99.999].filter((percent) => percent <= reach)
  return {
    title,
    caption,
    description: told.map(({ percent, ms }) => `p${percent} ${formatDuration(ms)}`).join('; '),
    options: {
      height: 240,
      marginLeft: 56,
      marginRight: 24,
      x: {
        label: 'percentile',
        labelArrow: 'none',
        domain: [0, nines(reach)],
        ticks: percents.map(nines),
        tickFormat: (_: number, i: number) => String(percents[i]),
        grid: true,
      },
      y: {
        type: 'log',
        label: 'time, log scale',
        labelArrow: 'none',
        grid: true,
        ticks: logTicks([...points, ...marked].map(({ ms }) => ms)),
        tickFormat: formatTick,
        inset: 8,
      },
      marks: [
        line(points, { x: ({ percent }) => nines(percent), y: 'ms', stroke: color, strokeWidth: 2 }),
        dot(marked, { x: ({ percent }) => nines(percent), y: 'ms', r: 4, stroke: color, fill: color }),
        ...marked.map((quantile, i) =>
          text([quantile], {
            x: ({ percent }) => nines(percent),
            y: 'ms',
            text: ({ percent, ms }) => `p${percent} ${formatDuration(ms)}`,
            // The curve rises, so it leaves room below the first mark and above the last.
            ...(i === 0 ? { dy: 12, dx: 6, textAnchor: 'start' } : { dy: -12, dx: -6, textAnchor: 'end' }),
            fill: 'currentColor',
            stroke: 'var(--page)',
            strokeWidth: 4,
          }),
        ),
      ],
    },
  }
}

function nines(percent: number): number {
  return -Math.log10(1 - percent / 100)
}

/** Powers of ten over the range, with 2 and 5 between them where the range is short. */
function logTicks(values: readonly number[]): number[] {
  if (values.length === 0) return [1]
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const from = Math.floor(Math.log10(low))
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, i) => 10 ** (from + i))
  const ticks = powers.flatMap((power) => (high / low > 100 ? [power] : [power, 2 * power, 5 * power]))
  return ticks.filter((tick) => tick >= low / 1.5 && tick <= high * 1.5)
}

/** `20 µs`: ticks are round, so they need no decimals. */
function formatTick(ms: number): string {
  return formatDuration(ms).replace(/\.0+ /, ' ')
}
