import { writeFloat64 } from '../../record/codec/little-endian.ts'
import { asBefore, formatBefore, type Table } from '../../record/record.ts'
import { digestOf } from '../../record/tombstone.ts'
import { RequestError, StoreUnavailableError } from '../../validation/errors.ts'
import type { Driver, KeyedTable, RecordRemoval, RecordWrite, RemovedUser, StoredRecord } from '../driver.ts'
import type { Rows } from './exchange.ts'
import { fieldOf, hashName, kindOf } from './layout.ts'
import { Digests, FieldsRequest, mostEventsAtOnce, mostRowsAtOnce, readAvailable, readNewest } from './reads.ts'
import type { Reply } from './request.ts'
import { Scans } from './scans.ts'
import { slotOf } from './slots.ts'
import { TenantFormats } from './tenant-formats.ts'
import { Topology } from './topology.ts'
import { parseValkeyUrl, type ValkeyOptions } from './valkey-url.ts'
import { confirmAgain, runWrites, ScriptRequest } from './writes.ts'

/** Written in one piece. */
const mostBytesAtOnce = 2 ** 25

/**
 * Records in Valkey or Redis, in a cluster or on one server: a hash for each user, changed by one script (`layout.ts`,
 * `script.ts`). A batch of reads or writes goes to each server in one piece. Where a master does not answer, reads of
 * rings go to its replicas, whose records may be some moments old; what no server answers in time is told as null.
 */
export class ValkeyDriver implements Driver {
  readonly atomicity = 'key'
  readonly #options: ValkeyOptions
  readonly #topology: Topology
  readonly #scans: Scans
  readonly #formats: TenantFormats

  private constructor(options: ValkeyOptions, topology: Topology, keysAtOnce: number) {
    this.#options = options
    this.#topology = topology
    this.#scans = new Scans(topology, options.writeTimeoutMs, keysAtOnce)
    this.#formats = new TenantFormats(topology, options)
  }

  /**
   * @param keysAtOnce how many keys `keys` sorts in memory
   * @throws StoreUrlError; StoreAccessError where no server answers or one refuses the user
   */
  static async open(url: string, keysAtOnce = 65_536): Promise<ValkeyDriver> {
    const options = parseValkeyUrl(url)
    return new ValkeyDriver(options, await Topology.open(options), keysAtOnce)
  }

