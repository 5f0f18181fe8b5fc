import { writeFloat64 } from '../../record/codec/little-endian.ts'
import { asBefore, formatBefore, type Table } from '../../record/record.ts'
import { digestOf } from '../../record/tombstone.ts'
import { RequestError } from '../../validation/errors.ts'
import type { Driver, RecordRemoval, RecordWrite } from '../driver.ts'
import type { Rows } from './exchange.ts'
import { fieldOf, hashName, kindOf } from './layout.ts'
import { fieldsRequest, mostEventsAtOnce, mostRowsAtOnce, readAvailable, readMasters, readNewest } from './reads.ts'
import { type Reply, request } from './request.ts'
import { Scans } from './scans.ts'
import { scriptSha } from './script.ts'
import { slotOf } from './slots.ts'
import { TenantFormats } from './tenant-formats.ts'
import { Topology } from './topology.ts'
import { parseValkeyUrl } from './valkey-url.ts'
import { confirmAgain, runWrites } from './writes.ts'

/** Longest that is waited for records that may be old or missing: half of it for the master. */
const mostForOldMs = 500

/** Written in one piece. */
const mostBytesAtOnce = 2 ** 25

export interface ValkeyDriver extends Driver {
  /** Ends a rolling upgrade: see `TenantFormats`. @returns the format that the tenant had */
  raiseFormat(tenant: string): Promise<number>
}

/**
 * Records in Valkey or Redis, in a cluster or on one server: a hash for each user, changed by one script (`layout.ts`,
 * `script.ts`). A batch of reads or writes goes to each server in one piece. Where a master does not answer, reads of
 * rings go to its replicas, whose records may be some moments old; a ring that no server gives in
 * time is passed as null.
 *
 * @param keysAtOnce how many keys `keys` sorts in memory
 * @throws StoreUrlError; StoreAccessError where no server answers or one refuses the user
 */
export async function openValkey(url: string, keysAtOnce = 65_536): Promise<ValkeyDriver> {
  const options = parseValkeyUrl(url)
  const { timeoutMs, mostMs } = options
  const topology = await Topology.open(options)
  const scans = new Scans(topology, mostMs, keysAtOnce)
  const formats = new TenantFormats(topology, options)

  /** One task of the script for each row, on the row's hash. */
  const runScript = (
    tenant: string,
    rows: readonly Pick<RecordRemoval, 'table' | 'key'>[],
    args: (row: number) => readonly (string | Uint8Array)[],
  ): Promise<readonly Reply[]> => {
    const digests = rows.map(({ table, key }) => digestIn(tenant, table, key))
    const nameOf = (row: number) => hashName(tenant, kindOf(rows[row].table), digests[row])
    const requests = {
      count: rows.length,
      slots: Uint16Array.from(digests, slotOf),
      request: (row: number) => request('EVALSHA', scriptSha, '1', nameOf(row), ...args(row)),
    }
    return runWrites(topology, requests, options)
  }

  return {
    atomicity: 'key',

    async readRings(tenant, users, models, visit, mayMiss = false) {
      await formats.check(tenant, mayMiss)
      const wanted = models.map((model) => fieldOf('ring', model))
      await inSlices(users, async (slice, from) => {
        const digests = slice.map((user) => digestOf(tenant, user))
        const rows = fieldsRequest(tenant, 'user', digests, wanted)
        const values = mayMiss
          ? await readAvailable(topology, rows, timeoutMs)
          : await readNewest(topology, rows, options)
        for (let u = 0; u < slice.length; u++) {
          const records = values[u] as readonly (Buffer | null)[] | undefined
          for (let m = 0; m < models.length; m++) {
            visit(from + u, m, records === undefined ? null : (records[m] ?? undefined))
          }
        }
      })
    },

    async readRecords(tenant, table, keys, visit, mayMiss) {
      await formats.check(tenant, false)
      const readSome = (rows: Rows) => {
        if (mayMiss === undefined) return readNewest(topology, rows, options)
        if (mayMiss === 'newest') return readMasters(topology, rows, options)
        return readAvailable(topology, rows, Math.min(timeoutMs, mostForOldMs))
      }
      const act = async (slice: readonly string[], from: number) => {
        const digests = slice.map((key) => digestIn(tenant, table, key))
        const rows = fieldsRequest(tenant, kindOf(table), digests, [fieldOf(table, undefined)])
        const replies = (await readSome(rows)) as readonly (readonly (Buffer | null)[] | undefined)[]
        for (const [i, found] of replies.entries()) if (found !== undefined) visit(from + i, found[0] ?? undefined)
      }
      await inSlices(keys, act, table === 'events' ? mostEventsAtOnce : mostRowsAtOnce)
    },

    async write(tenant, groups) {
      for (const group of groups) checkGroup(group)
      const isBefore = (await formats.mark(tenant)) === formatBefore
      const outcomes = new Uint8Array(groups.length)
      const act = async (slice: readonly (readonly RecordWrite[])[], from: number) => {
        const heads = slice.map(([{ table, key }]) => ({ table, key }))
        const replies = await runScript(tenant, heads, (row) => writeArguments(slice[row], isBefore))
        outcomes.set(replies.map(Number), from)
      }
      await inSlices(groups, act, mostRowsAtOnce, (group) => group.reduce((sum, { record }) => sum + record.length, 0))
      return outcomes
    },

    async forget(tenant, _user, digest, tombstone) {
      const isBefore = (await formats.mark(tenant)) === formatBefore
      const row = { table: 'tombstone', key: digest } as const
      const [reply] = await runScript(tenant, [row], () => ['forget', isBefore ? asBefore(tombstone) : tombstone])
      const [rings, states, events] = reply as readonly number[]
      return { rings, states, events }
    },

    async remove(tenant, removals) {
      await formats.mark(tenant)
      const removed = new Uint8Array(removals.length)
      await inSlices(removals, async (slice, from) => {
        const replies = await runScript(tenant, slice, (row) => {
          const { table, model, expected } = slice[row]
          return ['remove', fieldOf(table, model), versionBytes(expected)]
        })
        removed.set(replies.map(Number), from)
      })
      return removed
    },

    async *keys(tenant, kind) {
      await formats.check(tenant, false)
      yield* scans.keys(tenant, kind)
    },

    // Of any format, as a copy brings records up to date: each names its own.
    scan: (...slice) => scans.slice(...slice),
    records: () => scans.records(),
    // Not known here: a server reports all that it holds in `INFO memory`.
    sizeBytes: () => null,
    // Writes were acknowledged as the durability asks; those that fell short are waited for again.
    flushed(tenant = '', users) {
      const slots = users?.map((user) => slotOf(digestOf(tenant, user))) ?? null
      return confirmAgain(topology, options, slots)
    },
    partOf: (tenant, key) => topology.shardOf(slotOf(digestOf(tenant, key)))?.master.address ?? '',
    // Servers tell it by their answers alone.
    checkWritable: () => Promise.resolve(),
    close: async () => topology.close(),
    raiseFormat: (tenant) => formats.raise(tenant),
  }
}

