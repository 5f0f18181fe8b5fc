import type { Driver } from '../../drivers/driver.ts'
import { openDriver, openForReading, withDriver } from '../../drivers/open-driver.ts'
import { checkName } from '../../validation/keys.ts'
import { surveyRecords, type TransferOptions } from '../survey.ts'
import { readTombstones, type TombstoneList } from '../tombstone-list.ts'
import { type TransferReport, transferRecords } from '../transfer-records.ts'
import { readBackup } from './backup-reader.ts'

export interface RestoreOptions extends TransferOptions {
  /** Absent: all tenants. */
  readonly tenant?: string
  /** Backups and URLs of stores whose tombstones hold too: of users who were forgotten after the backup was made. */
  readonly tombstones?: readonly string[]
}

export interface RestoreReport extends TransferReport {
  /** Time the backup was made. */
  readonly madeMs: number
}

/**
 * Reads a whole backup and checks all of it, and then brings its records into a store. What the store holds gives way to
 * what is newer, never to what is older, and users whom it or `tombstones` has forgotten stay so. It may be stopped and
 * begun again.
 *
 * @throws BackupDamageError, StoreFormatError, BackupAccessError, before anything is written; otherwise as `copyStore`
 */
export async function restoreStore(path: string, url: string, options: RestoreOptions = {}): Promise<RestoreReport> {
  if (options.tenant !== undefined) checkName('tenant', options.tenant)
  return restoreRecords(path, options, (restore) => withDriver(openDriver(url), restore))
}

/** @param begin called once the backup, and what `tombstones` names, were found whole: calls `restore` with the target */
export async function restoreRecords(
  path: string,
  options: RestoreOptions,
  begin: (restore: (target: Driver) => Promise<RestoreReport>) => Promise<RestoreReport>,
): Promise<RestoreReport> {
  const { tenant = null } = options
  return readBackup(path, async (backup) => {
    const counts = backup.tenants.flatMap(({ records }) => Object.values(records))
    const total = counts.reduce((sum, count) => sum + count, 0)
    const source = () => backup.records()
    const survey = await surveyRecords(source, tenant, options, () => {}, ['check', total])
    const tombstones: TombstoneList[] = []
    const tenants = [...survey.tenants.keys()]
    for (const place of options.tombstones ?? []) tombstones.push(await tombstonesOf(place, tenants, options))
    const transfer = { source, survey, tenant, tombstones, tombstonesNow: null }
    return begin(async (target) => {
      return { ...(await transferRecords(transfer, target, options)), madeMs: backup.madeMs }
    })
  })
}

const isUrl = /^[a-z]+:/

function tombstonesOf(place: string, tenants: readonly string[], options: RestoreOptions): Promise<TombstoneList> {
  if (isUrl.test(place)) return withDriver(openForReading(place), (store) => readTombstones(store, tenants))
  return readBackup(place, async (backup) => {
    const { tenant = null, signal } = options
    const quiet = signal === undefined ? {} : { signal }
    return (await surveyRecords(() => backup.records(), tenant, quiet)).tombstones
  })
}
