import { formatCount, formatDuration, formatGain, formatGainBounds } from '../format.ts'
import type { Overview } from '../overview.ts'
import type { KeyFigure } from '../page/page.ts'
import { cohortFigure, neFigure } from './figures.ts'
import type { MainJobResult } from './result.ts'

/** Numbers are stored in half precision. */
const bytesANumber = 2

/** Whether served embeddings are worth it, by what the run measured. */
export function overviewOf(result: MainJobResult): Overview {
  const { best, neGain, gainOverUntrained } = result
  return {
    gains: [
      ['gain over the best baseline', formatGain(best.gain.value), `${best.arm}: 95 % ${formatGainBounds(best.gain)}`],
      ['gain over without', formatGain(neGain.value), `95 % ${formatGainBounds(neGain)}`],
      ['gain over untrained', formatGain(gainOverUntrained.value), `95 % ${formatGainBounds(gainOverUntrained)}`],
    ],
    arms: neFigure(result),
    cohorts: cohortFigure(result),
    costs: costsOf(result),
  }
}

function costsOf({ read, freshness, seconds, rows, seeds, method }: MainJobResult): KeyFigure[] {
  const numbers = method.embeddingCount * method.embeddingWidth
  const trained = `of ${formatCount(rows)} rows`
  return [
    ['read, p99', formatDuration(read.p99Us / 1000), `p50 ${formatDuration(read.p50Us / 1000)}`],
    ['freshness, p99', formatDuration(freshness.p99Ms), `p50 ${formatDuration(freshness.p50Ms)}`],
    [
      'training',
      seconds.train === undefined ? '–' : formatDuration(1000 * seconds.train),
      seeds.length === 1 ? trained : `${trained}, ${seeds.length} seeds`,
    ],
    ['stored a user', `${formatCount(bytesANumber * numbers)} B`, `${formatCount(numbers)} numbers a snapshot`],
  ]
}
