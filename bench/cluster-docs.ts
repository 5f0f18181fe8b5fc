/**
 * Rewrites the tables of docs/serving-figures.md of one silent server, from bench/results/cluster.json, and of faults at once, from
 * fault-soak.json, which `bench:cluster` and `bench:soak` wrote. With `--check` it writes nothing and fails where they differ.
 */
import type { Silence, SilenceFigures } from './cluster-silent.ts'
import type { LedgerFigures } from './fault-ledger.ts'
import type { FaultSoakFigures } from './fault-soak.ts'
import { bringUpToDate, markdownTable, missedUnless, readResults, short, taken, whole } from './generated-parts.ts'
import { digits, type Provenance } from './report.ts'

interface SilenceBounds {
  readonly keptRateAtLeast: number
  readonly refusedWithinMs: number
}

/** What cluster.ts writes, as far as the guide has it. */
interface ClusterResults {
  readonly sections: { readonly silent: Provenance & SilenceBounds & { readonly [silence in Silence]: SilenceFigures } }
}

const silences: readonly (readonly [silence: Silence, words: string])[] = [
  ['stopped', 'a master that is stopped'],
  ['cut-off', 'a master that is cut off'],
  ['replica-behind', 'a replica that is stopped'],
]

function silenceRow(words: string, figures: SilenceFigures, bounds: SilenceBounds): readonly string[] {
  const { seconds, others, othersRefused, refusals, refusedOtherwise, acknowledged, wrongUsers } = figures
  const { firstRefusalMs, slowestRefusalMs, recoveredMs } = figures
  const s = (ms: number) => short(Number((ms / 1_000).toPrecision(2)))
  const isKept = others.during >= bounds.keptRateAtLeast * others.before
  return [
    `${words}, ${seconds} s`,
    `${digits(others.during)} of ${digits(others.before)}${missedUnless(isKept)}`,
    String(othersRefused),
    `${firstRefusalMs.map(s).join(' and ')} s, ${refusals} of them${missedUnless(refusals > 0 && refusedOtherwise === 0)}`,
    `${s(slowestRefusalMs)} s${missedUnless(slowestRefusalMs <= bounds.refusedWithinMs)}`,
    `${s(recoveredMs)} s`,
    `${wrongUsers} of 16, of ${whole(acknowledged)} events${missedUnless(wrongUsers === 0)}`,
  ]
}

const { silent } = readResults<ClusterResults>('cluster.json').sections
const silenceColumns = [
  'silent, for',
  'users of other masters: events a second, before',
  'their refusals',
  'its own users: first 503 of either reader',
  'later ones within',
  'all acknowledged again after',
  'users who lack or doubled an event',
].map((title) => ({ title }))
const silenceRows = silences.map(([silence, words]) => silenceRow(words, silent[silence], silent))

const soak = readResults<FaultSoakFigures & Provenance>('fault-soak.json')
const ledgerColumns = ['kept in', 'events acknowledged', 'sent again', 'never acknowledged', 'lost', 'doubled']
const ledgerRow = (words: string, { acknowledged, users, retries, unknown, lost, doubled }: LedgerFigures) => [
  words,
  `${whole(acknowledged)} of ${whole(users)} users`,
  ...[retries, unknown, lost, doubled].map(whole),
]
const ledgers = markdownTable(
  ledgerColumns.map((title) => ({ title })),
  [
    ledgerRow('Valkey, by two readers', soak.cluster),
    ledgerRow('LMDB, by a server alone', soak.lmdb),
    ledgerRow('that server’s event log', soak.eventLog),
  ],
)
const { answered = 0, ...otherReads } = soak.reads
const reads = Object.values(otherReads).reduce((sum, each) => sum + each, answered)
const inflicted = Object.entries(soak.faults).map(([name, times]) => `${name.replaceAll('-', ' ')} ${times} ×`)
const told = [
  `${soak.minutes} minutes: ${inflicted.join(', ')}; ${whole(soak.hostileConnections)} hostile connections.`,
  `${whole(answered)} of ${whole(reads)} reads were answered; no server ended by itself, and all was well`,
  `${digits(soak.recoveredMs / 1_000)} s after the last fault. Taken at ${taken(soak)}.`,
]

bringUpToDate('docs/serving-figures.md', {
  silence: `${markdownTable(silenceColumns, silenceRows)}\n\nTaken at ${taken(silent)}.`,
  'faults at once': `${ledgers}\n\n${told.join('\n')}`,
})
