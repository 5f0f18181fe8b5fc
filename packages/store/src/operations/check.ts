import type { Driver } from '../drivers/driver.ts'
import { checkStored } from '../record/check-record.ts'
import { addressText, perTable, type RecordAddress, type Table } from '../record/record.ts'
import { digestOf, tombstoneTimeMs } from '../record/tombstone.ts'
import { StoreCorruptError, StoreError } from '../validation/errors.ts'

/** What a check of all records found. */
export interface CheckReport {
  readonly records: number
  readonly bytes: number
  /** Records by table. */
  readonly tables: Readonly<Record<Table, number>>
  readonly tableBytes: Readonly<Record<Table, number>>
  /**
   * Records that are damaged, of another format or without a version, lie under keys that break the rules, or outlived
   * their user's forgetting.
   */
  readonly faults: readonly StoreFault[]
  /**
   * Rings and event lists of users without a state. No fault: a store may be used without states. But no refresh computes
   * such a ring anew, and `keys('user')` does not lead to it; expiry or `forget` removes it.
   */
  readonly orphans: { readonly count: number /** The first 100. */; readonly addresses: readonly string[] }
}

export interface StoreFault {
  readonly address: string
  readonly error: StoreError
}

/** A ring or event list whose user is yet to be looked up; `earliestMs` is of the earliest thing in it. */
type UserRecord = { readonly address: RecordAddress; readonly earliestMs: number }

const lookupUsers = 1_000
const namedOrphans = 100

/**
 * Checks every record of every tenant. A record written meanwhile may be reported as an orphan by mistake.
 *
 * @param onRecord called with the number of records checked so far
 */
export async function checkStore(driver: Driver, onRecord?: (records: number) => void): Promise<CheckReport> {
  let records = 0
  let bytes = 0
  const tables = perTable(() => 0)
  const tableBytes = perTable(() => 0)
  const faults: StoreFault[] = []
  const orphans = { count: 0, addresses: [] as string[] }
  let pending: UserRecord[] = []
  const lookUp = async () => {
    await lookUpUsers(driver, pending, faults, orphans)
    pending = []
  }
  for await (const { record, ...address } of driver.records()) {
    records++
    bytes += record.length
    tables[address.table]++
    tableBytes[address.table] += record.length
    onRecord?.(records)
    try {
      const earliestMs = checkStored(address, record)
      if (earliestMs !== null) pending.push({ address, earliestMs })
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      faults.push({ address: addressText(address), error })
    }
    if (pending.length === lookupUsers) await lookUp()
  }
  await lookUp()
  return { records, bytes, tables, tableBytes, faults, orphans }
}

async function lookUpUsers(
  driver: Driver,
  pending: readonly UserRecord[],
  faults: StoreFault[],
  orphans: { count: number; addresses: string[] },
): Promise<void> {
  for (const tenant of new Set(pending.map(({ address }) => address.tenant))) {
    const ofTenant = pending.filter(({ address }) => address.tenant === tenant)
    const users = ofTenant.map(({ address }) => address.key)
    await driver.readRecords(tenant, 'user', users, (i, state) => {
      if (state !== undefined) return
      orphans.count++
      if (orphans.addresses.length < namedOrphans) orphans.addresses.push(addressText(ofTenant[i].address))
    })
    const digests = users.map((user) => digestOf(tenant, user))
    await driver.readRecords(tenant, 'tombstone', digests, (i, tombstone) => {
      const { address, earliestMs } = ofTenant[i]
      const forgottenMs = tombstoneTimeMs(tombstone)
      if (earliestMs > forgottenMs) return
      const error = new StoreCorruptError(
        `holds what is of ${earliestMs}, though its user was forgotten at ${forgottenMs}; forget the user again`,
      )
      faults.push({ address: addressText(address), error })
    })
  }
}
