import { dot, ruleX, ruleY, text } from '@observablehq/plot'
import type { Figure } from '../figures/figure.ts'
import type { Interval } from '../findings.ts'
import { formatGain, formatGainInterval, formatNe, formatNeBounds } from '../format.ts'
import { armStyles } from './arms.ts'
import { type Arm, arms, type MainJobResult } from './result.ts'

const labels = arms.map((arm) => armStyles[arm].label)

export function armNePlot(result: MainJobResult): Figure {
  const rows = arms.map((arm) => ({ ...armStyles[arm], ne: result.ne[arm], ...result.neInterval[arm] }))
  const seeds = result.bySeed.flatMap(({ ne }) => arms.map((arm) => ({ ...armStyles[arm], ne: ne[arm] })))
  const several = result.seeds.length > 1
  return {
    title: 'Normalized entropy of each arm',
    caption: `Lower is better. Bars are 95 % intervals over users; arms share rows, so gains are surer than bars suggest.${
      several ? ` Dots below are the ${result.seeds.length} seeds.` : ''
    }`,
    description: rows
      .map(({ label, ne, ...bounds }) => `${label} ${formatNe(ne)} ${formatNeBounds(bounds)}`)
      .join('; '),
    options: {
      height: 230,
      marginLeft: 74,
      marginRight: 62,
      x: {
        label: '← better · normalized entropy',
        labelArrow: 'none',
        labelAnchor: 'left',
        grid: true,
        ticks: 5,
        inset: 6,
      },
      y: { domain: labels, label: null, type: 'point', padding: 0.6, tickSize: 0 },
      marks: [
        ruleY(rows, { y: 'label', x1: 'low', x2: 'high', stroke: 'color', strokeWidth: 3, strokeOpacity: 0.55 }),
        several ? dot(seeds, { y: 'label', x: 'ne', dy: 9, r: 1.5, fill: 'color' }) : null,
        dot(rows, { y: 'label', x: 'ne', r: 5, symbol: 'symbol', stroke: 'color', fill: 'color' }),
        text(rows, {
          y: 'label',
          text: ({ ne }) => formatNe(ne),
          frameAnchor: 'right',
          textAnchor: 'start',
          dx: 8,
          fill: 'currentColor',
        }),
      ],
      color: { type: 'identity' },
      symbol: { type: 'identity' },
    },
  }
}

export function armGainPlot(result: MainJobResult): Figure {
  const { latest, random, untrained } = result.gainOverWithout
  const gains: [Arm, Interval][] = [
    ['with', result.neGain],
    ['latest', latest],
    ['random', random],
    ['untrained', untrained],
  ]
  const rows = gains.map(([arm, gain]) => ({ ...armStyles[arm], ...gain }))
  return {
    title: 'Relative gain over the arm without',
    caption: 'Higher is better. Paired bars: both arms are scored on the same rows of the same drawn users.',
    description: rows.map((row) => `${row.label} ${formatGainInterval(row)}`).join('; '),
    options: {
      height: 230,
      marginLeft: 74,
      marginRight: 62,
      x: {
        label: 'gain in normalized entropy, % · better →',
        labelArrow: 'none',
        grid: true,
        percent: true,
        ticks: 5,
        inset: 6,
      },
      y: { domain: labels.slice(1), label: null, type: 'point', padding: 0.6, tickSize: 0 },
      marks: [
        ruleX([0], { stroke: 'currentColor', strokeOpacity: 0.6 }),
        ruleY(rows, { y: 'label', x1: 'low', x2: 'high', stroke: 'color', strokeWidth: 3, strokeOpacity: 0.55 }),
        dot(rows, { y: 'label', x: 'value', r: 5, symbol: 'symbol', stroke: 'color', fill: 'color' }),
        text(rows, {
          y: 'label',
          text: ({ value }) => formatGain(value),
          frameAnchor: 'right',
          textAnchor: 'start',
          dx: 6,
          fill: 'currentColor',
        }),
      ],
      color: { type: 'identity' },
      symbol: { type: 'identity' },
    },
  }
}
