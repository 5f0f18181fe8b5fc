import type { Interval } from '../findings.ts'
import {
  formatBytes,
  formatCount,
  formatDrift,
  formatDuration,
  formatGainInterval,
  formatNe,
  formatNeBounds,
  formatPercent,
} from '../format.ts'
import { armStyles } from './arms.ts'
import { type Arm, arms, type MainJobResult } from './result.ts'
import { verdict } from './verdict.ts'

const lineWidth = 80

/** The result as plain text of at most 80 columns: verdict, arms, gains, serving. Ends with a line feed. */
export function renderTable(result: MainJobResult): string {
  const { read, freshness, drift, seedSd } = result
  const facts: [string, string][] = [
    ['gain over untrained', formatGainInterval(result.gainOverUntrained)],
    ...result.byEarlierEvents.map(({ label, rows, neGain }): [string, string] => [
      `gain, ${label} earlier`,
      `${formatGainInterval(neGain)}, ${formatPercent(rows / result.rowsScored, 0)} of rows`,
    ]),
    [
      'read',
      `p50 ${formatDuration(read.p50Us / 1000)}, p99 ${formatDuration(read.p99Us / 1000)}, hit rate ${formatPercent(read.hitRate)}`,
    ],
    ['freshness', `p50 ${formatDuration(freshness.p50Ms)}, p99 ${formatDuration(freshness.p99Ms)}`],
    ['drift', `cosine ${formatDrift(drift.cosine)} between ${result.snapshots} snapshots`],
    [
      'log',
      `${formatCount(result.rows)} rows (${formatCount(result.skippedRows)} skipped), ${formatCount(result.rowsScored)} scored, base rate ${formatPercent(result.baseRate)}`,
    ],
    [
      'seeds',
      result.seeds.join(', ') +
        (seedSd ? `; sd of NE with ${formatNe(seedSd.ne.with)}, of the gain ${formatPercent(seedSd.neGain, 2)}` : ''),
    ],
    ['adapter', result.adapter],
    ['seconds', Object.entries(result.seconds).map(stage).join(', ')],
    ['peak memory', formatBytes(result.peakMemoryBytes)],
  ]
  if (result.kernelShare !== null) {
    facts.push(['in kernels', `${formatPercent(result.kernelShare)} of a training step`])
  }
  const lines = [
    ...wrap(verdict(result), lineWidth),
    '',
    ...armTable(result),
    '',
    ...facts.flatMap(([name, text]) => hang(name, text)),
    ...result.warnings.flatMap((warning) => hang('warning', warning)),
  ]
  return `${lines.join('\n')}\n`
}

function armTable(result: MainJobResult): string[] {
  const { latest, random, untrained } = result.gainOverWithout
  const gains: Record<Arm, Interval | null> = { without: null, with: result.neGain, latest, random, untrained }
  return align([
    ['arm', 'NE', '95 % interval', 'AUC', 'gain over without'],
    ...arms.map((arm) => {
      const gain = gains[arm]
      return [
        armStyles[arm].label,
        formatNe(result.ne[arm]),
        formatNeBounds(result.neInterval[arm]),
        formatNe(result.auc[arm]),
        gain ? formatGainInterval(gain) : '',
      ]
    }),
  ])
}

function align(rows: readonly string[][]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  )
}

function stage([name, seconds]: [string, number]): string {
  return `${name} ${seconds.toFixed(1)}`
}

/** A name, then its text in a column of its own. */
function hang(name: string, text: string): string[] {
  const indent = 22
  return wrap(text, lineWidth - indent).map((line, i) => (i === 0 ? name.padEnd(indent) : ' '.repeat(indent)) + line)
}

/** Breaks at spaces, and inside words that are longer than a line. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (let word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ''
    }
    for (; word.length > width; word = word.slice(width)) lines.push(word.slice(0, width))
    line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
