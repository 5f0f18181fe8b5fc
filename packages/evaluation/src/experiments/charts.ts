/** Charts that several experiments have. */
import type { Chart, Comparison, GapShare } from '../report/findings.ts'

export function comparisonChart(title: string, caption: string, comparisons: readonly Comparison[]): Chart {
  return namedGains(
    title,
    caption,
    comparisons.map((own) => ({ label: plainName(own.arm), own })),
  )
}

/** One arm over several. */
export function overChart(title: string, caption: string, comparisons: readonly Comparison[]): Chart {
  return namedGains(
    title,
    caption,
    comparisons.map((own) => ({ label: plainName(own.over), own })),
  )
}

/** An arm's name without what the chart's title says of all of them. */
const plainName = (arm: string) => arm.replace(/^(unseen|split)-/, '')

export function sliceChart(title: string, caption: string, comparisons: readonly Comparison[]): Chart {
  return namedGains(
    title,
    caption,
    comparisons.map((own) => ({ label: own.slice, own })),
  )
}

function namedGains(title: string, caption: string, rows: readonly { label: string; own: Comparison }[]): Chart {
  return {
    title,
    caption,
    kind: 'named',
    x: { label: 'gain in normalized entropy, % · better →', percent: true },
    y: { label: '' },
    series: [
      {
        name: 'gain',
        points: rows.map(({ label, own: { gain } }) => ({
          label,
          x: gain.value,
          y: null,
          low: gain.low,
          high: gain.high,
        })),
      },
    ],
  }
}

export function gapChart(gaps: readonly GapShare[]): Chart {
  return {
    title: 'Share of the gap closed',
    caption:
      'From knowing nothing of the user (0 %) to the filtered optimum (100 %), by expected loss under the true click probabilities.',
    kind: 'named',
    x: { label: 'share of the gap, % · better →', percent: true },
    y: { label: '' },
    series: [
      {
        name: 'share',
        points: gaps.map(({ arm, model, share }) => ({
          label: model === 'head' ? arm : `${model}: ${arm}`,
          x: share.value,
          y: null,
          low: share.low,
          high: share.high,
        })),
      },
    ],
  }
}
