import { dot, line } from '@observablehq/plot'
import type { Figure } from '../figures/figure.ts'
import { formatDrift } from '../format.ts'
import type { MainJobResult } from './result.ts'

export function driftCosinePlot(result: MainJobResult): Figure {
  return driftPlot(result, {
    measure: 'cosine',
    title: 'Drift between snapshots: cosine',
    label: 'cosine · 1 = none',
    caption: 'Mean over users of the cosine between the vectors of the same features from one snapshot and the next.',
  })
}

export function driftDistancePlot(result: MainJobResult): Figure {
  return driftPlot(result, {
    measure: 'relativeL2',
    title: 'Drift between snapshots: relative L2',
    label: '‖new − old‖ ÷ ‖old‖ · 0 = none',
    caption: 'Drift is what a downstream model must follow, and what averaging over snapshots smooths.',
  })
}

function driftPlot(
  { drift, snapshots }: MainJobResult,
  view: { measure: 'cosine' | 'relativeL2'; title: string; label: string; caption: string },
): Figure {
  const { measure } = view
  const color = 'var(--arm-with)'
  return {
    title: view.title,
    caption: view.caption,
    description: `Over ${snapshots} snapshots, mean ${formatDrift(drift[measure])}; ${drift.byRound
      .map((round) => `${round.fromSnapshot} to ${round.toSnapshot}: ${formatDrift(round[measure])}`)
      .join('; ')}`,
    options: {
      height: 220,
      marginLeft: 48,
      marginRight: 16,
      x: {
        label: 'snapshot, against the one before',
        labelArrow: 'none',
        ticks: drift.byRound.length > 12 ? 8 : drift.byRound.map((round) => round.toSnapshot),
        tickFormat: 'd',
        inset: 8,
      },
      y: { label: view.label, labelArrow: 'none', grid: true, nice: true, ticks: 5 },
      marks: [
        line(drift.byRound, { x: 'toSnapshot', y: measure, stroke: color, strokeWidth: 2 }),
        dot(drift.byRound, { x: 'toSnapshot', y: measure, r: 4, stroke: color, fill: color }),
      ],
    },
  }
}
