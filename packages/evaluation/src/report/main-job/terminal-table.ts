import type { Interval, RankScore } from '../findings.ts'
import {
  formatBytes,
  formatCount,
  formatDrift,
  formatDuration,
  formatGainBounds,
  formatGainInterval,
  formatNe,
  formatNeBounds,
  formatPercent,
  formatRank,
} from '../format.ts'
import { armStyles } from './arms.ts'
import { arms, type MainJobResult } from './result.ts'
import { coldShare, verdict } from './verdict.ts'

const lineWidth = 80

/** The result as plain text of at most 80 columns: verdict, arms, gains, serving. Ends with a line feed. */
export function renderTable(result: MainJobResult): string {
  const { read, freshness, drift, seedSd, kernelShare } = result
  const spread = seedSd && `; sd of NE with ${formatNe(seedSd.ne.with)}, of the gain ${formatPercent(seedSd.neGain, 2)}`
  const seconds = Object.entries(result.seconds).map(([stage, value]) => `${stage} ${value.toFixed(1)}`)
  const facts: (readonly [name: string, text: string])[] = [
    ['gain over untrained', formatGainInterval(result.gainOverUntrained)],
    ['gain over flags', formatGainInterval(result.gainOverFlags)],
    ['gain of new users', coldShare(result)],
    ['gain, by items', boundsOf(result.otherIntervals.neGain.items)],
    ['gain, users and items', boundsOf(result.otherIntervals.neGain.both)],
    ...result.byEarlierEvents.map(({ label, rows, neGain }) => {
      const share = formatPercent(rows / result.rowsScored, 0)
      return [`gain, ${label} earlier`, `${formatGainInterval(neGain)}, ${share} of rows`] as const
    }),
    [
      'read',
      `p50 ${formatDuration(read.p50Us / 1000)}, p99 ${formatDuration(read.p99Us / 1000)}, hit rate ${formatPercent(read.hitRate)}`,
    ],
    ['freshness', `p50 ${formatDuration(freshness.p50Ms)}, p99 ${formatDuration(freshness.p99Ms)}`],
    [
      'drift',
      `residual ${formatDrift(drift.residual)}, centred cosine ${formatDrift(drift.centredCosine)}, variance kept ${formatDrift(drift.varianceKept)}, effective rank ${formatRank(drift.effectiveRank)}; ${formatCount(drift.framesOpened)} frames opened by ${result.snapshots} snapshots`,
    ],
    [
      'log',
      `${formatCount(result.rows)} rows (${formatCount(result.skippedRows)} skipped), ${formatCount(result.rowsScored)} scored, base rate ${formatPercent(result.baseRate)}`,
    ],
    ['seeds', `${result.seeds.join(', ')}${spread ?? ''}`],
    ['adapter', result.adapter],
    ['seconds', seconds.join(', ')],
    ['peak memory', formatBytes(result.peakMemoryBytes)],
    ...(kernelShare === null ? [] : [['in kernels', `${formatPercent(kernelShare)} of a training step`] as const]),
    ...result.warnings.map((warning) => ['warning', warning] as const),
  ]
  const lines = [
    ...wrap(verdict(result), lineWidth),
    '',
    ...armTable(result),
    '',
    ...liveTable(result),
    ...facts.flatMap(([name, text]) => hang(name, text)),
  ]
  return `${lines.join('\n')}\n`
}

const boundsOf = (gain: Interval | null) => (gain ? formatGainBounds(gain) : '–')

function armTable({ ne, neInterval, auc, neGain, gainOverWithout }: MainJobResult): string[] {
  const gains = { with: neGain, ...gainOverWithout }
  return align([
    ['arm', 'NE', '95 % interval', 'AUC', 'gain over without'],
    ...arms.map((arm) => [
      armStyles[arm].label,
      formatNe(ne[arm]),
      formatNeBounds(neInterval[arm]),
      formatNe(auc[arm]),
      arm === 'without' ? '' : formatGainInterval(gains[arm]),
    ]),
  ])
}

/** Of a log with negatives: figures over all live items. */
function liveTable({ live }: MainJobResult): string[] {
  if (live === null) return []
  const scored: (readonly [string, string, RankScore | null])[] = [
    ...arms.map((arm) => {
      const ne = live.ne[arm]
      return [armStyles[arm].label, `${formatNe(ne.value)} ${formatNeBounds(ne)}`, live.ranked[arm]] as const
    }),
    ['popularity', '', live.popularity],
  ]
  const first = live.ranked.with
  const head = first?.at.flatMap(({ k }) => [`recall@${k}`, `NDCG@${k}`]) ?? []
  const about = `Among all live items, ${formatCount(Math.round(live.items))} on average: NE corrected for the sampling${first ? `, and how what was taken ranks at ${formatCount(first.choices)} of the rows` : ''}.`
  const cells = (ranked: RankScore | null) => ranked?.at.flatMap(({ recall, ndcg }) => [recall.value, ndcg.value]) ?? []
  return [
    ...wrap(about, lineWidth),
    '',
    ...align([
      ['arm', 'NE, all live items', ...head],
      ...scored.map(([arm, ne, ranked]) => [
        arm,
        ne,
        ...head.map((_, i) => (ranked === null ? '–' : formatNe(cells(ranked)[i]))),
      ]),
    ]),
    '',
  ]
}

function align(rows: readonly string[][]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lineOf = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ')
  return rows.map((row) => lineOf(row).trimEnd())
}

/** A name, then its text in a column of its own. */
function hang(name: string, text: string): string[] {
  const indent = 22
  return wrap(text, lineWidth - indent).map((line, i) => (i === 0 ? name : '').padEnd(indent) + line)
}

/** Breaks at spaces, and inside words that are longer than a line. */
function wrap(text: string, width: number): string[] {
  const line = new RegExp(`\\S.{0,${width - 1}}(?= |$)|\\S{${width}}`, 'g')
  return text.trim().replace(/\s+/g, ' ').match(line) ?? []
}
