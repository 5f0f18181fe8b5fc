/** The load against services that are made up: what they take, and when, is known. */
import { expect, test } from 'vitest'
import { type OpenLoop, runOpenLoop } from './open-loop.ts'

interface Call {
  intendedMs: number
  sentMs: number
  endMs: number
  failure: string | null
}

/** Runs a load with a service that is given; the rest has values that do not matter. */
async function run(send: OpenLoop['send'], changes: Partial<OpenLoop> = {}) {
  const calls: Call[] = []
  const lateMs: number[] = []
  const abandonedMs: number[] = []
  const end = await runOpenLoop({
    arrivals: { perSecond: 500, seconds: 0.2, kind: 'constant', seed: 1 },
    slots: 8,
    maxWaiting: 1_000,
    drainMs: 5_000,
    observer: {
      ended: (intendedMs, sentMs, endMs, failure) => calls.push({ intendedMs, sentMs, endMs, failure }),
      noticed: (ms) => lateMs.push(ms),
      abandoned: (intendedMs, endMs) => abandonedMs.push(endMs - intendedMs),
    },
    send,
    ...changes,
  })
  return { calls, lateMs, abandonedMs, end }
}

test('sends what is due at the times that were fixed, in order', async () => {
  const { calls, lateMs, end } = await run((onEnd) => setImmediate(onEnd, null), { slots: 1_000 })
  // 500 a second for .2 s, the last due at the very end or a hair before.
  expect(calls.length).toBeGreaterThanOrEqual(99)
  expect(calls.length).toBeLessThanOrEqual(100)
  const firstMs = calls[0].intendedMs
  for (const [i, call] of calls.entries()) {
    expect(call.intendedMs - firstMs).toBeCloseTo(2 * i, 6)
    expect(call.sentMs).toBeGreaterThanOrEqual(call.intendedMs)
  }
  expect(lateMs).toHaveLength(calls.length)
  expect(end).toMatchObject({ by: 'time', sent: calls.length, unsent: 0, unanswered: 0, waitingAtMost: 0 })
  expect(end.offeredMs).toBe(200)
})

test('looks for what is due as often as the caller has it look', async () => {
  let looks = 0
  const pause = (look: () => void) => {
    looks++
    setImmediate(look)
  }
  const { calls, end } = await run((onEnd) => setImmediate(onEnd, null), { slots: 1_000, pause })
  expect(end).toMatchObject({ by: 'time', sent: calls.length })
  // By a timer it would look 200 times in the .2 s at most.
  expect(looks).toBeGreaterThan(250)
})

test('Poisson arrivals come from their seed, with gaps as long as they should be in the mean', async () => {
  const arrivals = { perSecond: 5_000, seconds: 0.4, kind: 'poisson', seed: 7 } as const
  const gaps = async () => {
    const { calls } = await run((onEnd) => setImmediate(onEnd, null), { arrivals, slots: 1_000_000 })
    const times = calls.map(({ intendedMs }) => intendedMs).sort((a, b) => a - b)
    return times.slice(1).map((time, i) => time - times[i])
  }
  const [first, second] = [await gaps(), await gaps()]
  for (const [i, gap] of first.entries()) expect(second[i]).toBeCloseTo(gap, 6)
  const mean = first.reduce((sum, gap) => sum + gap, 0) / first.length
  const variance = first.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / first.length
  // Exponential: standard deviation and mean are alike, .2 ms; 2,000 gaps know them within a few per cent.
  expect(mean).toBeGreaterThan(0.18)
  expect(mean).toBeLessThan(0.22)
  expect(Math.sqrt(variance) / mean).toBeGreaterThan(0.9)
  expect(Math.sqrt(variance) / mean).toBeLessThan(1.1)
})

test('a service that stands still is charged for the calls that waited behind it', async () => {
  // It answers nothing until 150 ms have passed, then everything.
  const held: (() => void)[] = []
  let isOpen = false
  setTimeout(() => {
    isOpen = true
    for (const answer of held) answer()
  }, 150)
  const { calls, end } = await run((onEnd) => {
    if (isOpen) setImmediate(onEnd, null)
    else held.push(() => onEnd(null))
  })
  expect(end.by).toBe('time')
  // 8 slots were taken by the first 16 ms; 50 and more calls were due in the rest of the pause, and waited.
  expect(end.waitingAtMost).toBeGreaterThan(40)
  const waited = calls.filter(({ intendedMs, sentMs }) => sentMs - intendedMs > 20)
  expect(waited.length).toBeGreaterThan(30)
  expect(Math.max(...calls.map(({ intendedMs, endMs }) => endMs - intendedMs))).toBeGreaterThan(100)
})

test('ends where too many wait, where answers are missing, and where it is stopped', async () => {
  const silent = () => {}
  const full = await run(silent, { maxWaiting: 10 })
  expect(full.end).toMatchObject({ by: 'overrun', sent: 8, unanswered: 8 })
  expect(full.end.unsent).toBeGreaterThan(10)
  expect(full.end.unsent).toBeLessThan(60)
  // All that were due are told of, the first with the longest time.
  expect(full.abandonedMs).toHaveLength(8 + full.end.unsent)
  expect(full.abandonedMs[0]).toBe(Math.max(...full.abandonedMs))
  const slow = await run(silent, { drainMs: 20, slots: 1_000 })
  expect(slow.end).toMatchObject({ by: 'overrun', unsent: 0, unanswered: slow.end.sent })
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 30)
  const stopped = await run(silent, { signal: stop.signal, slots: 1_000 })
  expect(stopped.end.by).toBe('stopped')
  expect(stopped.end.offeredMs).toBeLessThan(200)
  expect(stopped.abandonedMs).toEqual([])
})

test('failures are told with their calls, and answers after the end change nothing', async () => {
  const late: (() => void)[] = []
  let sent = 0
  const { calls } = await run(
    (onEnd) => {
      if (sent++ % 2 === 0) setImmediate(onEnd, 'HTTP 503')
      else late.push(() => onEnd(null))
    },
    { slots: 1_000, drainMs: 20 },
  )
  const before = calls.length
  expect(new Set(calls.map(({ failure }) => failure))).toEqual(new Set(['HTTP 503']))
  for (const answer of late) answer()
  expect(calls).toHaveLength(before)
})
