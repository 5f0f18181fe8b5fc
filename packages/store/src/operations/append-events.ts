import { type Driver, type RecordWrite, writeOutcome } from '../drivers/driver.ts'
import { getOrMake } from '../maps/get-or-make.ts'
import { appendToEvents, type DecodedEvent, decodeEvents, eventId, maxPayloadBytes } from '../record/event-record.ts'
import { addressSeed, addressText, recordVersion } from '../record/record.ts'
import { checkTombstone, digestOf, tombstoneTimeMs } from '../record/tombstone.ts'
import { RequestError, StoreCorruptError } from '../validation/errors.ts'
import { checkKey } from '../validation/keys.ts'
import { checkRows, type StoreLimits } from '../validation/limits.ts'
import { checkNotFuture, checkTime } from '../validation/numbers.ts'
import type { EventBatch, EventColumns } from './requests.ts'
import { type AppendResult, appendOutcome, RowOutcomes } from './row-outcomes.ts'

/** Users whose records are held at once. */
const sliceUsers = 256

/** Adds events to those of their users. @throws RequestError */
export async function appendEventRows(
  driver: Driver,
  tenant: string,
  batch: EventBatch,
  limits: StoreLimits,
): Promise<AppendResult> {
  const { users, eventIds } = batch
  checkBatch(batch, limits)
  const outcomes = new RowOutcomes(users.length)
  /** Rows by user, in their order. */
  const rowsOf = new Map<string, number[]>()
  const rowOfId = new Map<string, number>()
  /** Rows whose id an earlier row has, which share its fate. */
  const repeats: [row: number, of: number][] = []
  for (let row = 0; row < users.length; row++) {
    if (!outcomes.attempt(row, () => checkRow(batch, row, limits))) continue
    const id = `${users[row]}\0${eventIds[row]}`
    const earlier = rowOfId.get(id)
    if (earlier !== undefined) {
      repeats.push([row, earlier])
      continue
    }
    rowOfId.set(id, row)
    getOrMake(rowsOf, users[row], () => []).push(row)
  }
  const work = [...rowsOf]
  for (let from = 0; from < work.length; from += sliceUsers) {
    await appendSlice(driver, tenant, batch, work.slice(from, from + sliceUsers), limits, outcomes)
  }
  for (const [row, of] of repeats) {
    const outcome = outcomes.outcomes[of]
    outcomes.outcomes[row] = outcome === appendOutcome.written ? appendOutcome.duplicate : outcome
  }
  return outcomes.result()
}

/** Events of users, newest last. @throws StoreCorruptError, StoreFormatError */
export async function readEventRows(driver: Driver, tenant: string, users: readonly string[]): Promise<EventColumns> {
  const held: DecodedEvent[][] = users.map(() => [])
  await driver.readRecords(tenant, 'events', users, (u, record) => {
    // Not `slice`: a Buffer's would share memory.
    if (record !== undefined) held[u] = decodeEvents(new Uint8Array(record), addressSeed(tenant, users[u]))
  })
  const offsets = new Uint32Array(users.length + 1)
  for (let u = 0; u < users.length; u++) offsets[u + 1] = offsets[u] + held[u].length
  const events = held.flat()
  return {
    offsets,
    timesMs: Float64Array.from(events, ({ timeMs }) => timeMs),
    payloads: events.map(({ payload }) => payload),
  }
}

/** `contradictions`: how often in a row a write found the user forgotten while no tombstone said so. */
type UserRows = readonly [user: string, rows: readonly number[], contradictions?: number]

/** A tombstone may be swept, or one of another time set, between two looks; not this often. */
const mostContradictions = 8

