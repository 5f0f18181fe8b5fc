import type { Interval } from '../findings.ts'
import {
  formatCount,
  formatDay,
  formatDrift,
  formatDuration,
  formatFixed,
  formatGain,
  formatGainBounds,
  formatGainInterval,
  formatNe,
  formatNeBounds,
  formatPercent,
  formatRank,
} from '../format.ts'
import { type FigureTable, tableOf } from '../table.ts'
import { armStyles } from './arms.ts'
import { arms, type MainJobResult, mainArms, type ProgressiveTenth, type SeedFigures } from './result.ts'

export function armsTable({
  ne,
  neInterval,
  auc,
  neGain,
  gainOverWithout,
  calibration,
  ece,
}: MainJobResult): FigureTable {
  const gains = { with: neGain, ...gainOverWithout }
  return tableOf('Arms, on the scored rows', arms, [
    ['arm', (arm) => `${armStyles[arm].label}: ${armStyles[arm].sees}`],
    ['NE', (arm) => formatNe(ne[arm])],
    ['95 % interval', (arm) => formatNeBounds(neInterval[arm])],
    ['AUC', (arm) => formatNe(auc[arm])],
    ['gain over without, 95 %', (arm) => (arm === 'without' ? '–' : formatGainInterval(gains[arm]))],
    ['Σp/Σy', (arm) => formatFixed(calibration[arm], 3)],
    ['ECE', (arm) => formatNe(ece[arm])],
  ])
}

export function intervalsTable({ neGain, gainOverUntrained, otherIntervals }: MainJobResult): FigureTable {
  const boundsOf = (gain: Interval | null) => (gain ? formatGainBounds(gain) : '–')
  const gains = [
    { name: 'over without', gain: neGain, ...otherIntervals.neGain },
    { name: 'over untrained', gain: gainOverUntrained, ...otherIntervals.gainOverUntrained },
  ]
  return tableOf('Gain of the served embedding, by what is drawn', gains, [
    ['gain', ({ name }) => name],
    ['value', ({ gain }) => formatGain(gain.value)],
    ['users', ({ gain }) => boundsOf(gain)],
    ['items', ({ items }) => boundsOf(items)],
    ['users and items', ({ both }) => boundsOf(both)],
  ])
}

export function earlierEventsTable({ byEarlierEvents, rowsScored }: MainJobResult): FigureTable {
  return tableOf('By the user’s number of earlier events', byEarlierEvents, [
    ['earlier events', ({ label }) => label],
    ['rows', ({ rows }) => formatCount(rows)],
    ['share', ({ rows }) => formatPercent(rows / rowsScored)],
    ['base rate', ({ baseRate }) => formatPercent(baseRate)],
    ['NE without', ({ ne }) => formatNe(ne.without)],
    ['NE with', ({ ne }) => formatNe(ne.with)],
    ['gain, 95 %', ({ neGain }) => formatGainInterval(neGain)],
    ['gain over flags, 95 %', ({ gainOverFlags }) => formatGainInterval(gainOverFlags)],
  ])
}

export function progressiveTable({ progressive }: MainJobResult): FigureTable {
  return tableOf('Normalized entropy over the log', progressive, [
    ['rows', ({ fromRow, toRow }) => `${formatCount(fromRow)}–${formatCount(toRow - 1)}`],
    ['from', ({ fromTimeMs }) => formatDay(fromTimeMs)],
    ['base rate', ({ baseRate }) => formatPercent(baseRate)],
    ...mainArms.map((arm) => [armStyles[arm].label, ({ ne }: ProgressiveTenth) => formatNe(ne[arm])] as const),
  ])
}

export function servingTable({ read, freshness }: MainJobResult): FigureTable {
  const latency = new Map(read.quantiles.map(({ percent, us }) => [percent, us / 1000]))
  const age = new Map(freshness.quantiles.map(({ percent, ms }) => [percent, ms]))
  const told = (ms: number | undefined) => (ms === undefined ? '–' : formatDuration(ms))
  const percents = [...new Set([...latency.keys(), ...age.keys()])].sort((a, b) => a - b)
  return tableOf('Serving, by wall clock', percents, [
    ['percentile', String],
    ['read latency', (percent) => told(latency.get(percent))],
    ['freshness', (percent) => told(age.get(percent))],
  ])
}

export function driftTable({ drift }: MainJobResult): FigureTable {
  const rounds = drift.byRound.map(({ fromSnapshot, toSnapshot, users, ...own }) => {
    return { between: `${fromSnapshot} → ${toSnapshot}`, users: formatCount(users), ...own }
  })
  return tableOf(
    'Drift between consecutive snapshots',
    [...rounds, { between: 'mean', users: '', ...drift }],
    [
      ['snapshots', ({ between }) => between],
      ['users', ({ users }) => users],
      ['residual', ({ residual }) => formatDrift(residual)],
      ['centred cosine', ({ centredCosine }) => formatDrift(centredCosine)],
      ['variance kept', ({ varianceKept }) => formatDrift(varianceKept)],
      ['effective rank', ({ effectiveRank }) => formatRank(effectiveRank)],
    ],
  )
}

export function seedsTable({ bySeed, seedSd }: MainJobResult): FigureTable {
  type Row = Omit<SeedFigures, 'seed'> & { readonly seed: number | 'sd' }
  const rows: Row[] = [...bySeed, ...(seedSd ? [{ seed: 'sd' as const, ...seedSd }] : [])]
  const gain = ({ seed }: Row, value: number) => (seed === 'sd' ? formatPercent(value, 2) : formatGain(value))
  return tableOf('By seed', rows, [
    ['seed', ({ seed }) => String(seed)],
    ...mainArms.map((arm) => [`NE ${armStyles[arm].label}`, ({ ne }: Row) => formatNe(ne[arm])] as const),
    ['AUC with', ({ auc }) => formatNe(auc.with)],
    ['gain', (row) => gain(row, row.neGain)],
    ['gain over untrained', (row) => gain(row, row.gainOverUntrained)],
  ])
}

export function secondsTable({ seconds, armSeconds }: MainJobResult): FigureTable {
  const ofArms = arms.map((arm) => [`${armStyles[arm].label}, its model`, armSeconds[arm]] as const)
  return tableOf(
    'Wall-clock time',
    [...Object.entries(seconds), ...ofArms],
    [
      ['stage', ([stage]) => stage],
      ['seconds', ([, value]) => value.toFixed(1)],
    ],
  )
}
