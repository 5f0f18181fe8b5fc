/** What is held of users of representations that learn along the log: nothing but what was known before. */
import { bucketOf, compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { describe, expect, test } from 'vitest'
import { AsOfReplay } from '../replay/as-of-replay.ts'
import type { ServingPolicy } from '../replay/serving-policy.ts'
import { memoryLog, minuteMs, smallEvents, smallSchema } from '../testing/small-log.ts'
import { type LearnedKind, LearnedSource } from './learned-source.ts'

const events = smallEvents(1200, 5)
const published = [events[399].timeMs, events[799].timeMs]
const asynchronous: ServingPolicy = { kind: 'asynchronous', refreshDelayMs: 3 * minuteMs }
const dim = 6

/** What is held of every row's user; null where nothing is. */
async function held(
  kind: LearnedKind,
  log: readonly LogEvent[],
  policy: ServingPolicy = asynchronous,
  schema: Schema = smallSchema,
): Promise<(Float32Array | null)[]> {
  const space = compileFeatures(schema)
  const source = new LearnedSource(space, { kind, dim, events: dim, rate: 0.1, penalty: 0.01 }, published, 40, 1)
  expect(source.dim).toBe(dim)
  const replay = new AsOfReplay<Float32Array>(
    { space, log: memoryLog(schema, log), policy, slots: 1, publishedMs: published },
    source,
  )
  const rows: (Float32Array | null)[] = []
  for await (const block of replay.blocks()) rows.push(...block.held.map(([own]) => own?.value ?? null))
  return rows
}

describe.each(['factors', 'pooled', 'autoencoder', 'events'] as const)('%s', (kind) => {
  test('know nothing of what comes later, nor of rows of the same time', async () => {
    const truth = await held(kind, events)
    let changed = 0
    for (const cut of [500, 900]) {
      const { timeMs } = events[cut]
      const others = events.map((event): LogEvent => {
        if (event.timeMs < timeMs) return event
        const [genre, age, device, stars] = event.values
        const values = [genre, age, device, (stars as number) >= 4 ? 1 : 5]
        return { ...event, values, item: event.timeMs === timeMs ? event.item : 'i1' }
      })
      const found = await held(kind, others)
      for (const [row, vector] of found.entries()) {
        if (events[row].timeMs <= timeMs) expect(vector).toEqual(truth[row])
        else if (`${vector}` !== `${truth[row]}`) changed++
      }
    }
    expect(changed).toBeGreaterThan(100)
  })

  test('give a vector to those alone who were known when it was computed', async () => {
    const rows = await held(kind, events, { kind: 'synchronous' })
    for (const { row, user, timeMs } of events) {
      const known = timeMs > published[0] && events.some((own) => own.user === user && own.timeMs < timeMs)
      expect(rows[row] !== null).toBe(known)
    }
  })
})

/** The user's last events before a time, the latest first, as ids + 1. */
function lastEvents(user: string, isKnown: (event: LogEvent) => boolean): number[] {
  const own = events.filter((event) => event.user === user && isKnown(event)).slice(-dim)
  const ids = own.map(({ item, values }) => 2 * bucketOf('item', item, 64) + ((values[3] as number) >= 4 ? 1 : 0) + 1)
  return [...ids.reverse(), ...new Array<number>(dim - own.length).fill(0)]
}

test('a history is that of the log before, once its refresh has landed', async () => {
  const now = await held('events', events, { kind: 'synchronous' })
  const late = await held('events', events)
  let stale = 0
  for (const { row, user, timeMs } of events) {
    const fresh = lastEvents(user, (own) => own.timeMs < timeMs)
    if (now[row] !== null) expect([...now[row]]).toEqual(fresh)
    const before = late[row]
    if (before === null || `${[...before]}` === `${fresh}`) continue
    // An event that is not held yet came less than the delay ago.
    const last = events.filter((own) => own.user === user && own.timeMs < timeMs).at(-1)!
    expect(timeMs - last.timeMs).toBeLessThanOrEqual(3 * minuteMs)
    stale++
  }
  expect(stale).toBeGreaterThan(20)
})

test('an outcome that becomes known late is not in the history before', async () => {
  const delayDays = 1 / 24
  const { sequence: _, ...small } = smallSchema
  const schema: Schema = {
    ...small,
    tasks: [{ ...small.tasks[0], delayDays }],
    aggregations: small.aggregations.filter(({ value }) => value === undefined),
  }
  const rows = await held('events', events, { kind: 'synchronous' }, schema)
  const withheld = rows.filter((vector, row) => {
    if (vector === null) return false
    const { user, timeMs } = events[row]
    const before = events.filter((own) => own.user === user && own.timeMs < timeMs)
    // Computed when the user's last event came, or when the first snapshot was published.
    const computedMs = Math.max(before.at(-1)!.timeMs, Math.min(published[0], timeMs))
    const asOf = lastEvents(user, (own) => own.timeMs <= computedMs - delayDays * 86_400_000)
    expect([...vector]).toEqual(asOf)
    return before.some((own) => own.timeMs > computedMs - delayDays * 86_400_000)
  })
  expect(withheld.length).toBeGreaterThan(100)
})
