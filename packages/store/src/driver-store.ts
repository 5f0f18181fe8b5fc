import type { Driver, RecordWrite } from './driver.ts'
import { KeyError, NonFiniteVectorError, RequestError, StoreClosedError, StoreError } from './errors.ts'
import { checkKey, checkName } from './keys.ts'
import { checkDimension, type ModelColumns, type ReadBuffer, readStatus } from './read-buffer.ts'
import { checkRecord, nextVersion, recordVersion } from './record.ts'
import { appendToRing, checkPolicy, checkRing, decodeLatest, decodePooled, newestTag } from './ring.ts'
import { decodeState, encodeState, type StateKind } from './state-record.ts'
import {
  type AppendBatch,
  type AppendResult,
  appendOutcome,
  type CheckReport,
  type EmbeddingStore,
  type ForgetReceipt,
  type ReadRequest,
  type StateColumns,
  type StateWrite,
} from './store.ts'

/** The store's behaviour over any driver. */
export class DriverStore implements EmbeddingStore {
  readonly #driver: Driver
  readonly #tenant: string
  /** Shared between tenants. */
  readonly #lifetime: { closed: boolean }

  constructor(driver: Driver, tenant: string, lifetime = { closed: false }) {
    checkName('tenant', tenant)
    this.#driver = driver
    this.#tenant = tenant
    this.#lifetime = lifetime
  }