  async readRings(
    tenant: string,
    users: readonly string[],
    models: readonly string[],
    visit: (user: number, model: number, record: Uint8Array | undefined | null) => void,
    mayMiss = false,
  ): Promise<void> {
    await this.#formats.check(tenant, mayMiss)
    const wanted = models.map((model) => fieldOf('ring', model))
    await inSlices(users, async (slice, from) => {
      const rows = new FieldsRequest(tenant, 'user', Digests.of(tenant, slice), wanted)
      const values = mayMiss
        ? await readAvailable(this.#topology, rows, this.#options.timeoutMs)
        : await this.#newest(rows)
      for (let u = 0; u < slice.length; u++) {
        const records = values[u] as readonly (Buffer | null)[] | undefined
        for (let m = 0; m < models.length; m++) {
          visit(from + u, m, records === undefined ? null : (records[m] ?? undefined))
        }
      }
    })
  }

  async readStates(
    tenant: string,
    table: KeyedTable,
    keys: readonly string[],
    visit: (place: number, record: Uint8Array | undefined) => void,
  ): Promise<void> {
    await this.#formats.check(tenant, false)
    const act = async (slice: readonly string[], from: number) => {
      await this.#visitField(tenant, table, Digests.of(tenant, slice), from, visit)
    }
    await inSlices(keys, act, table === 'events' ? mostEventsAtOnce : mostRowsAtOnce)
  }

  async readTombstones(
    tenant: string,
    digests: readonly string[],
    visit: (place: number, record: Uint8Array | undefined) => void,
  ): Promise<void> {
    await this.#formats.check(tenant, false)
    await inSlices(digests, async (slice, from) => {
      await this.#visitField(tenant, 'tombstone', new Digests(slice), from, visit)
    })
  }

  async write(tenant: string, groups: readonly (readonly RecordWrite[])[]): Promise<Uint8Array> {
    for (const group of groups) checkGroup(group)
    const isBefore = (await this.#formats.mark(tenant)) === formatBefore
    const outcomes = new Uint8Array(groups.length)
    const act = async (slice: readonly (readonly RecordWrite[])[], from: number) => {
      const { digests, slots } = Digests.of(
        tenant,
        slice.map(([{ key }]) => key),
      )
      const request = new ScriptRequest(
        slots,
        (row) => hashName(tenant, kindOf(slice[row][0].table), digests[row]),
        (row) => writeArguments(slice[row], isBefore),
      )
      outcomes.set((await runWrites(this.#topology, request, this.#options)).map(Number), from)
    }
    await inSlices(groups, act, mostRowsAtOnce, (group) => group.reduce((sum, { record }) => sum + record.length, 0))
    return outcomes
  }

  async forget(tenant: string, _user: string, digest: string, tombstone: Uint8Array): Promise<RemovedUser> {
    const isBefore = (await this.#formats.mark(tenant)) === formatBefore
    const request = new ScriptRequest(
      Uint16Array.of(slotOf(digest)),
      () => hashName(tenant, 'user', digest),
      () => ['forget', isBefore ? asBefore(tombstone) : tombstone],
    )
    const [reply] = await runWrites(this.#topology, request, this.#options)
    const [rings, states, events] = reply as readonly number[]
    return { rings, states, events }
  }

  async remove(tenant: string, removals: readonly RecordRemoval[]): Promise<Uint8Array> {
    await this.#formats.mark(tenant)
    const removed = new Uint8Array(removals.length)
    await inSlices(removals, async (slice, from) => {
      const digests = slice.map(({ table, key }) => (table === 'tombstone' ? key : digestOf(tenant, key)))
      const request = new ScriptRequest(
        new Digests(digests).slots,
        (row) => hashName(tenant, kindOf(slice[row].table), digests[row]),
        (row) => ['remove', fieldOf(slice[row].table, slice[row].model), versionBytes(slice[row].expected)],
      )
      removed.set((await runWrites(this.#topology, request, this.#options)).map(Number), from)
    })
    return removed
  }

  /** Ends a rolling upgrade: see `TenantFormats`. @returns the format that the tenant had */
  raiseFormat(tenant: string): Promise<number> {
    return this.#formats.raise(tenant)
  }

  async *keys(tenant: string, kind: 'user' | 'item'): AsyncIterable<string> {
    await this.#formats.check(tenant, false)
    yield* this.#scans.keys(tenant, kind)
  }

  async scan(
    tenant: string,
    table: Table,
    cursor: string | null,
    maxRecords: number,
    visit: (key: string, model: string | undefined, record: Uint8Array) => void,
  ): Promise<string | null> {
    // Of any format, as a copy brings records up to date: each names its own.
    return this.#scans.slice(tenant, table, cursor, maxRecords, visit)
  }

  records(): AsyncIterable<StoredRecord> {
    return this.#scans.records()
  }

  /** Servers tell it, of all that they hold, in `INFO memory`. */
  sizeBytes(): null {
    return null
  }

  /** Writes were acknowledged as the durability asks; those that fell short are waited for again. */
  flushed(): Promise<void> {
    return confirmAgain(this.#topology, this.#options)
  }

  async close(): Promise<void> {
    this.#topology.close()
  }

  async #visitField(
    tenant: string,
    table: Table,
    digests: Digests,
    from: number,
    visit: (place: number, record: Uint8Array | undefined) => void,
  ): Promise<void> {
    const rows = new FieldsRequest(tenant, kindOf(table), digests, [fieldOf(table, undefined)])
    const replies = await this.#newest(rows)
    for (let i = 0; i < replies.length; i++) visit(from + i, (replies[i] as readonly (Buffer | null)[])[0] ?? undefined)
  }

  async #newest(rows: Rows): Promise<readonly Reply[]> {
    const { writeTimeoutMs } = this.#options
    const { replies, missing } = await readNewest(this.#topology, rows, writeTimeoutMs)
    if (missing === 0) return replies as readonly Reply[]
    throw new StoreUnavailableError(
      `no Valkey master answered ${missing} of ${rows.count} reads within ${writeTimeoutMs} ms; try again once it is back`,
    )
  }
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
