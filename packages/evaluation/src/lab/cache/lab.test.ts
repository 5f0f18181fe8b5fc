import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSyntheticLog, syntheticWorld } from '@headwater/datasets'
import { requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import { modeArm } from '../../experiments/common-arms.ts'
import { estimate, pilotCost } from '../../run/estimate.ts'
import { silent } from '../../testing/small-job.ts'
import { readSmallLab, smallLab } from '../../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../../testing/small-log.ts'
import type { Arm } from '../arms/arm.ts'
import { firstRows } from '../log/first-rows.ts'
import { publicationRows } from '../log/settings.ts'
import { contentHash } from './content-hash.ts'
import { LabCache } from './lab-cache.ts'
import { readOutcome, writeOutcome } from './outcome-file.ts'

test('content has one hash whatever the order of its keys, and another content another', () => {
  expect(contentHash({ a: 1, b: [{ c: 2, d: undefined }] })).toBe(contentHash({ b: [{ c: 2 }], a: 1 }))
  const all = [{ a: 1 }, { a: 2 }, { a: '1' }, { a: [1] }, { b: 1 }, { a: Number.POSITIVE_INFINITY }, [1, 2], [2, 1]]
  expect(new Set(all.map(contentHash)).size).toBe(all.length)
})

describe('an outcome on disk', () => {
  const directory = temporaryDirectory()
  const path = join(directory, 'one')
  const outcome = { columns: { head: Float32Array.of(1.5, -2), other: new Float32Array(0) }, figures: { age: 3 } }

  test('gives back what was written', () => {
    expect(readOutcome(path)).toBeNull()
    writeOutcome(path, {}, outcome)
    expect(readOutcome(path)).toEqual(outcome)
    writeOutcome(path, {}, { ...outcome, figures: { age: 4 } })
    expect(readOutcome(path)!.figures).toEqual({ age: 4 })
    expect(readdirSync(directory)).toEqual(['one'])
  })

  test('takes what a kill left for nothing', () => {
    const own = join(temporaryDirectory(), 'one')
    writeFileSync(`${own}.partial`, 'half')
    expect(readOutcome(own)).toBeNull()
    writeOutcome(own, {}, outcome)
    for (const bytes of [60, 20, 0]) {
      truncateSync(own, bytes)
      expect(readOutcome(own)).toBeNull()
    }
  })
})

test('a pilot tells what is left to do, and leaves nothing behind', async () => {
  const device = await requestDevice()
  const lab = await readSmallLab(memoryLog(smallSchema, smallEvents(5000, 7)))
  const directory = temporaryDirectory()
  const cache = new LabCache(directory, lab, 'a test')
  const ran = new Set<string>()
  const [frozen, synchronous] = (['frozen', 'synchronous'] as const).map((mode): Arm => {
    const arm = modeArm(lab, 1, mode)
    const run: Arm['run'] = (...args) => {
      ran.add(arm.name)
      return arm.run(...args)
    }
    return { ...arm, run }
  })
  const { upstream } = synchronous
  const variant = { config: lab.settings.config, learntUsers: 1 / 4 }
  const part = { ...frozen, upstream: { ...upstream!, variant } }
  const context = { device, lab, stages: silent, signal: undefined }
  const found = await estimate([part, synchronous], cache, context)
  device.destroy()
  expect(found).toMatchObject({ arms: 2, upstreams: 2 })
  // An upstream that passes most rows over would not tell what learning from them takes.
  expect([...ran]).toEqual(['synchronous'])
  expect(found.seconds).toBeGreaterThan(0)
  expect(existsSync(join(directory, 'pilot'))).toBe(false)
})

test.each([
  ['a clear slope', [3, 3.1, 5, 5.2], { perRow: 0.02, fixed: 1 }],
  ['as long for more rows', [5, 5.1, 5.05, 5], { perRow: 5 / 200, fixed: 0 }],
  ['a slope within what runs differ by', [4, 5, 4.5, 4.6], { perRow: 4.5 / 200, fixed: 0 }],
  ['nothing but rows', [1, 1, 3, 3], { perRow: 0.02, fixed: 0 }],
])('a pilot tells rows from the rest: %s', (_, seconds, cost) => {
  expect(pilotCost(seconds, 100, 200)).toEqual({
    perRow: expect.closeTo(cost.perRow, 9),
    fixed: expect.closeTo(cost.fixed, 9),
  })
})

describe('a lab log', () => {
  const events = smallEvents(1500, 7)
  const log = memoryLog(smallSchema, events)

  test('counts what is in the test window from the log alone', async () => {
    const { test: window, users, surface, fingerprint, outcome, publicationRows } = await readSmallLab(log)
    expect(window).toMatchObject({ fromRow: 1050, rows: 450, fromMs: events[1050].timeMs })
    expect(users).toBe(new Set(events.map(({ user }) => user)).size)
    for (const place of [0, 100, 449]) {
      const { user, row } = events[1050 + place]
      expect(window.userNames[window.users[place]]).toBe(user)
      expect(window.earlierEvents[place]).toBe(events.slice(0, row).filter((own) => own.user === user).length)
    }
    const counts = new Map<string, number>()
    for (const { values } of events) counts.set(values[2] as string, (counts.get(values[2] as string) ?? 0) + 1)
    expect(counts.get(surface!.value)).toBe(Math.min(...counts.values()))
    const first = events.slice(0, publicationRows[0]).map(({ values }) => values[3] as number)
    const mean = first.reduce((sum, stars) => sum + stars, 0) / first.length
    const variance = first.reduce((sum, stars) => sum + (stars - mean) ** 2, 0) / first.length
    expect(outcome!.mean).toBeCloseTo(mean, 9)
    expect(outcome!.deviation).toBeCloseTo(Math.sqrt(variance), 9)
    const others = events.map((event) => (event.row === 3 ? { ...event, item: 'i1' } : event))
    expect((await readSmallLab(memoryLog(smallSchema, others))).fingerprint).not.toBe(fingerprint)
  })

  test('of a synthetic world is scored from a midnight on', async () => {
    const setting = { ...syntheticWorld().setting, users: 60, days: 10, impressionsPerDay: 120 }
    const world = syntheticWorld({ seed: 2, setting })
    const { test: window } = await readSmallLab(openSyntheticLog({ seed: 2, setting }), world)
    expect(window).toMatchObject({ fromRow: 840, rows: 360 })
    expect(new Date(window.fromMs).getUTCDate()).toBe(8)
  })

  test('may be its first rows', async () => {
    const part = await firstRows(log, 700)
    const rows = []
    for await (const chunk of part.events()) rows.push(...chunk)
    expect(rows).toEqual(events.slice(0, 700))
    expect(part).toMatchObject({ rows: 700, timeRange: { lastMs: events[699].timeMs } })
  })

  test('snapshots are published at equal distances up to the end', () => {
    expect(publicationRows(1000, smallLab)).toEqual([400, 600, 800])
  })
})
