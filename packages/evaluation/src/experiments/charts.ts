/** Charts that several experiments have, and what charts are made of. */
import type { Axis, Chart, ChartPoint, Comparison, GapShare, Interval } from '../report/findings.ts'

/** Of a curve. */
export const curvePoint = (label: string, x: number, { value, low, high }: Interval): ChartPoint => {
  return { label, x, y: value, low, high }
}

/** Of a curve, of which no interval is known. */
export const barePoint = (label: string, x: number, y: number): ChartPoint => ({ label, x, y, low: null, high: null })

/** Of a chart of names. */
export const namedPoint = (label: string, { value, low, high }: Interval): ChartPoint => {
  return { label, x: value, y: null, low, high }
}

export const neAxis = { label: 'normalized entropy · ↓ better' } as const

export function curveChart(title: string, caption: string, x: Axis, y: Axis, series: Chart['series']): Chart {
  return { title, caption, kind: 'curve', x, y, series }
}

/** @param label of the axis of shares @param name of what the points are */
export function namedChart(
  title: string,
  caption: string,
  label: string,
  points: readonly ChartPoint[],
  name = 'gain',
): Chart {
  const series = [{ name, points }]
  return { title, caption, kind: 'named', x: { label, percent: true }, y: { label: '' }, series }
}

/** Without what the chart's title says of all arms. */
const plainName = (name: string) => name.replace(/^unseen-|#split$/, '')

/** @param by what tells the comparisons apart: one arm `over` several others, or several arms, or slices */
export function gainChart(
  title: string,
  caption: string,
  by: 'arm' | 'over' | 'slice',
  comparisons: readonly Comparison[],
): Chart {
  const points = comparisons.map((own) => namedPoint(plainName(own[by]), own.gain))
  return namedChart(title, caption, 'gain in normalized entropy, % · better →', points)
}

export function gapChart(gaps: readonly GapShare[]): Chart {
  return namedChart(
    'Share of the gap closed',
    'From knowing nothing of the user (0 %) to the filtered optimum (100 %), by expected loss under the true click probabilities.',
    'share of the gap, % · better →',
    gaps.map(({ arm, model, share }) => namedPoint(model === 'head' ? arm : `${model}: ${arm}`, share)),
    'share',
  )
}