  async read(request: ReadRequest, into: ReadBuffer): Promise<void> {
    this.#checkOpen()
    const { users, models } = request
    checkFit(request, into)
    for (let u = 0; u < users.length; u++) checkKey('user', users[u], u)
    const names = models.map(({ model }) => model)
    await this.#driver.readRings(this.#tenant, users, names, (u, m, record) => {
      writeRow(into.models[m], u, record, models[m].expiredBeforeMs)
    })
  }

  async append(batch: AppendBatch): Promise<AppendResult> {
    this.#checkOpen()
    checkBatch(batch)
    const { users, model, dim, vectors, snapshot, frame, featureTimeMs, writtenMs, policy } = batch
    const outcomes = new Uint8Array(users.length)
    const refusals: { row: number; error: StoreError }[] = []
    const refuse = (row: number, error: unknown) => {
      if (!(error instanceof KeyError || error instanceof NonFiniteVectorError || error instanceof RequestError)) {
        throw error
      }
      outcomes[row] = appendOutcome.refused
      refusals.push({ row, error })
    }

    let rows: number[] = []
    for (let u = 0; u < users.length; u++) {
      try {
        checkKey('user', users[u], u)
        checkTime('featureTimeMs', featureTimeMs[u], u)
        rows.push(u)
      } catch (error) {
        refuse(u, error)
      }
    }
    // Rows whose ring changed between read and write, or that repeat a user, go round again; some row always succeeds.
    while (rows.length > 0) {
      const written: number[] = []
      const groups: RecordWrite[][] = []
      const keys = rows.map((u) => users[u])
      await this.#driver.readRings(this.#tenant, keys, [model], (i, _, held) => {
        const u = rows[i]
        try {
          const tag = { snapshot, frame, featureTimeMs: featureTimeMs[u], writtenMs }
          const { outcome, record } = appendToRing(held, tag, vectors, u, dim, policy)
          outcomes[u] = appendOutcome[outcome]
          if (record === null) return
          written.push(u)
          groups.push([{ table: 'ring', key: users[u], model, expected: recordVersion(held), record }])
        } catch (error) {
          refuse(u, error)
        }
      })
      const done = await this.#driver.write(this.#tenant, groups)
      rows = written.filter((_, i) => done[i] === 0)
    }
    return { outcomes, refusals: refusals.sort((a, b) => a.row - b.row) }
  }

  async readStates(kind: StateKind, keys: readonly string[]): Promise<StateColumns> {
    this.#checkOpen()
    for (let i = 0; i < keys.length; i++) checkKey(kind, keys[i], i)
    const states = new Array<Uint8Array | undefined>(keys.length).fill(undefined)
    const versions = new Uint32Array(keys.length)
    await this.#driver.readStates(this.#tenant, kind, keys, (i, record) => {
      if (record === undefined) return
      states[i] = decodeState(kind, record)
      versions[i] = recordVersion(record)
    })
    return { states, versions }
  }

  async compareAndSetStates(groups: readonly (readonly StateWrite[])[]): Promise<Uint8Array> {
    this.#checkOpen()
    const writes = groups.map((group, row) =>
      group.map(({ kind, key, expected, state }) => {
        checkKey(kind, key, row)
        return { table: kind, key, expected, record: encodeState(kind, state, nextVersion(expected)) }
      }),
    )
    return this.#driver.write(this.#tenant, writes)
  }

  async forget(user: string): Promise<ForgetReceipt> {
    this.#checkOpen()
    checkKey('user', user, 0)
    const removed = await this.#driver.removeUser(this.#tenant, user)
    return { user, tenant: this.#tenant, ...removed }
  }

  keys(kind: StateKind): AsyncIterable<string> {
    this.#checkOpen()
    return this.#driver.keys(this.#tenant, kind)
  }

  async check(): Promise<CheckReport> {
    this.#checkOpen()
    let records = 0
    let bytes = 0
    const faults: { address: string; error: StoreError }[] = []
    for await (const { table, address, record } of this.#driver.records()) {
      records++
      bytes += record.length
      try {
        checkRecord(record, table)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        faults.push({ address, error })
      }
    }
    return { records, bytes, faults }
  }

  async flushed(): Promise<void> {
    this.#checkOpen()
    await this.#driver.flushed()
  }

  forTenant(tenant: string): EmbeddingStore {
    this.#checkOpen()
    return new DriverStore(this.#driver, tenant, this.#lifetime)
  }

  async close(): Promise<void> {
    if (this.#lifetime.closed) return
    this.#lifetime.closed = true
    await this.#driver.close()
  }

  #checkOpen(): void {
    if (this.#lifetime.closed) throw new StoreClosedError()
  }
}

function writeRow(
  into: ModelColumns,
  row: number,
  record: Uint8Array | undefined,
  expiredBeforeMs: number | undefined,
): void {
  const { dim, pooled, latest } = into
  const at = row * dim
  if (record === undefined) {
    into.status[row] = readStatus.missing
    into.snapshot[row] = 0
    into.frame[row] = 0
    into.featureTimeMs[row] = 0
    into.writtenMs[row] = 0
    pooled.fill(0, at, at + dim)
    latest?.fill(0, at, at + dim)
    return
  }
  checkRing(record, dim)
  const tag = newestTag(record, dim)
  into.snapshot[row] = tag.snapshot
  into.frame[row] = tag.frame
  into.featureTimeMs[row] = tag.featureTimeMs
  into.writtenMs[row] = tag.writtenMs
  if (expiredBeforeMs !== undefined && tag.featureTimeMs < expiredBeforeMs) {
    into.status[row] = readStatus.expired
    pooled.fill(0, at, at + dim)
    latest?.fill(0, at, at + dim)
    return
  }
  into.status[row] = readStatus.found
  decodePooled(record, dim, pooled, at)
  if (latest !== null) decodeLatest(record, dim, latest, at)
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

function checkBatch(batch: AppendBatch): void {
  const { users, model, dim, vectors, featureTimeMs } = batch
  checkName('model', model)
  checkDimension(model, dim)
  checkPolicy(batch.policy)
  if (vectors.length !== users.length * dim) {
    throw new RequestError(
      `vectors has ${vectors.length} values; ${users.length} users × dim ${dim} need ${users.length * dim}`,
    )
  }
  if (featureTimeMs.length !== users.length) {
    throw new RequestError(`featureTimeMs has ${featureTimeMs.length} values for ${users.length} users; give one each`)
  }
  for (const name of ['snapshot', 'frame'] as const) {
    if (batch[name] >>> 0 !== batch[name])
      throw new RequestError(`${name} is ${batch[name]}; give an integer of 32 bits`)
  }
  checkTime('writtenMs', batch.writtenMs, -1)
}

function checkTime(name: string, timeMs: number, row: number): void {
  if (Number.isFinite(timeMs) && timeMs >= 0) return
  const where = row < 0 ? '' : ` of row ${row}`
  throw new RequestError(`${name}${where} is ${timeMs}; give milliseconds since 1970`)
}
