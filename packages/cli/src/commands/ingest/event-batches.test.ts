import type { LogEvent } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit/fuzz'
import { expect, test } from 'vitest'
import { type BatchedEvent, callLimits, eventBatches, type LogMark } from './event-batches.ts'

const eventOf = (row: number, about: Partial<LogEvent> = {}): LogEvent => ({
  row,
  user: `u${row}`,
  item: 'i',
  timeMs: 1_000 + row,
  values: [row, null],
  ...about,
})

/** Batches of a log that comes in chunks of some length. */
async function batchesOf(
  events: readonly LogEvent[],
  mark?: LogMark,
  chunk = 100,
): Promise<(readonly BatchedEvent[])[]> {
  async function* chunks() {
    for (let at = 0; at < events.length; at += chunk) yield events.slice(at, at + chunk)
  }
  const all: (readonly BatchedEvent[])[] = []
  for await (const batch of eventBatches(chunks(), mark)) all.push(batch)
  return all
}

const idsOf = (batches: readonly (readonly BatchedEvent[])[]) => batches.flat().map(({ id }) => id)
const rowsOf = (batches: readonly (readonly BatchedEvent[])[]) => batches.flat().map(({ row }) => row)

test('keeps to the limits and to the order, and loses nothing, whatever the log', async () => {
  const draw = (random: SeededRandom) => ({
    rows: random.nextBelow(2_500),
    users: 1 + random.nextBelow(40),
    long: random.nextBelow(3_000),
    chunk: 1 + random.nextBelow(700),
  })
  await fuzz(draw, async ({ rows, users, long, chunk }, random) => {
    let timeMs = 0
    const events = Array.from({ length: rows }, (_, row) => {
      timeMs += random.nextBelow(3)
      const text = ['x'.repeat(long), 'é', null][random.nextBelow(3)]
      return eventOf(row, { user: `u${random.nextBelow(users)}`, timeMs, values: [text, ['a', 'b']] })
    })
    const batches = await batchesOf(events, undefined, chunk)
    expect(rowsOf(batches)).toEqual(events.map(({ row }) => row))
    expect(new Set(idsOf(batches)).size).toBe(rows)
    for (const some of batches) {
      expect(some.length).toBeGreaterThan(0)
      expect(some.length).toBeLessThanOrEqual(callLimits.events)
      const counts = new Map<string, number>()
      for (const { user } of some) counts.set(user, (counts.get(user) ?? 0) + 1)
      expect(Math.max(...counts.values())).toBeLessThanOrEqual(callLimits.userEvents)
      if (some.length > 1) expect(Buffer.byteLength(JSON.stringify(some))).toBeLessThan(2 ** 20)
    }
  })
})

test('puts events of one time into one call, as long as they fit', async () => {
  const pair = (row: number) => eventOf(row, { timeMs: Math.floor(row / 2) })
  const batches = await batchesOf(Array.from({ length: 2_001 }, (_, row) => pair(row)))
  expect(batches.map((events) => events.length)).toEqual([1_000, 1_000, 1])
  const thirds = await batchesOf(
    Array.from({ length: 1_002 }, (_, row) => eventOf(row, { timeMs: Math.floor(row / 3) })),
  )
  expect(thirds.map((events) => events.length)).toEqual([999, 3])
  const alike = await batchesOf(Array.from({ length: 1_001 }, (_, row) => eventOf(row, { timeMs: 5 })))
  expect(alike.map((events) => events.length)).toEqual([1_000, 1])
})

test('gives an event the same id each time, and rows that are alike ids of their own', async () => {
  const events = Array.from({ length: 300 }, () => eventOf(0))
  const ids = idsOf(await batchesOf(events))
  expect(new Set(ids).size).toBe(300)
  expect(idsOf(await batchesOf(events, undefined, 7))).toEqual(ids)
  const others = idsOf(await batchesOf(events.with(100, eventOf(0, { values: [1, null] }))))
  expect(others.slice(0, 100)).toEqual(ids.slice(0, 100))
  expect(others.slice(100).filter((id) => ids.includes(id))).toEqual([])
})

test('goes on from a mark, as long as the log begins as it did', async () => {
  const events = Array.from({ length: 50 }, (_, row) => eventOf(row))
  const ids = idsOf(await batchesOf(events))
  for (const count of [1, 49, 50]) {
    const rest = await batchesOf(events, { events: count, id: ids[count - 1] })
    expect(idsOf(rest)).toEqual(ids.slice(count))
    expect(rowsOf(rest)).toEqual(events.slice(count).map(({ row }) => row))
  }
  const changed = [events.with(3, eventOf(3, { item: 'j' })), events.slice(0, 9), events.slice(1)]
  for (const log of changed) {
    await expect(batchesOf(log, { events: 10, id: ids[9] })).rejects.toThrow(
      /^the log has changed: its first 10 events/,
    )
  }
})
