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
import type { ExportReport } from './export-vectors.ts'

/** Faults that are printed; `--json` has all. */
const namedFaults = 100

const tableNames = [
  ['ring', 'rings'],
  ['user', 'users'],
  ['item', 'items'],
  ['events', 'event lists'],
  ['tombstone', 'tombstones'],
] as const

function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 2 : 0)} MB`
}

/** The first column to the left, the others to the right. */
const renderRows = (rows: readonly (readonly string[])[]) => table(rows, (column) => column > 0)

const lineIf = (isShown: boolean, line: string) => (isShown ? `${line}\n` : '')

export function renderCheck({ tables, tableBytes, faults, orphans, records, tenants }: StoreCheck): string {
  const rows = tableNames.map(([table, name]) => [name, count(tables[table]), sizeText(tableBytes[table])])
  const more = (kind: string, left: number) => lineIf(left > 0, `${kind}  and ${count(left)} more`)
  const total = `${counted(records, 'records')} of ${counted(tenants.size, 'tenants')}`
  return [
    renderRows([['', 'records', 'bytes'], ...rows]),
    ...faults.slice(0, namedFaults).map(faultLine),
    more('fault ', faults.length - namedFaults),
    ...orphans.addresses.map((address) => `orphan  ${address}: its user has no state\n`),
    more('orphan', orphans.count - orphans.addresses.length),
    `${total}: ${counted(faults.length, 'faults')}, ${counted(orphans.count, 'orphans')}\n`,
  ].join('')
}

export function renderStats({ records, bytes, tenants, damagedRings }: StoreStats): string {
  return [
    `${counted(records, 'records')}, ${sizeText(bytes)}, ${counted(tenants.length, 'tenants')}\n`,
    ...tenants.map(renderTenant),
    lineIf(damagedRings > 0, `${counted(damagedRings, 'rings')} could not be read; check the store`),
  ].join('')
}

function renderTenant({ tenant, tables, models }: TenantStats): string {
  const held = tableNames.map(([table, name]) => counted(tables[table].records, name))
  const rows = models.map(({ model, rings, slots, bytes, snapshots, frames }) => [
    model,
    count(rings),
    count(slots),
    sizeText(bytes),
    rangeOf(snapshots.map(({ snapshot }) => snapshot)),
    rangeOf(frames.map(({ frame }) => frame)),
  ])
  const head = ['model', 'rings', 'slots', 'bytes', 'snapshots', 'frames']
  const table = rows.length === 0 ? '' : renderRows([head, ...rows])
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
  const newer = `${count(unchanged)} unchanged, ${count(kept)} newer there, ${count(forgotten)} of forgotten users`
  const behind = `${counted(verified.behind, 'records')} differ: written to the source meanwhile, or lost; run the command again`
  const laid = `${counted(tombstones, 'tombstones')} set, ${counted(usersForgotten, 'users')} forgotten by that`
  return [
    `${counted(written, 'records')} written, ${newer}\n`,
    lineIf(tombstones > 0, laid),
    renderFaults(report.faults),
    lineIf(verified.behind > 0, behind),
    `verified: ${counted(verified.equal, 'records')} equal, tombstones included\n`,
  ].join('')
}

export function renderRestore(report: RestoreReport): string {
  return `backup of ${new Date(report.madeMs).toISOString()}\n${renderTransfer(report)}`
}

export function renderBackup({ records, tombstones, bytes, tenants, faults }: BackupReport, path: string): string {
  const what = `${counted(records, 'records')} of ${counted(tenants.length, 'tenants')}`
  return `${what}, ${counted(tombstones, 'tombstones')} among them, in ${sizeText(bytes)}\n${renderFaults(faults)}Written: ${path}\n`
}

function renderFaults({ count: times, first }: BackupReport['faults']): string {
  return [lineIf(times > 0, `${counted(times, 'damaged records')} left out`), ...first.map(faultLine)].join('')
}

const faultLine = ({ address, error }: StoreCheck['faults'][number]) => `fault   ${address}: ${error.message}\n`

export function renderReceipt({ user, tenant, atMs, removed }: ForgetReceipt): string {
  const lines = removed.map(({ where, what, count: times }) => {
    const several = /(s|sh|ch|x)$/.test(what) ? `${what}es` : `${what}s`
    return `  ${where}: ${counted(times, several, what)}\n`
  })
  const when = new Date(atMs).toISOString()
  return `user ${JSON.stringify(user)} of tenant ${JSON.stringify(tenant)} forgotten at ${when}; removed:\n${lines.join('')}`
}

export function renderExport({ rows, frame, parts, directory, otherFrames, damaged }: ExportReport): string {
  const of = frame === null ? '' : ` of frame ${frame}`
  const others = Object.entries(otherFrames).map(([other, users]) =>
    lineIf(true, `left out: ${counted(users, 'users')} of frame ${other}; --frame ${other} gives them`),
  )
  const lost = lineIf(damaged > 0, `${counted(damaged, 'rings')} could not be read; check the store`)
  return [
    `${counted(rows, 'vectors')}${of} in ${counted(parts, 'files')}\n`,
    ...others,
    lost,
    `Written: ${directory}\n`,
  ].join('')
}

export function renderCompaction(report: Record<'copied' | 'bytesBefore' | 'bytesAfter', number>): string {
  const { copied, bytesBefore, bytesAfter } = report
  return `${counted(copied, 'records')}: ${sizeText(bytesBefore)} before, ${sizeText(bytesAfter)} after\n`
}

export function renderRaised({ tenant, before, now }: RaisedFormat): string {
  if (before === now) return `tenant "${tenant}" has format ${now} already\n`
  return `tenant "${tenant}" had format ${before}; servers that are started from now on write format ${now}\n`
}
