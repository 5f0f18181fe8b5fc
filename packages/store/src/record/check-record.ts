import { StoreCorruptError } from '../validation/errors.ts'
import { checkKey, checkName } from '../validation/keys.ts'
import { decodeEvents } from './event-record.ts'
import { addressSeed, checkRecord, type RecordAddress, recordVersion } from './record.ts'
import { checkedTags } from './ring.ts'
import { checkTombstone } from './tombstone.ts'

/** Checks a record by itself; gives the earliest time of a ring's or an event list's contents, null for others. */
export function checkStored({ table, tenant, key, model }: RecordAddress, record: Uint8Array): number | null {
  checkName('tenant', tenant)
  checkKey('key', key, 0)
  if (table === 'ring') checkName('model', model ?? '')
  const seed = addressSeed(tenant, key, model)
  let timesMs: number[] | null = null
  if (table === 'ring') timesMs = checkedTags(record, seed).map(({ featureTimeMs }) => featureTimeMs)
  else if (table === 'events') timesMs = decodeEvents(record, seed).map(({ timeMs }) => timeMs)
  else if (table === 'tombstone') checkTombstone(tenant, key, record)
  else checkRecord(record, table, seed)
  if (recordVersion(record) === 0) {
    throw new StoreCorruptError(`a ${table} record has version 0, which stands for none; restore a backup`)
  }
  return timesMs?.reduce((a, b) => Math.min(a, b)) ?? null
}
