import type { Driver, RecordWrite } from '../drivers/driver.ts'
import { addressSeed, nextVersion, recordVersion } from '../record/record.ts'
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
import type { AppendResult } from './row-outcomes.ts'
import type {
  AppendBatch,
  EmbeddingStore,
  EventBatch,
  EventColumns,
  ReadRequest,
  StateColumns,
  StateWrite,
} from './store.ts'
import { type RingSweep, type SweepReport, sweepRings, sweepTombstones, type TombstoneSweep } from './sweep.ts'

/** Shared between tenants. */
interface StoreShared {
  readonly limits: StoreLimits
  readonly holders: Set<ForgetHolder>
  closed: boolean
}

/** The store's behaviour over any driver. */
export class DriverStore implements EmbeddingStore {
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

  get atomicity(): 'store' | 'key' {
    return this.#driver.atomicity
  }

  /** Not `async`: of a single read a promise more is no small part. */
  read(request: ReadRequest, into: ReadBuffer): Promise<void> {
    try {
      this.#checkOpen()
      const { users, models } = request
      checkFit(request, into)
      this.#checkKeys('user', users)
      const names = models.map(({ model }) => model)
      return this.#driver.readRings(
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

  async append(batch: AppendBatch): Promise<AppendResult> {
    this.#checkOpen()
    return appendRows(this.#driver, this.#tenant, batch, this.#shared.limits)
  }

  async appendEvents(batch: EventBatch): Promise<AppendResult> {
    this.#checkOpen()
    return appendEventRows(this.#driver, this.#tenant, batch, this.#shared.limits)
  }

  async readEvents(users: readonly string[]): Promise<EventColumns> {
    this.#checkOpen()
    this.#checkKeys('user', users)
    return readEventRows(this.#driver, this.#tenant, users)
  }

  async readStates(kind: StateKind, keys: readonly string[]): Promise<StateColumns> {
    this.#checkOpen()
    this.#checkKeys(kind, keys)
    const states = new Array<Uint8Array | undefined>(keys.length).fill(undefined)
    const versions = new Uint32Array(keys.length)
    await this.#driver.readRecords(this.#tenant, kind, keys, (i, record) => {
      if (record === undefined) return
      states[i] = decodeState(kind, record, addressSeed(this.#tenant, keys[i]))
      versions[i] = recordVersion(record)
    })
    return { states, versions }
  }

  async compareAndSetStates(groups: readonly (readonly StateWrite[])[]): Promise<Uint8Array> {
    this.#checkOpen()
    checkRows('groups', groups.length, this.#shared.limits)
    checkRows(
      'states',
      groups.reduce((sum, group) => sum + group.length, 0),
      this.#shared.limits,
    )
    const writes = groups.map((group, row) => {
      this.#checkGroup(group, row)
      return group.map((write) => this.#stateWrite(write, row))
    })
    return this.#driver.write(this.#tenant, writes)
  }

  async forget(user: string, options: ForgetOptions = {}): Promise<ForgetReceipt> {
    this.#checkOpen()
    checkKey('user', user, 0)
    const { atMs = Date.now(), holders = [] } = options
    checkTime('atMs', atMs, -1)
    checkNotFuture('atMs', atMs, -1, Date.now(), this.#shared.limits.maxFutureMs)
    return forgetUser(this.#driver, this.#tenant, user, atMs, [...this.#shared.holders, ...holders])
  }

  async forgottenAtMs(users: readonly string[]): Promise<Float64Array> {
    this.#checkOpen()
    this.#checkKeys('user', users)
    const times = new Float64Array(users.length)
    const digests = users.map((user) => digestOf(this.#tenant, user))
    await this.#driver.readRecords(this.#tenant, 'tombstone', digests, (i, record) => {
      if (record !== undefined) checkTombstone(this.#tenant, digests[i], record)
      times[i] = tombstoneTimeMs(record)
    })
    return times
  }

  addForgetHolder(holder: ForgetHolder): () => void {
    this.#checkOpen()
    this.#shared.holders.add(holder)
    return () => this.#shared.holders.delete(holder)
  }

  async sweep(sweep: RingSweep): Promise<SweepReport> {
    this.#checkOpen()
    checkName('model', sweep.model)
    checkTime('expiredBeforeMs', sweep.expiredBeforeMs, -1)
    return sweepRings(this.#driver, this.#tenant, sweep)
  }

  async sweepTombstones(sweep: TombstoneSweep): Promise<SweepReport> {
    this.#checkOpen()
    checkTime('nowMs', sweep.nowMs, -1)
    return sweepTombstones(this.#driver, this.#tenant, sweep, this.#shared.limits.tombstoneRetentionMs)
  }

  keys(kind: StateKind): AsyncIterable<string> {
    this.#checkOpen()
    return this.#driver.keys(this.#tenant, kind)
  }

  async check(): Promise<CheckReport> {
    this.#checkOpen()
    return checkStore(this.#driver)
  }

  sizeBytes(): number | null {
    this.#checkOpen()
    return this.#driver.sizeBytes()
  }

  async flushed(): Promise<void> {
    this.#checkOpen()
    await this.#driver.flushed()
  }

  forTenant(tenant: string): EmbeddingStore {
    this.#checkOpen()
    return new DriverStore(this.#driver, tenant, {}, this.#shared)
  }

  async close(): Promise<void> {
    if (this.#shared.closed) return
    this.#shared.closed = true
    await this.#driver.close()
  }

  #stateWrite({ kind, key, expected, state, featureTimeMs }: StateWrite, row: number): RecordWrite {
    checkKey(kind, key, row)
    checkState(kind, state, row)
    const record = encodeState(kind, state, nextVersion(expected), addressSeed(this.#tenant, key))
    const write = { table: kind, key, expected, record }
    if (featureTimeMs === undefined) return write
    checkTime('featureTimeMs', featureTimeMs, row)
    if (kind === 'item') throw new RequestError(`group ${row} gives an item a featureTimeMs; only users are forgotten`)
    return { ...write, featureTimeMs }
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

  #checkOpen(): void {
    if (this.#shared.closed) throw new StoreClosedError()
  }
}

function checkFit({ users, models }: ReadRequest, into: ReadBuffer): void {
  if (users.length > into.capacity) {
    throw new RequestError(`${users.length} users do not fit a buffer for ${into.capacity}; make a larger one`)
  }
  if (models.length !== into.models.length) {
    throw new RequestError(`the request has ${models.length} models, the buffer ${into.models.length}; let them match`)
  }
  for (let m = 0; m < models.length; m++) {
    if (models[m].model !== into.models[m].model) {
      throw new RequestError(
        `model ${m} is "${models[m].model}", the buffer's "${into.models[m].model}"; let them match`,
      )
    }
  }
}