/** A tombstone's key is its digest. */
function digestIn(tenant: string, table: Table, key: string): string {
  return table === 'tombstone' ? key : digestOf(tenant, key)
}

/** @param sizeOf bytes of a row, where rows may be long: a slice has `mostBytesAtOnce` of them, or one row */
async function inSlices<T>(
  rows: readonly T[],
  act: (slice: readonly T[], from: number) => Promise<void>,
  mostRows = mostRowsAtOnce,
  sizeOf = (_row: T) => 0,
): Promise<void> {
  for (let from = 0, to = 0; from < rows.length; from = to) {
    let sizeBytes = 0
    do sizeBytes += sizeOf(rows[to++])
    while (to < rows.length && to - from < mostRows && sizeBytes + sizeOf(rows[to]) <= mostBytesAtOnce)
    await act(from === 0 && to === rows.length ? rows : rows.slice(from, to), from)
  }
}

/** @throws RequestError */
function checkGroup(group: readonly RecordWrite[]): void {
  for (const { table, key } of group) {
    if (key === group[0].key && kindOf(table) === kindOf(group[0].table)) continue
    throw new RequestError(
      'a group of writes is of several users or items, which a Valkey store cannot write in one step; write them apart',
    )
  }
}

/** @param isBefore whether records go in the format of before */
function writeArguments(group: readonly RecordWrite[], isBefore: boolean): (string | Uint8Array)[] {
  const times = group.flatMap(({ featureTimeMs }) => featureTimeMs ?? [])
  const timeBytes = times.length === 0 ? '' : float64Bytes(Math.min(...times))
  const args: (string | Uint8Array)[] = ['write', group[0].key, timeBytes]
  for (const { table, model, expected, record } of group) {
    args.push(fieldOf(table, model), versionBytes(expected), isBefore ? asBefore(record) : record)
  }
  return args
}

/** As it stands in a record. */
function versionBytes(version: number): Uint8Array {
  return Uint8Array.of(version, version >>> 8, version >>> 16, version >>> 24)
}

/** As a tombstone holds it. */
function float64Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeFloat64(bytes, 0, value)
  return bytes
}
