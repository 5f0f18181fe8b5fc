import type { Driver, MayMiss, RecordWrite } from '../drivers/driver.ts'
import { addressSeed, nextVersion, recordVersion } from '../record/record.ts'
import { newestFeatureTimeMs } from '../record/ring.ts'
import { checkState, decodeState, encodeState, type StateKind } from '../record/state-record.ts'
import { checkTombstone, digestOf, tombstoneTimeMs } from '../record/tombstone.ts'
import { RequestError, StoreClosedError } from '../validation/errors.ts'
import { checkKey, checkName } from '../validation/keys.ts'
import { checkRows, limitsOf, type StoreLimits } from '../validation/limits.ts'
import { checkNotFuture, checkTime } from '../validation/numbers.ts'
import { appendRows } from './append.ts'
import { appendEventRows, readEventRows } from './append-events.ts'
import { type CheckReport, checkStore } from './check.ts'
import { type ForgetHolder, type ForgetOptions, type ForgetReceipt, forgetUser } from './forget.ts'
import { type ReadBuffer, readStatus } from './read-buffer.ts'
import { clearRow, readRow } from './read-row.ts'
import type { AppendBatch, EventBatch, EventColumns, ReadRequest, StateColumns, StateWrite } from './requests.ts'
import type { AppendResult } from './row-outcomes.ts'
import { type RingSweep, type SweepReport, sweepSlice, type TombstoneSweep } from './sweep.ts'

/** Shared between tenants. */
interface StoreShared {
  readonly limits: StoreLimits
  readonly holders: Set<ForgetHolder>
  closed: boolean
}

/**
 * Embeddings, states and events of one tenant's users and items. Keys are UTF-8 of 1 … 512 bytes without NUL. What a call
 * wrote is seen by every read that starts after the call resolved, and is durable once a later `flushed()` resolved.
 * U = users, D = dim of a model, E = events.
 */
export class EmbeddingStore {
  readonly #driver: Driver
  readonly #tenant: string
  readonly #shared: StoreShared

  /** @throws KeyError, RequestError */
  constructor(driver: Driver, tenant: string, limits: Partial<StoreLimits> = {}, shared?: StoreShared) {
    checkName('tenant', tenant)
    this.#driver = driver
    this.#tenant = tenant
    this.#shared = shared ?? { limits: limitsOf(limits), holders: new Set(), closed: false }
  }

  /** Whether a group of states over several keys can be set whole (`store`), or only one of a single key (`key`). */
  get atomicity(): 'store' | 'key' {
    return this.#driver.atomicity
  }

