import { dot, link, ruleX, ruleY, text } from '@observablehq/plot'
import type { Figure } from '../figures/figure.ts'
import { formatGain, formatGainInterval, formatNe, formatPercent } from '../format.ts'
import { armStyles } from './arms.ts'
import type { EarlierEventsBucket, MainJobResult } from './result.ts'

export function earlierEventsNePlot(result: MainJobResult): Figure {
  const buckets = labelled(result)
  const pairs = buckets.map(({ name, ne }) => ({ name, without: ne.without, with: ne.with }))
  return {
    title: 'Normalized entropy by the user’s earlier events',
    caption: 'Each bucket over its own base rate, so compare within a row. In brackets: share of the scored rows.',
    description: pairs.map((p) => `${p.name}: without ${formatNe(p.without)}, with ${formatNe(p.with)}`).join('; '),
    options: {
      height: 210,
      marginLeft: 84,
      marginRight: 16,
      x: {
        label: '← better · normalized entropy',
        labelArrow: 'none',
        labelAnchor: 'left',
        grid: true,
        ticks: 5,
        inset: 10,
      },
      y: { domain: buckets.map(({ name }) => name), label: null, type: 'point', padding: 0.6, tickSize: 0 },
      marks: [
        link(pairs, { y1: 'name', y2: 'name', x1: 'without', x2: 'with', stroke: 'currentColor', strokeOpacity: 0.4 }),
        ...(['without', 'with'] as const).map((arm) => {
          const { symbol, color } = armStyles[arm]
          return dot(pairs, { y: 'name', x: arm, r: 5, symbol, stroke: color, fill: color })
        }),
      ],
    },
  }
}

export function earlierEventsGainPlot(result: MainJobResult): Figure {
  const buckets = labelled(result).map(({ name, neGain }) => ({ name, ...neGain }))
  const { color, symbol } = armStyles.with
  return {
    title: 'Relative gain by the user’s earlier events',
    caption: 'With over without, 95 % intervals over users. Users at 0 are new to the log.',
    description: buckets.map((bucket) => `${bucket.name}: ${formatGainInterval(bucket)}`).join('; '),
    options: {
      height: 210,
      marginLeft: 84,
      marginRight: 62,
      x: { label: 'gain, % · better →', labelArrow: 'none', grid: true, percent: true, ticks: 5, inset: 6 },
      y: { domain: buckets.map(({ name }) => name), label: null, type: 'point', padding: 0.6, tickSize: 0 },
      marks: [
        ruleX([0], { stroke: 'currentColor', strokeOpacity: 0.6 }),
        ruleY(buckets, { y: 'name', x1: 'low', x2: 'high', stroke: color, strokeWidth: 3, strokeOpacity: 0.55 }),
        dot(buckets, { y: 'name', x: 'value', r: 5, symbol, stroke: color, fill: color }),
        text(buckets, {
          y: 'name',
          text: ({ value }) => formatGain(value),
          frameAnchor: 'right',
          textAnchor: 'start',
          dx: 6,
          fill: 'currentColor',
        }),
      ],
    },
  }
}

/** `3–9 (22 %)` */
function labelled({ byEarlierEvents, rowsScored }: MainJobResult): (EarlierEventsBucket & { name: string })[] {
  return byEarlierEvents.map((bucket) => ({
    ...bucket,
    name: `${bucket.label} (${formatPercent(bucket.rows / rowsScored, 0)})`,
  }))
}
