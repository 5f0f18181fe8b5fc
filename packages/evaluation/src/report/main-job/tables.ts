import {
  formatCount,
  formatDay,
  formatDrift,
  formatDuration,
  formatFixed,
  formatGain,
  formatGainInterval,
  formatNe,
  formatNeBounds,
  formatPercent,
} from '../format.ts'
import type { Html } from '../page/html.ts'
import { renderHtmlTable } from '../page/html-table.ts'
import { armStyles } from './arms.ts'
import { arms, type MainJobResult } from './result.ts'

export function armsTable(result: MainJobResult): Html {
  const { latest, random, untrained } = result.gainOverWithout
  const gains = { with: result.neGain, latest, random, untrained }
  return renderHtmlTable({
    caption: 'Arms, on the scored rows',
    head: ['arm', 'NE', '95 % interval', 'AUC', 'gain over without, 95 %', 'Σp/Σy', 'ECE'],
    rows: arms.map((arm) => [
      `${armStyles[arm].label}: ${armStyles[arm].sees}`,
      formatNe(result.ne[arm]),
      formatNeBounds(result.neInterval[arm]),
      formatNe(result.auc[arm]),
      arm === 'without' ? '–' : formatGainInterval(gains[arm]),
      formatFixed(result.calibration[arm], 3),
      formatNe(result.ece[arm]),
    ]),
  })
}

export function earlierEventsTable({ byEarlierEvents, rowsScored }: MainJobResult): Html {
  return renderHtmlTable({
    caption: 'By the user’s number of earlier events',
    head: ['earlier events', 'rows', 'share', 'base rate', 'NE without', 'NE with', 'gain, 95 %'],
    rows: byEarlierEvents.map(({ label, rows, baseRate, ne, neGain }) => [
      label,
      formatCount(rows),
      formatPercent(rows / rowsScored),
      formatPercent(baseRate),
      formatNe(ne.without),
      formatNe(ne.with),
      formatGainInterval(neGain),
    ]),
  })
}

export function progressiveTable({ progressive }: MainJobResult): Html {
  return renderHtmlTable({
    caption: 'Normalized entropy over the log',
    head: ['rows', 'from', 'base rate', ...arms.map((arm) => armStyles[arm].label)],
    rows: progressive.map(({ fromRow, toRow, fromTimeMs, baseRate, ne }) => [
      `${formatCount(fromRow)}–${formatCount(toRow - 1)}`,
      formatDay(fromTimeMs),
      formatPercent(baseRate),
      ...arms.map((arm) => formatNe(ne[arm])),
    ]),
  })
}

export function servingTable({ read, freshness }: MainJobResult): Html {
  const percents = [...new Set([...read.quantiles, ...freshness.quantiles].map(({ percent }) => percent))]
  return renderHtmlTable({
    caption: 'Serving, by wall clock',
    head: ['percentile', 'read latency', 'freshness'],
    rows: percents
      .sort((a, b) => a - b)
      .map((percent) => {
        const latency = read.quantiles.find((quantile) => quantile.percent === percent)
        const age = freshness.quantiles.find((quantile) => quantile.percent === percent)
        return [String(percent), latency ? formatDuration(latency.us / 1000) : '–', age ? formatDuration(age.ms) : '–']
      }),
  })
}

export function driftTable({ drift }: MainJobResult): Html {
  return renderHtmlTable({
    caption: 'Drift between consecutive snapshots',
    head: ['snapshots', 'users', 'cosine', 'relative L2'],
    rows: [
      ...drift.byRound.map(({ fromSnapshot, toSnapshot, users, cosine, relativeL2 }) => [
        `${fromSnapshot} → ${toSnapshot}`,
        formatCount(users),
        formatDrift(cosine),
        formatDrift(relativeL2),
      ]),
      ['mean', '', formatDrift(drift.cosine), formatDrift(drift.relativeL2)],
    ],
  })
}

export function seedsTable({ bySeed, seedSd }: MainJobResult): Html {
  const cells = ({ ne, auc, neGain, gainOverUntrained }: Omit<MainJobResult['bySeed'][number], 'seed'>) => [
    ...arms.map((arm) => formatNe(ne[arm])),
    formatNe(auc.with),
    formatGain(neGain),
    formatGain(gainOverUntrained),
  ]
  return renderHtmlTable({
    caption: 'By seed',
    head: ['seed', ...arms.map((arm) => `NE ${armStyles[arm].label}`), 'AUC with', 'gain', 'gain over untrained'],
    rows: [
      ...bySeed.map((figures) => [String(figures.seed), ...cells(figures)]),
      ...(seedSd ? [['sd', ...cells(seedSd).map((cell) => cell.replace('+', ''))]] : []),
    ],
  })
}

export function secondsTable({ seconds }: MainJobResult): Html {
  return renderHtmlTable({
    caption: 'Wall-clock time',
    head: ['stage', 'seconds'],
    rows: Object.entries(seconds).map(([stage, value]) => [stage, value.toFixed(1)]),
  })
}
