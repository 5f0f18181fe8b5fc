import type { Driver } from '../../drivers/driver.ts'
import { openDriver, openForReading } from '../../drivers/open-driver.ts'
import { checkName } from '../../validation/keys.ts'
import { surveyRecords } from '../survey.ts'
import { readTombstones, type TombstoneList } from '../tombstone-list.ts'
import { type TransferReport, transferRecords } from '../transfer-records.ts'
import type { TransferOptions } from '../transfer-stages.ts'
import { BackupReader } from './backup-reader.ts'

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
  return withBackup(path, options, async (backup) => {
    const target = await openDriver(url)
    try {
      return await backup.restore(target)
    } finally {
      await target.close()
    }
  })
}

/** A backup that was found whole. */
export interface CheckedBackup {
  restore(target: Driver): Promise<RestoreReport>
}

/** Checks a backup, and what `tombstones` names, before `use`. */
export async function withBackup<T>(
  path: string,
  options: RestoreOptions,
  use: (backup: CheckedBackup) => Promise<T>,
): Promise<T> {
  const { tenant = null, stages } = options
  const reader = await BackupReader.open(path)
  try {
    const total = reader.header.tenants.flatMap(({ records }) => Object.values(records))
    stages?.begin(
      'check',
      total.reduce((sum, count) => sum + count, 0),
    )
    const source = () => reader.records()
    const survey = await surveyRecords(source, tenant, options)
    stages?.end()
    const tombstones: TombstoneList[] = []
    const tenants = [...survey.tenants.keys()]
    for (const place of options.tombstones ?? []) tombstones.push(await tombstonesOf(place, tenants, options))
    const transfer = { source, survey, tenant, tombstones, tombstonesNow: null }
    return await use({
      restore: async (target) => {
        const report = await transferRecords(transfer, target, options)
        return { ...report, madeMs: reader.header.madeMs }
      },
    })
  } finally {
    await reader.close()
  }
}

const isUrl = /^[a-z]+:/

async function tombstonesOf(
  place: string,
  tenants: readonly string[],
  options: RestoreOptions,
): Promise<TombstoneList> {
  if (isUrl.test(place)) {
    const store = await openForReading(place)
    try {
      return await readTombstones(store, tenants)
    } finally {
      await store.close()
    }
  }
  const reader = await BackupReader.open(place)
  try {
    const { tenant = null, signal } = options
    const { tombstones } = await surveyRecords(() => reader.records(), tenant, signal === undefined ? {} : { signal })
    return tombstones
  } finally {
    await reader.close()
  }
}
