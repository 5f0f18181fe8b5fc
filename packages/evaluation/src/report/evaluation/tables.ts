/** What every experiment's figures look like in a table. */
import type { ArmScore, Comparison, GapShare } from '../findings.ts'
import { formatCount, formatFixed, formatGainInterval, formatNe, formatNeBounds, formatPercent } from '../format.ts'
import type { TableContent } from '../page/html-table.ts'

export function scoreTable(scores: readonly ArmScore[]): TableContent {
  return {
    caption: 'Arms on the test window',
    head: ['arm', 'model', 'rows', 'base rate', 'NE', '95 % interval', 'seed sd', 'AUC', 'GAUC', 'Σp/Σy', 'ECE'],
    rows: scores.map((score) => [
      score.arm,
      score.model,
      formatCount(score.rows),
      formatPercent(score.baseRate),
      formatNe(score.ne.value),
      formatNeBounds(score.ne),
      score.neSeedSd === null ? '–' : formatNe(score.neSeedSd),
      formatNe(score.auc),
      score.gauc === null ? '–' : formatNe(score.gauc),
      formatFixed(score.calibration, 3),
      formatNe(score.ece),
    ]),
  }
}

export function comparisonTable(comparisons: readonly Comparison[]): TableContent {
  return {
    caption: 'Comparisons on the same rows',
    head: ['arm', 'over', 'model', 'rows of', 'rows', 'gain, 95 %', 'seed sd', 'p', 'p, Holm'],
    rows: comparisons.map((own) => [
      own.arm,
      own.over,
      own.model,
      own.slice,
      formatCount(own.rows),
      formatGainInterval(own.gain),
      own.seedSd === null ? '–' : formatPercent(own.seedSd, 2),
      formatP(own.pValue),
      own.adjustedPValue === null ? '–' : formatP(own.adjustedPValue),
    ]),
  }
}

export function gapTable(shares: readonly GapShare[]): TableContent {
  return {
    caption: 'Share of the gap to the filtered optimum that is closed',
    head: ['arm', 'model', 'share', '95 % interval', 'by seed'],
    rows: shares.map(({ arm, model, share, bySeed }) => [
      arm,
      model,
      formatPercent(share.value),
      `[${formatPercent(share.low)}, ${formatPercent(share.high)}]`,
      bySeed.map((own) => formatPercent(own)).join(', '),
    ]),
  }
}

function formatP(value: number): string {
  return value < 0.0001 ? '< 0.0001' : formatFixed(value, 4)
}