async function appendSlice(
  driver: Driver,
  tenant: string,
  { eventIds, timesMs, payloads }: EventBatch,
  slice: readonly UserRows[],
  { maxEvents }: StoreLimits,
  outcomes: RowOutcomes,
): Promise<void> {
  let work = slice
  while (work.length > 0) {
    const written: UserRows[] = []
    const groups: RecordWrite[][] = []
    const keys = work.map(([user]) => user)
    await driver.readRecords(tenant, 'events', keys, (i, held) => {
      const [user, rows, contradictions = 0] = work[i]
      const entries = rows.map((row) => ({
        id: eventId(eventIds[row]),
        timeMs: timesMs[row],
        payload: payloads[row],
      }))
      try {
        const { record, duplicate } = appendToEvents(held, entries, maxEvents, addressSeed(tenant, user))
        for (const [e, row] of rows.entries()) {
          outcomes.outcomes[row] = duplicate[e] === 1 ? appendOutcome.duplicate : appendOutcome.written
        }
        if (record === null) return
        const added = rows.filter((_, e) => duplicate[e] === 0)
        const featureTimeMs = added.reduce((earliest, row) => Math.min(earliest, timesMs[row]), Infinity)
        written.push([user, added, contradictions])
        groups.push([{ table: 'events', key: user, expected: recordVersion(held), record, featureTimeMs }])
      } catch (error) {
        // A record that is at fault refuses all of its user's rows, for the one reason.
        outcomes.refuse(rows, error)
      }
    })
    if (groups.length === 0) return
    const done = await driver.write(tenant, groups)
    const again = written.filter((_, i) => done[i] === writeOutcome.moved)
    const forgotten = written.filter((_, i) => done[i] === writeOutcome.forgotten)
    work = [...again, ...(await laterThanTombstones(driver, tenant, timesMs, forgotten, outcomes))]
  }
}

/** What is left of users who were forgotten: the rows from after that. */
async function laterThanTombstones(
  driver: Driver,
  tenant: string,
  timesMs: Float64Array,
  work: readonly UserRows[],
  outcomes: RowOutcomes,
): Promise<UserRows[]> {
  if (work.length === 0) return []
  const left: UserRows[] = []
  const digests = work.map(([user]) => digestOf(tenant, user))
  await driver.readRecords(tenant, 'tombstone', digests, (i, tombstone) => {
    if (tombstone !== undefined) checkTombstone(tenant, digests[i], tombstone)
    const forgottenMs = tombstoneTimeMs(tombstone)
    const [user, rows, contradictions = 0] = work[i]
    for (const row of rows) if (timesMs[row] <= forgottenMs) outcomes.outcomes[row] = appendOutcome.forgotten
    const later = rows.filter((row) => timesMs[row] > forgottenMs)
    if (later.length < rows.length) {
      if (later.length > 0) left.push([user, later])
    } else if (contradictions + 1 < mostContradictions) left.push([user, rows, contradictions + 1])
    else {
      const address = addressText({ table: 'tombstone', tenant, key: digests[i] })
      const what = `user ${JSON.stringify(user)} is forgotten, but ${address} is of before; run a check`
      outcomes.refuse(rows, new StoreCorruptError(what))
    }
  })
  return left
}

function checkRow({ users, eventIds, timesMs, payloads, writtenMs }: EventBatch, row: number, limits: StoreLimits) {
  checkKey('user', users[row], row)
  checkKey('event id', eventIds[row], row)
  checkTime('timesMs', timesMs[row], row)
  checkNotFuture('timesMs', timesMs[row], row, writtenMs, limits.maxFutureMs)
  if (!(payloads[row] instanceof Uint8Array)) {
    throw new RequestError(`the payload of row ${row} is no Uint8Array; give its bytes`)
  }
  if (payloads[row].length > maxPayloadBytes) {
    throw new RequestError(
      `the payload of row ${row} has ${payloads[row].length} bytes, over the limit of ${maxPayloadBytes}; ` +
        'keep in events what features need, and the rest elsewhere',
    )
  }
}

function checkBatch({ users, eventIds, timesMs, payloads, writtenMs }: EventBatch, limits: StoreLimits): void {
  checkRows('events', users.length, limits)
  for (const [name, { length }] of Object.entries({ eventIds, timesMs, payloads })) {
    if (length !== users.length) {
      throw new RequestError(`${name} has ${length} values for ${users.length} rows; give one each`)
    }
  }
  checkTime('writtenMs', writtenMs, -1)
}
