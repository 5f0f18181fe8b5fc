import { type Driver, type RecordWrite, writeOutcome } from '../drivers/driver.ts'
import { checkPolicy } from '../record/append-policy.ts'
import { addressSeed, recordVersion } from '../record/record.ts'
import { appendToRing } from '../record/ring.ts'
import { RequestError } from '../validation/errors.ts'
import { checkKey, checkName } from '../validation/keys.ts'
import { checkRows, type StoreLimits } from '../validation/limits.ts'
import { checkNotFuture, checkTime } from '../validation/numbers.ts'
import { checkDimension } from './read-buffer.ts'
import type { AppendBatch } from './requests.ts'
import { type AppendResult, appendOutcome, RowOutcomes } from './row-outcomes.ts'

/** Rows whose records are held at once. */
const sliceRows = 4_096

/** Adds a batch's embeddings to the rings of its users. @throws RequestError, KeyError */
export async function appendRows(
  driver: Driver,
  tenant: string,
  batch: AppendBatch,
  limits: StoreLimits,
): Promise<AppendResult> {
  checkBatch(batch, limits)
  const rows = new RowOutcomes(batch.users.length)
  for (let from = 0; from < batch.users.length; from += sliceRows) {
    await appendSlice(driver, tenant, batch, from, limits, rows)
  }
  return rows.result()
}

async function appendSlice(
  driver: Driver,
  tenant: string,
  batch: AppendBatch,
  from: number,
  { maxFutureMs }: StoreLimits,
  outcomes: RowOutcomes,
): Promise<void> {
  const { users, model, dim, vectors, snapshot, frame, featureTimeMs, writtenMs, policy } = batch
  let rows: number[] = []
  for (let u = from; u < Math.min(users.length, from + sliceRows); u++) {
    const good = outcomes.attempt(u, () => {
      checkKey('user', users[u], u)
      checkTime('featureTimeMs', featureTimeMs[u], u)
      checkNotFuture('featureTimeMs', featureTimeMs[u], u, writtenMs, maxFutureMs)
    })
    if (good) rows.push(u)
  }
  /** The new ring of a row, or null. */
  const append = (u: number, held: Uint8Array | undefined): Uint8Array | null => {
    let made: Uint8Array | null = null
    outcomes.attempt(u, () => {
      const tag = { snapshot, frame, featureTimeMs: featureTimeMs[u], writtenMs }
      const seed = addressSeed(tenant, users[u], model)
      const next = appendToRing(held, seed, tag, vectors, u, dim, policy)
      if (typeof next === 'string') outcomes.outcomes[u] = appendOutcome[next]
      else made = next
    })
    return made
  }
  if (driver.updateRings !== undefined) {
    const keys = rows.map((u) => users[u])
    const timeOf = (i: number) => featureTimeMs[rows[i]]
    const done = await driver.updateRings(tenant, keys, model, timeOf, (i, held) => append(rows[i], held))
    noteForgotten(rows, done, outcomes)
    return
  }
  // Rows whose ring changed between read and write, or that repeat a user, go round again; some row always succeeds.
  while (rows.length > 0) {
    const written: number[] = []
    const groups: RecordWrite[][] = []
    const keys = rows.map((u) => users[u])
    await driver.readRings(tenant, keys, [model], (i, _, record) => {
      const u = rows[i]
      // Null is for readers who ask for it only.
      const held = record ?? undefined
      const next = append(u, held)
      if (next === null) return
      written.push(u)
      const write = { table: 'ring', key: users[u], model, expected: recordVersion(held), record: next } as const
      groups.push([{ ...write, featureTimeMs: featureTimeMs[u] }])
    })
    if (groups.length === 0) return
    const done = await driver.write(tenant, groups)
    noteForgotten(written, done, outcomes)
    rows = written.filter((_, i) => done[i] === writeOutcome.moved)
  }
}

function noteForgotten(rows: readonly number[], done: Uint8Array, { outcomes }: RowOutcomes): void {
  for (let i = 0; i < rows.length; i++) {
    if (done[i] === writeOutcome.forgotten) outcomes[rows[i]] = appendOutcome.forgotten
  }
}

function checkBatch(batch: AppendBatch, limits: StoreLimits): void {
  const { users, model, dim, vectors, featureTimeMs } = batch
  checkRows('users', users.length, limits)
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
