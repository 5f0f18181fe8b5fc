/** What an experiment's verdict looks like at a glance. */
import { intervalFigure } from '../figures/interval-figure.ts'
import type { SeriesStyle } from '../figures/series-style.ts'
import type { ArmScore, Comparison, ExperimentResult } from '../findings.ts'
import {
  formatAge,
  formatCompactCount,
  formatCount,
  formatGain,
  formatGainBounds,
  formatNe,
  formatPercent,
} from '../format.ts'
import type { Overview } from '../overview.ts'
import type { KeyFigure } from '../page/page.ts'

/** Of a vector as it is served, in half precision. */
const bytesANumber = 2

const claimed: SeriesStyle = { color: 'var(--arm-with)', symbol: 'circle' }
const beside: SeriesStyle = { color: 'var(--arm-without)', symbol: 'square' }

/** By the experiment's first comparison: its arm, its model and what it is held against; null where it compares nothing. */
export function overviewOf({ comparisons, scores, arms, seeds }: ExperimentResult): Overview | null {
  const [main] = comparisons
  if (main === undefined) return null
  const alike = comparisons.filter((own) => own.model === main.model)
  const whole = alike.filter(({ slice }) => slice === 'all')
  const claims = whole.filter((own) => own.arm === main.arm && own.adjustedPValue !== null)
  const cohorts = alike.filter((own) => own.slice !== 'all' && own.arm === main.arm && own.over === main.over)
  const titles = new Map(arms.map(({ name, title }) => [name, title]))
  return {
    // What is hardest to beat comes first.
    gains: (claims.length > 0 ? claims : [main])
      .toSorted((a, b) => a.gain.value - b.gain.value)
      .map(({ over, gain }) => [`gain over ${over}`, formatGain(gain.value), `95 % ${formatGainBounds(gain)}`]),
    arms: intervalFigure({
      title: `All arms: normalized entropy of the ${main.model} model`,
      caption: `Lower is better. Bars are 95 % intervals over users${seeds.length > 1 ? ' and seeds' : ''}; arms share rows, so gains are surer than bars suggest.`,
      label: '← better · normalized entropy',
      fromZero: false,
      across: true,
      format: formatNe,
      points: scoresBeside(main, whole, scores).map(({ arm, ne }) => {
        const style = arm === main.arm ? claimed : beside
        return { label: arm, longLabel: titles.get(arm) ?? arm, x: ne.value, low: ne.low, high: ne.high, style }
      }),
    }),
    cohorts:
      cohorts.length === 0
        ? null
        : intervalFigure({
            title: `For whom: gain over ${main.over}`,
            caption: `${main.arm}, by parts of the test window, with 95 % intervals. In brackets: share of the rows.`,
            label: 'gain in normalized entropy, % · better →',
            percent: true,
            format: formatGain,
            points: cohorts.map(({ slice, rows, gain }) => {
              return { label: `${slice} (${formatPercent(rows / main.rows, 0)})`, x: gain.value, ...gain }
            }),
          }),
    costs: costsOf(arms.find(({ name }) => name === main.arm)?.figures ?? {}),
  }
}

/** Scores of the main comparison's arms and of all that are held against one of them, the best first. */
function scoresBeside(main: Comparison, whole: readonly Comparison[], scores: readonly ArmScore[]): ArmScore[] {
  const shown = new Set([main.arm, main.over])
  for (const { arm, over } of whole) {
    if (over === main.over) shown.add(arm)
    if (arm === main.arm) shown.add(over)
  }
  return scores
    .filter(({ arm, model }) => model === main.model && shown.has(arm))
    .toSorted((a, b) => a.ne.value - b.ne.value)
}

/** Of what a served arm's run counted. */
function costsOf(figures: Readonly<Record<string, number>>): KeyFigure[] {
  const cost = (name: string, told: (value: number) => readonly [figure: string, detail: string]): KeyFigure[] => {
    const value = figures[name]
    return typeof value === 'number' ? [[costNames[name], ...told(value)]] : []
  }
  return [
    ...cost('trainingFlops', (flops) => [formatCompactCount(flops), 'floating-point operations']),
    ...cost('encodesPerRow', (encodes) => [
      // Whole where each request computes one.
      `${Number(encodes.toFixed(3))}`,
      `embeddings, ${formatCompactCount(figures.encodeFlopsPerRow ?? 0)} operations`,
    ]),
    ...cost('vectorWidth', (width) => [`${formatCount(bytesANumber * width)} B`, `${formatCount(width)} numbers`]),
    ...cost('meanAgeMs', (ms) => [formatAge(ms), 'since the features of what is served']),
  ]
}

const costNames: Readonly<Record<string, string>> = {
  trainingFlops: 'training',
  encodesPerRow: 'a request',
  vectorWidth: 'served a user',
  meanAgeMs: 'mean age',
}
