/** What an experiment's figures look like in tables. */
import type { Comparison, EvaluationResult, ExperimentResult, Interval } from '../findings.ts'
import {
  formatCount,
  formatFixed,
  formatGainBounds,
  formatGainInterval,
  formatNe,
  formatNeBounds,
  formatPercent,
} from '../format.ts'
import { type FigureTable, tableOf } from '../table.ts'

/** All of an experiment's tables, its own first. */
export function tablesOf({ tables, gapShares, comparisons, scores }: ExperimentResult): FigureTable[] {
  const gaps = tableOf('Share of the gap to the filtered optimum that is closed', gapShares, [
    ['arm', ({ arm }) => arm],
    ['model', ({ model }) => model],
    ['share', ({ share }) => formatPercent(share.value)],
    ['95 % interval', ({ share }) => `[${formatPercent(share.low)}, ${formatPercent(share.high)}]`],
    ['by seed', ({ bySeed }) => bySeed.map((own) => formatPercent(own)).join(', ')],
  ])
  return [...tables, ...(gapShares.length > 0 ? [gaps] : []), comparisonTable(comparisons), scoreTable(scores)]
}

function comparisonTable(comparisons: readonly Comparison[]): FigureTable {
  return tableOf('Comparisons on the same rows', comparisons, [
    ['arm', ({ arm }) => arm],
    ['over', ({ over }) => over],
    ['model', ({ model }) => model],
    ['rows of', ({ slice }) => slice],
    ['rows', ({ rows }) => formatCount(rows)],
    ['gain, 95 %', ({ gain }) => formatGainInterval(gain)],
    ['by items', ({ otherwise }) => boundsOf(otherwise?.items)],
    ['by users and items', ({ otherwise }) => boundsOf(otherwise?.both)],
    ['seed sd', ({ seedSd }) => (seedSd === null ? '–' : formatPercent(seedSd, 2))],
    ['p', ({ pValue }) => formatP(pValue)],
    ['p, Holm', ({ adjustedPValue }) => (adjustedPValue === null ? '–' : formatP(adjustedPValue))],
  ])
}

function scoreTable(scores: ExperimentResult['scores']): FigureTable {
  const isSampled = scores.some(({ unsampledNe }) => unsampledNe !== null)
  return tableOf('Arms on the test window', scores, [
    ['arm', ({ arm }) => arm],
    ['model', ({ model }) => model],
    ['rows', ({ rows }) => formatCount(rows)],
    ['base rate', ({ baseRate }) => formatPercent(baseRate)],
    ['NE', ({ ne }) => formatNe(ne.value)],
    ['95 % interval', ({ ne }) => formatNeBounds(ne)],
    ...(isSampled ? [unsampledColumn, ...rankColumns(scores)] : []),
    ['seed sd', ({ neSeedSd }) => (neSeedSd === null ? '–' : formatNe(neSeedSd))],
    ['AUC', ({ auc }) => formatNe(auc)],
    ['GAUC', ({ gauc }) => (gauc === null ? '–' : formatNe(gauc))],
    ['Σp/Σy', ({ calibration }) => formatFixed(calibration, 3)],
    ['ECE', ({ ece }) => formatNe(ece)],
  ])
}

const unsampledColumn = [
  'NE, all live items',
  ({ unsampledNe }: ExperimentResult['scores'][number]) =>
    unsampledNe ? `${formatNe(unsampledNe.value)} ${formatNeBounds(unsampledNe)}` : '–',
] as const

/** What was taken among all live items. */
function rankColumns(scores: ExperimentResult['scores']) {
  const at = scores.find(({ ranked }) => ranked !== null)?.ranked?.at ?? []
  return at.flatMap(({ k }, i) =>
    (['recall', 'ndcg'] as const).map(
      (name) =>
        [
          `${name === 'ndcg' ? 'NDCG' : name}@${k}`,
          ({ ranked }: ExperimentResult['scores'][number]) => (ranked ? formatNe(ranked.at[i][name].value) : '–'),
        ] as const,
    ),
  )
}

export function modelTable({ dataset }: EvaluationResult): FigureTable {
  return tableOf('Downstream models', dataset.models, [
    ['model', ({ name }) => name],
    ['what it is', ({ title }) => title],
    ['rows before the test window', ({ trained }) => formatCount(trained)],
    ['rows scored', ({ scored }) => formatCount(scored)],
  ])
}

const boundsOf = (gain: Interval | null | undefined) => (gain ? formatGainBounds(gain) : '–')

function formatP(value: number): string {
  return value < 0.0001 ? '< 0.0001' : formatFixed(value, 4)
}
