/** What `headwater store` prints. */
import type {
  BackupReport,
  ForgetReceipt,
  RaisedFormat,
  RestoreReport,
  StoreCheck,
  StoreStats,
  TenantStats,
  TransferReport,
} from '@headwater/store'
import { count, counted, table } from '../../terminal/format.ts'

/** Records that were left out. */
type Faults = BackupReport['faults']

/** Faults that are printed; `--json` has all. */
const namedFaults = 100

const tableNames = {
  ring: 'rings',
  user: 'users',
  item: 'items',
  events: 'event lists',
  tombstone: 'tombstones',
} as const

function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 2 : 0)} MB`
}

/** The first column to the left, the others to the right. */
const renderRows = (rows: readonly (readonly string[])[]) => table(rows, (column) => column > 0)

export function renderCheck(check: StoreCheck): string {
  const rows = Object.entries(tableNames).map(([table, name]) => [
    name,
    count(check.tables[table as keyof typeof tableNames]),
    sizeText(check.tableBytes[table as keyof typeof tableNames]),
  ])
  const { faults, orphans } = check
  const faultLines = faults.slice(0, namedFaults).map(({ address, error }) => `fault   ${address}: ${error.message}\n`)
  const orphanLines = orphans.addresses.map((address) => `orphan  ${address}: its user has no state\n`)
  const and = (kind: string, more: number) => (more > 0 ? `${kind}and ${count(more)} more\n` : '')
  const total = `${counted(check.records, 'records')} of ${counted(check.tenants.size, 'tenants')}`
  const verdict = `${total}: ${counted(faults.length, 'faults')}, ${counted(orphans.count, 'orphans')}\n`
  return [
    renderRows([['', 'records', 'bytes'], ...rows]),
    ...faultLines,
    and('fault   ', faults.length - namedFaults),
    ...orphanLines,
    and('orphan  ', orphans.count - orphans.addresses.length),
    verdict,
  ].join('')
}

export function renderStats(stats: StoreStats): string {
  const head = `${counted(stats.records, 'records')}, ${sizeText(stats.bytes)}, ${counted(stats.tenants.length, 'tenants')}\n`
  const damaged =
    stats.damagedRings === 0 ? '' : `${counted(stats.damagedRings, 'rings')} could not be read; check the store\n`
  return [head, ...stats.tenants.map(renderTenant), damaged].join('')
}

function renderTenant({ tenant, tables, models }: TenantStats): string {
  const held = Object.entries(tableNames).map(([table, name]) =>
    counted(tables[table as keyof typeof tableNames].records, name),
  )
  const rows = models.map(({ model, rings, slots, bytes, snapshots, frames }) => [
    model,
    count(rings),
    count(slots),
    sizeText(bytes),
    rangeOf(snapshots.map(({ snapshot }) => snapshot)),
    rangeOf(frames.map(({ frame }) => frame)),
  ])
  const table =
    rows.length === 0 ? '' : renderRows([['model', 'rings', 'slots', 'bytes', 'snapshots', 'frames'], ...rows])
  return `\ntenant ${JSON.stringify(tenant)}: ${held.join(', ')}\n${table}`
}

/** Consecutive numbers as `first–last`. @param newestFirst in falling order */
function rangeOf(newestFirst: readonly number[]): string {
  const runs: [first: number, last: number][] = []
  for (const number of newestFirst.toReversed()) {
    const run = runs.at(-1)
    if (run !== undefined && run[1] === number - 1) run[1] = number
    else runs.push([number, number])
  }
  const shown = runs.slice(-4).map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`))
  return (runs.length > shown.length ? ['…', ...shown] : shown).join(', ')
}

export function renderTransfer(report: TransferReport): string {
  const { written, unchanged, kept, forgotten, tombstones, usersForgotten, verified } = report
  const parts = [
    `${counted(written, 'records')} written`,
    `${count(unchanged)} unchanged`,
    `${count(kept)} newer there`,
    `${count(forgotten)} of forgotten users`,
  ]
  const laid =
    tombstones === 0
      ? ''
      : `${counted(tombstones, 'tombstones')} set, ${counted(usersForgotten, 'users')} forgotten by that\n`
  const behind =
    verified.behind === 0
      ? ''
      : `${counted(verified.behind, 'records')} differ: written to the source meanwhile, or lost; run the command again\n`
  const equal = `verified: ${counted(verified.equal, 'records')} equal, tombstones included\n`
  return [`${parts.join(', ')}\n`, laid, renderFaults(report.faults), behind, equal].join('')
}

export function renderRestore(report: RestoreReport): string {
  return `backup of ${new Date(report.madeMs).toISOString()}\n${renderTransfer(report)}`
}

export function renderBackup({ records, tombstones, bytes, tenants, faults }: BackupReport): string {
  const what = `${counted(records, 'records')} of ${counted(tenants.length, 'tenants')}`
  return `${what}, ${counted(tombstones, 'tombstones')} among them, in ${sizeText(bytes)}\n${renderFaults(faults)}`
}

function renderFaults({ count: times, first }: Faults): string {
  if (times === 0) return ''
  const lines = first.map(({ address, error }) => `fault   ${address}: ${error.message}\n`)
  return `${counted(times, 'damaged records')} left out\n${lines.join('')}`
}

export function renderReceipt({ user, tenant, atMs, removed }: ForgetReceipt): string {
  const lines = removed.map(({ where, what, count: times }) => {
    const several = /(s|sh|ch|x)$/.test(what) ? `${what}es` : `${what}s`
    return `  ${where}: ${counted(times, several, what)}\n`
  })
  const when = new Date(atMs).toISOString()
  return `user ${JSON.stringify(user)} of tenant ${JSON.stringify(tenant)} forgotten at ${when}; removed:\n${lines.join('')}`
}

export function renderCompaction(report: {
  readonly copied: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}): string {
  const { copied, bytesBefore, bytesAfter } = report
  return `${counted(copied, 'records')}: ${sizeText(bytesBefore)} before, ${sizeText(bytesAfter)} after\n`
}

export function renderRaised({ tenant, before, now }: RaisedFormat): string {
  if (before === now) return `tenant "${tenant}" has format ${now} already\n`
  return `tenant "${tenant}" had format ${before}; servers that are started from now on write format ${now}\n`
}