  /**
   * Reads all users × models in one round trip into memory of the caller's. A model that nothing is held of is missing.
   *
   * @throws KeyError; RequestError where the buffer does not fit or there are more users than `maxBatchRows`;
   *   DimensionError where a ring is of another dim; StoreCorruptError, StoreFormatError
   */
  read(request: ReadRequest, into: ReadBuffer): Promise<void> {
    // Not `async`: one more promise is a measurable part of the cost of a single read.
    try {
      const { users, models } = request
      checkFit(request, into)
      this.#checkKeys('user', users)
      const names = models.map(({ model }) => model)
      return this.#open.readRings(
        this.#tenant,
        users,
        names,
        (u, m, record) => {
          if (record === null) clearRow(into.models[m], u, readStatus.unavailable)
          else if (record === undefined) clearRow(into.models[m], u, readStatus.missing)
          else readRow(record, into.models[m], u, models[m].expiredBeforeMs)
        },
        true,
      )
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Adds one embedding a user to the rings of a model. Rows are independent: a refused one does not affect the others.
   *
   * @throws KeyError, RequestError where the batch as a whole does not hold together
   */
  async append(batch: AppendBatch): Promise<AppendResult> {
    return appendRows(this.#open, this.#tenant, batch, this.#shared.limits)
  }

  /**
   * Adds events to their users' in the order of the rows, of which each user's last `maxEvents` stay. An event whose id its
   * user's list holds already is a `duplicate` and changes nothing. Rows are independent.
   *
   * @throws RequestError where the batch as a whole does not hold together
   */
  async appendEvents(batch: EventBatch): Promise<AppendResult> {
    return appendEventRows(this.#open, this.#tenant, batch, this.#shared.limits)
  }

  /** Users' events, in the order in which they arrived. @throws KeyError, StoreCorruptError, StoreFormatError */
  async readEvents(users: readonly string[]): Promise<EventColumns> {
    this.#checkKeys('user', users)
    return readEventRows(this.#open, this.#tenant, users)
  }

  /**
   * Copies of states, checked against their checksums.
   *
   * @param mayMiss states that nobody gives in time are `missing`, and with `old` a replica may give them, some moments old.
   *   Default: all are the newest, or it throws
   * @throws KeyError, StoreCorruptError, StoreFormatError, StoreUnavailableError
   */
  async readStates(kind: StateKind, keys: readonly string[], mayMiss?: MayMiss): Promise<StateColumns> {
    this.#checkKeys(kind, keys)
    const states = new Array<Uint8Array | undefined>(keys.length).fill(undefined)
    const versions = new Uint32Array(keys.length)
    const missing = new Set(mayMiss && keys.keys())
    const visit = (i: number, record: Uint8Array | undefined) => {
      missing.delete(i)
      if (record === undefined) return
      states[i] = decodeState(kind, record, addressSeed(this.#tenant, keys[i]))
      versions[i] = recordVersion(record)
    }
    await this.#open.readRecords(this.#tenant, kind, keys, visit, mayMiss)
    return { states, versions, missing }
  }

  /**
   * What a user or an item shares its fate with: over a cluster of Valkey the master that has it, so that one which is silent
   * keeps nobody of another part waiting. Over any other store all have the same.
   */
  partOf(key: string): string {
    return this.#open.partOf?.(this.#tenant, key) ?? ''
  }

  /**
   * Sets states whose versions are still as expected. Each group is written whole or not at all, say a user with an
   * item; groups are independent.
   *
   * @returns a value of `writeOutcome` for each group: 1 where it was written, 0 where a version had moved on, 2 where a
   *   user was forgotten at the state's `featureTimeMs` or later
   * @throws KeyError, or RequestError for a group over several keys where the atomicity is `key`, before anything is written
   */
  async compareAndSetStates(groups: readonly (readonly StateWrite[])[]): Promise<Uint8Array> {
    checkRows('groups', groups.length, this.#shared.limits)
    checkRows('states', groups.flat().length, this.#shared.limits)
    const writes = groups.map((group, row) => {
      this.#checkGroup(group, row)
      return group.map((write) => this.#stateWrite(write, row))
    })
    return this.#open.write(this.#tenant, writes)
  }

  /**
   * Removes all that is held under a user, here and at the holders, and leaves a tombstone, so that no work of `atMs` or
   * before brings the user back: appends, events, and states that are set with their `featureTimeMs`.
   *
   * @throws KeyError; RequestError, FutureTimeError for a time that is none; ForgetError where a holder failed, once the
   *   store's own part is done
   */
  async forget(user: string, options: ForgetOptions = {}): Promise<ForgetReceipt> {
    checkKey('user', user, 0)
    const { atMs = Date.now(), holders = [] } = options
    checkTime('atMs', atMs, -1)
    checkNotFuture('atMs', atMs, -1, Date.now(), this.#shared.limits.maxFutureMs)
    return forgetUser(this.#open, this.#tenant, user, atMs, [...this.#shared.holders, ...holders])
  }

  /** [U] when users were last forgotten, −Infinity for those who were not, or not within the retention. @throws KeyError */
  async forgottenAtMs(users: readonly string[]): Promise<Float64Array> {
    this.#checkKeys('user', users)
    const times = new Float64Array(users.length)
    const digests = users.map((user) => digestOf(this.#tenant, user))
    await this.#open.readRecords(this.#tenant, 'tombstone', digests, (i, record) => {
      if (record !== undefined) checkTombstone(this.#tenant, digests[i], record)
      times[i] = tombstoneTimeMs(record)
    })
    return times
  }

  /** Adds a place beside the store that takes part in every `forget`, of all tenants. @returns what removes it again */
  addForgetHolder(holder: ForgetHolder): () => void {
    if (this.#shared.closed) throw new StoreClosedError()
    this.#shared.holders.add(holder)
    return () => this.#shared.holders.delete(holder)
  }

  /** Removes expired rings of one model, a slice a call. @throws KeyError, RequestError */
  async sweep(sweep: RingSweep): Promise<SweepReport> {
    checkName('model', sweep.model)
    const { model, expiredBeforeMs } = sweep
    checkTime('expiredBeforeMs', expiredBeforeMs, -1)
    return sweepSlice(this.#open, this.#tenant, 'ring', sweep, (record, _, of) => {
      return of === model && newestFeatureTimeMs(record) < expiredBeforeMs
    })
  }

  /** Removes tombstones past the store's retention, a slice a call. @throws RequestError */
  async sweepTombstones(sweep: TombstoneSweep): Promise<SweepReport> {
    checkTime('nowMs', sweep.nowMs, -1)
    const keptFromMs = sweep.nowMs - this.#shared.limits.tombstoneRetentionMs
    return sweepSlice(this.#open, this.#tenant, 'tombstone', sweep, (record, digest) => {
      checkTombstone(this.#tenant, digest, record)
      return tombstoneTimeMs(record) < keptFromMs
    })
  }

  /** Keys that have a state, in the byte order of their UTF-8; those that come or go meanwhile may be left out. */
  keys(kind: StateKind): AsyncIterable<string> {
    return this.#open.keys(this.#tenant, kind)
  }

  /** Verifies every record of every tenant. */
  async check(): Promise<CheckReport> {
    return checkStore(this.#open)
  }

  /**
   * Bytes that the store takes, of all tenants, without a look at any record: on the disk, or in memory where nothing is on
   * a disk; null where only a server knows.
   */
  sizeBytes(): number | null {
    return this.#open.sizeBytes()
  }

  /**
   * Resolves when all writes made before the call are on the disk and survive a loss of power.
   *
   * @param users whose writes are meant; default: all
   * @throws StoreWriteError
   */
  async flushed(users?: readonly string[]): Promise<void> {
    await this.#open.flushed(this.#tenant, users)
  }

  /**
   * Resolves where nothing is known to keep writes from the disk: its file is in place, and a commit that failed goes through
   * now. For monitoring; a Valkey store is not asked.
   *
   * @throws StoreUnavailableError where the store's file was removed or replaced; StoreWriteError
   */
  async checkWritable(): Promise<void> {
    await this.#open.checkWritable()
  }

  /** The same store for another tenant; closing either closes both. @throws KeyError */
  forTenant(tenant: string): EmbeddingStore {
    return new EmbeddingStore(this.#open, tenant, {}, this.#shared)
  }

  /** Flushes and closes; later calls throw StoreClosedError. */
  async close(): Promise<void> {
    if (this.#shared.closed) return
    this.#shared.closed = true
    await this.#driver.close()
  }

  /** @throws StoreClosedError */
  get #open(): Driver {
    if (this.#shared.closed) throw new StoreClosedError()
    return this.#driver
  }

  #stateWrite({ kind, key, expected, state, featureTimeMs }: StateWrite, row: number): RecordWrite {
    checkKey(kind, key, row)
    checkState(kind, state, row)
    if (featureTimeMs !== undefined) {
      checkTime('featureTimeMs', featureTimeMs, row)
      if (kind === 'item')
        throw new RequestError(`group ${row} gives an item a featureTimeMs; only users are forgotten`)
    }
    const record = encodeState(kind, state, nextVersion(expected), addressSeed(this.#tenant, key))
    return { table: kind, key, expected, record, featureTimeMs }
  }

  #checkGroup(group: readonly StateWrite[], row: number): void {
    if (this.#driver.atomicity === 'store' || group.length < 2) return
    throw new RequestError(
      `group ${row} has ${group.length} states, and this store sets one at a time whole, as its keys lie on several ` +
        'machines; give groups of one state, or use a store on one machine',
    )
  }

  #checkKeys(what: string, keys: readonly string[]): void {
    checkRows('keys', keys.length, this.#shared.limits)
    for (let i = 0; i < keys.length; i++) checkKey(what, keys[i], i)
  }
}

function checkFit({ users, models }: ReadRequest, into: ReadBuffer): void {
  if (users.length > into.capacity) {
    throw new RequestError(`${users.length} users do not fit a buffer for ${into.capacity}; make a larger one`)
  }
  if (models.length !== into.models.length) {
    throw new RequestError(`the request has ${models.length} models, the buffer ${into.models.length}; let them match`)
  }
  for (const [m, { model }] of models.entries()) {
    const there = into.models[m].model
    if (model !== there) throw new RequestError(`model ${m} is "${model}", the buffer's "${there}"; let them match`)
  }
}
