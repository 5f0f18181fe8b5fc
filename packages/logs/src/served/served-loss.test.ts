/** What a crash leaves of a served log, and what is told of the rest. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { servedBatch } from '../../testing/served-batches.ts'
import { filesOf, leftBy, rowsIn } from '../../testing/served-files.ts'
import { StateFile } from '../directory/state-file.ts'
import { openServedLog, type ServedLogOptions } from './served-log.ts'

const random = seededRandom(7)

function open(directory: string, more: Partial<ServedLogOptions> = {}) {
  return openServedLog({ directory, tenant: 'default', ...more })
}

const usersOf = (count: number) => Array.from({ length: count }, (_, i) => `user-${i}`)

/** What that process finds. */
async function crashed(directory: string) {
  const after = leftBy(directory)
  const log = await open(after)
  await log.close()
  return { lost: log.counters.lost, rows: (await rowsIn(after)).length }
}

/** What it finds once so many rows would be lost. */
function untilLost(directory: string, rows: number) {
  const look = async () => {
    const found = await crashed(directory)
    expect(found.lost).toBe(rows)
    return found
  }
  return vi.waitFor(look, { timeout: 20_000, interval: 20 })
}

/** Keeps the first count that is noted from the disk until it is released. */
function heldCounts() {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const { note } = StateFile.prototype
  const noted = vi.spyOn(StateFile.prototype, 'note').mockImplementationOnce(async function (
    this: StateFile<object>,
    change,
  ) {
    await released
    return note.call(this, change)
  })
  onTestFinished(() => noted.mockRestore())
  const called = () => vi.waitFor(() => expect(noted).toHaveBeenCalled(), { timeout: 20_000, interval: 5 })
  return { called, release }
}

test('after a crash has what was written, and counts what was recorded beyond', async () => {
  const directory = temporaryDirectory()
  const log = await open(directory)
  const first = servedBatch(random, usersOf(5), 1, { sum: 4 })
  log.record(first)
  await log.flush()
  // Recorded while the row group before is being written, and noted with it.
  log.record(servedBatch(random, usersOf(7), 2, { sum: 4 }))
  const writing = log.flush()
  log.record(servedBatch(random, usersOf(3), 3, { sum: 4 }))
  await writing

  // The process ends here, in the midst of another row group.
  const after = leftBy(directory)
  const part = readdirSync(after).find((name) => name.endsWith('.part'))!
  const bytes = readFileSync(join(after, part))
  writeFileSync(join(after, part), Buffer.concat([bytes, bytes.subarray(4, 150)]))
  writeFileSync(join(after, '.served.new'), 'half of a file')
  const again = await open(after)
  expect(again.counters).toEqual({ rows: 0, dropped: 0, lost: 3, files: 1 })
  again.record(first)
  await again.close()
  await log.close()
  const rows = await rowsIn(after)
  expect(rows.map(({ served_ms }) => served_ms)).toEqual([
    ...Array(5).fill(1),
    ...Array(7).fill(2),
    ...Array(5).fill(1),
  ])
  // The gap in the names is what was lost.
  expect(filesOf(after)).toEqual([
    'served-000000000000000-000000000000012.parquet',
    'served-000000000000015-000000000000020.parquet',
  ])
  expect(readdirSync(after).sort()).toEqual(['.served.state', ...filesOf(after)])
})

test('after a crash counts what was recorded and never written', async () => {
  const directory = temporaryDirectory()
  const log = await open(directory, { flushMs: 600_000 })
  log.record(servedBatch(random, usersOf(5), 1, { sum: 4 }))
  expect(await untilLost(directory, 5)).toEqual({ lost: 5, rows: 0 })
  log.record(servedBatch(random, usersOf(4), 2, { sum: 4 }))
  expect(await untilLost(directory, 9)).toEqual({ lost: 9, rows: 0 })
  await log.flush()
  expect(await crashed(directory)).toEqual({ lost: 0, rows: 9 })
  log.record(servedBatch(random, usersOf(3), 3, { sum: 4 }))
  expect(await untilLost(directory, 3)).toEqual({ lost: 3, rows: 9 })
  await log.close()
  expect(await crashed(directory)).toEqual({ lost: 0, rows: 12 })
})

test('after a crash counts what was recorded last, while the count before was being noted', async () => {
  const directory = temporaryDirectory()
  const noting = heldCounts()
  const log = await open(directory, { flushMs: 600_000 })
  log.record(servedBatch(random, usersOf(5), 1, { sum: 4 }))
  await noting.called()
  log.record(servedBatch(random, usersOf(4), 2, { sum: 4 }))
  noting.release()
  await untilLost(directory, 9)
  await log.close()
})

test('is not closed before the count that is being noted', async () => {
  const errors: unknown[] = []
  const noting = heldCounts()
  const log = await open(temporaryDirectory(), { flushMs: 600_000, onError: (error) => errors.push(error) })
  log.record(servedBatch(random, usersOf(5), 1, { sum: 4 }))
  await noting.called()
  const closing = log.close().then(() => 'closed')
  expect(await Promise.race([closing, wait(200, 'noting')])).toBe('noting')
  noting.release()
  await closing
  expect(errors).toEqual([])
})

/** An open log that has written rows of a time, and noted with them that others were recorded since. */
async function openWith(directory: string, rows: { written: number; unwritten: number; servedMs: number }) {
  const log = await open(directory, { flushMs: 600_000 })
  log.record(servedBatch(random, usersOf(rows.written), rows.servedMs, { sum: 4 }))
  const writing = log.flush()
  log.record(servedBatch(random, usersOf(rows.unwritten), rows.servedMs + 1, { sum: 4 }))
  await writing
  return log
}

test('tells once what a crash lost, and counts nothing as lost that was written and moved away', async () => {
  const directory = temporaryDirectory()
  const lostAt = async (where: string) => {
    const log = await open(where)
    await log.close()
    return log.counters.lost
  }
  const log = await openWith(directory, { written: 5, unwritten: 3, servedMs: 1 })
  const after = leftBy(directory)
  expect([await lostAt(after), await lostAt(after), await lostAt(after)]).toEqual([3, 0, 0])
  await log.close()
  for (const where of [directory, after]) {
    for (const name of filesOf(where)) rmSync(join(where, name))
    expect(await lostAt(where)).toBe(0)
  }
  // Of what follows it tells again.
  const again = await openWith(after, { written: 2, unwritten: 4, servedMs: 3 })
  const last = leftBy(after)
  expect([await lostAt(last), await lostAt(last)]).toEqual([4, 0])
  await again.close()
})

test('keeps a file whole that a second crash left behind before it was noted', async () => {
  const directory = temporaryDirectory()
  const log = await openWith(directory, { written: 5, unwritten: 3, servedMs: 1 })
  const after = leftBy(directory)
  await log.close()
  const again = await open(after, { flushMs: 600_000 })
  const noted = readFileSync(join(after, '.served.state'))
  again.record(servedBatch(random, usersOf(4), 3, { sum: 4 }))
  await again.flush()
  const last = leftBy(after)
  writeFileSync(join(last, '.served.state'), noted)
  await again.close()
  const third = await open(last)
  await third.close()
  expect(third.counters.lost).toBe(0)
  expect((await rowsIn(last)).map(({ served_ms }) => served_ms)).toEqual([...Array(5).fill(1), ...Array(4).fill(3)])
})
