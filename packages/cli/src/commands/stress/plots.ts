/** The curves of a stress over the rate. */
import { type Figure, formatCount, formatDuration } from '@headwater/evaluation/report-parts'
import { formatRate, type StressResult, type StressStep, stepsByRate } from '@headwater/load/stress'
import { dot, line, ruleX, ruleY, text } from '@observablehq/plot'

const inks = {
  first: 'var(--arm-with)',
  second: 'var(--series-green)',
  third: 'var(--arm-random)',
  quiet: 'var(--arm-without)',
} as const

interface Series {
  readonly name: string
  readonly ink: string
  readonly of: (step: StressStep) => number | null
}

export function latencyPlot(result: StressResult): Figure {
  const { p99Ms } = result.settings
  return plot(result, {
    title: 'Latency',
    caption: `From the time at which a call was due to its whole answer; log scales. Dashed: the limit of the p99, ${formatDuration(p99Ms)}. Hollow: steps that broke.`,
    format: formatDuration,
    y: { type: 'log', label: 'latency, ms' },
    limit: p99Ms,
    series: [
      { name: 'p99.9', ink: inks.quiet, of: ({ load }) => load.p999Ms },
      { name: 'p99', ink: inks.first, of: ({ load }) => load.p99Ms },
      { name: 'p50', ink: inks.second, of: ({ load }) => load.p50Ms },
    ],
  })
}

export function processorPlot(result: StressResult): Figure {
  const hasThreads = result.steps.some(({ threads }) => threads !== null)
  return plot(result, {
    title: 'Processors',
    caption: hasThreads
      ? 'Processors that were busy: of the load’s own process, of the thread of the service’s event loop, of all its threads, and of the encoder beside it. A loop has one at most.'
      : 'Processors that were busy: of the load’s own process, and of the service’s by its own word. An event loop has one at most.',
    format: (value) => value.toFixed(2),
    y: { label: 'processors', zero: true, ticks: 5 },
    limit: 1,
    series: [
      { name: 'load', ink: inks.quiet, of: ({ load }) => load.client.cpu },
      { name: 'loop', ink: inks.first, of: ({ threads }) => threads?.main ?? null },
      { name: 'service', ink: inks.second, of: ({ service }) => service?.cpu ?? null },
      { name: 'encoder', ink: inks.third, of: ({ threads }) => threads?.['child processes'] ?? null },
    ],
  })
}

/** Where the mean time of an answered call goes, nested: each line holds those below it. */
export function partsPlot(result: StressResult): Figure {
  return plot(result, {
    title: 'Where the time goes',
    caption:
      'Means, each within the one above: from due to answer; from its sending; in the service, from arrival to the end; in store and pooling. Between the first two a call waits for a connection, between the next for the network or the service’s loop.',
    format: formatDuration,
    y: { type: 'log', label: 'mean, ms' },
    series: [
      { name: 'from due', ink: inks.quiet, of: ({ load }) => load.meanMs },
      { name: 'from sent', ink: inks.third, of: ({ load }) => load.wireMeanMs },
      { name: 'request', ink: inks.first, of: ({ service }) => service?.requestMeanMs ?? null },
      { name: 'read', ink: inks.second, of: ({ service }) => service?.readMeanMs ?? null },
    ],
  })
}

/** The scale goes up to this at least. */
const leastWaiting = 10

export function waitingPlot(result: StressResult): Figure {
  const series: Series[] = [
    { name: 'calls', ink: inks.first, of: ({ load }) => load.waitingAtMost },
    { name: 'refreshes', ink: inks.third, of: ({ service }) => service?.queueUsers ?? null },
  ]
  const most = stepsByRate(result.steps).flatMap((step) => series.map(({ of }) => of(step) ?? 0))
  return plot(result, {
    title: 'What waits',
    caption:
      'Calls that waited for one of the load’s connections, at most; users who waited for a refresh at the step’s end.',
    format: formatCount,
    y: { type: 'symlog', domain: [0, Math.max(leastWaiting, ...most)], label: 'waiting' },
    series,
  })
}

const ticks = (value: number) =>
  value >= 1_000 ? value.toLocaleString('en', { notation: 'compact' }) : String(Number(value.toPrecision(2)))

interface Curves {
  readonly title: string
  readonly caption: string
  /** Of a value, in words. */
  readonly format: (value: number) => string
  /** What is special about the scale of the values. */
  readonly y: Figure['options']['y']
  /** Value of a dashed line. */
  readonly limit?: number
  readonly series: readonly Series[]
}

/** Series of which nothing is known are left out. */
function plot(result: StressResult, { title, caption, format, y, limit, series: all }: Curves): Figure {
  const steps = stepsByRate(result.steps)
  const rates = steps.map(({ load }) => load.offeredPerSecond)
  const series = all.filter(({ of }) => steps.some((step) => of(step) !== null))
  const widest = Math.max(0, ...series.map(({ name }) => name.length))
  const { breaks } = result
  return {
    title,
    caption,
    description: describe(steps, series, format),
    options: {
      height: 260,
      marginLeft: 48,
      marginRight: 14 + 7 * widest,
      x: {
        type: 'log',
        label: 'calls due a second',
        labelArrow: 'none',
        domain: rates.length > 0 ? [rates[0], Math.max(rates.at(-1)!, 1.01 * rates[0])] : [1, 10],
        ticks: 4,
        tickFormat: ticks,
      },
      y: { labelArrow: 'none', grid: true, nice: true, ticks: 4, tickFormat: ticks, ...y },
      marks: [
        breaks && ruleX([breaks.perSecond], { stroke: 'currentColor', strokeOpacity: 0.35, strokeDasharray: '2,3' }),
        limit === undefined ? null : ruleY([limit], { stroke: 'currentColor', strokeDasharray: '5,4' }),
        ...curves(steps, series),
      ],
    },
  }
}

/** Names are beside the plot, one below the other, so that none covers another. */
const nameHeight = 16

function curves(steps: readonly StressStep[], series: readonly Series[]) {
  return series.flatMap(({ name, ink, of }, i) => {
    const points = steps.flatMap((step) => {
      const value = of(step)
      const isShown = value !== null && Number.isFinite(value)
      return isShown ? [{ rate: step.load.offeredPerSecond, value, hasBroken: step.breach !== null }] : []
    })
    return [
      line(points, { x: 'rate', y: 'value', stroke: ink, strokeWidth: 2 }),
      dot(points, {
        ...{ x: 'rate', y: 'value', r: 3, stroke: ink },
        fill: ({ hasBroken }) => (hasBroken ? 'var(--page)' : ink),
      }),
      text([name], { frameAnchor: 'top-right', textAnchor: 'start', fill: ink, dx: 8, dy: nameHeight * i }),
    ]
  })
}

function describe(steps: readonly StressStep[], series: readonly Series[], format: (value: number) => string): string {
  const ends = steps.length > 1 ? [steps[0], steps.at(-1)!] : steps
  const texts = ends.map((step) => {
    const figures = series.flatMap(({ name, of }) => {
      const value = of(step)
      return value === null ? [] : [`${name} ${format(value)}`]
    })
    return `At ${formatRate(step.load.offeredPerSecond)} calls a second: ${figures.join(', ')}`
  })
  return texts.length === 0 ? 'No steps' : texts.join('. ')
}
