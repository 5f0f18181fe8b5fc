/** Every tower of every log's sizes can be built, and is given what it says. */
import { openLog } from '@headwater/datasets'
import { checkModelConfig, tokensOf } from '@headwater/runtime'
import { expect, test } from 'vitest'
import { contentHash } from '../lab/cache/content-hash.ts'
import { realLab, syntheticLab } from '../lab/log/settings.ts'
import { labOf, learntBy } from '../lab/upstream/variant.ts'
import { readSmallLab } from '../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { logSize } from './log-size.ts'

const small = readSmallLab(memoryLog(smallSchema, smallEvents(1500, 7)))

test.each([
  ['synthetic', syntheticLab, 120_000, [4, 1], [1, 4, 16]],
  ['synthetic-reference', syntheticLab, 600_000, [4, 1], [1, 4, 16]],
  ['synthetic-medium', syntheticLab, 2_400_000, [16, 4, 1], [1, 4, 16]],
  ['synthetic-large', syntheticLab, 10_000_000, [64, 16, 4, 1], [1, 4, 16]],
  ['movietweetings', realLab, 100_000, [4, 1], [14, 7, 30]],
])('of %s', async (data, settings, rows, parts, halfLives) => {
  const log = await openLog({ data })
  await log.close()
  expect(log.rows).toBeGreaterThan(0.99 * rows)
  const arms = logSize.arms({ ...(await small), log, settings, world: null }, 1)
  const names = parts.toReversed().flatMap((part) => [`counts-of-${part}`, `sequences-of-${part}`])
  expect(arms.map(({ name }) => name)).toEqual(names)
  expect(new Set(arms.map(({ upstream }) => contentHash(upstream))).size).toBe(arms.length)
  for (const { name, upstream } of arms) {
    const { space, settings: own } = labOf({ ...(await small), log, settings }, upstream!.variant)
    checkModelConfig(own.config, space.user, space.item, name)
    const counts = space.schema.aggregations.filter(({ of }) => of === 'user')
    expect(counts.length > 0).toBe(!name.startsWith('sequences'))
    const events = tokensOf(own.config.user, 'events')
    expect(events).toEqual(name.startsWith('counts') ? undefined : { kind: 'events', sums: true })
    const { length, halfLivesDays } = space.schema.sequence!
    expect(length).toBe(name.startsWith('counts') ? log.schema.sequence!.length : 128)
    expect(halfLivesDays).toEqual(name.startsWith('counts') ? undefined : halfLives)
    // Of the lab, where the log's schema says nothing.
    const { center, scale } = log.schema.sequence!
    const { outcome } = await small
    const isOwn = name.startsWith('counts') || center !== undefined || scale !== undefined
    const expected = isOwn ? [center, scale] : [outcome!.mean, outcome!.deviation]
    expect([space.schema.sequence!.center, space.schema.sequence!.scale]).toEqual(expected)
  }
})

test('a quick run has two sizes', async () => {
  const lab = { ...(await small), world: null }
  const long = { ...lab, log: { ...lab.log, rows: 10_000_000 } }
  expect(logSize.arms(long, 1).length).toBe(8)
  const arms = logSize.arms({ ...long, quick: true }, 1)
  expect(arms.map(({ name }) => name)).toEqual(['counts-of-1', 'sequences-of-1', 'counts-of-4', 'sequences-of-4'])
})

test('a part of the users is about as large as it says, and lies within larger ones', async () => {
  const users = Array.from({ length: 20_000 }, (_, i) => `u${i}`)
  const [variant] = logSize.arms(await small, 1).map(({ upstream }) => upstream!.variant!)
  const of = (learntUsers: number) => users.filter(learntBy({ ...variant, learntUsers }))
  const [quarter, sixteenth] = [new Set(of(1 / 4)), of(1 / 16)]
  expect(Math.abs(quarter.size / users.length - 1 / 4)).toBeLessThan(0.01)
  expect(Math.abs(sixteenth.length / users.length - 1 / 16)).toBeLessThan(0.01)
  expect(sixteenth.every((user) => quarter.has(user))).toBe(true)
  expect(users.every(learntBy(null))).toBe(true)
})

test('a log without sequences or counts is refused before any training', async () => {
  const lab = await small
  const without = (key: 'sequence' | 'aggregations') => {
    const schema = { ...lab.log.schema, ...(key === 'sequence' ? { sequence: undefined } : { aggregations: [] }) }
    return { ...lab, log: { ...lab.log, schema } } as typeof lab
  }
  expect(() => logSize.check!(without('sequence'))).toThrow('experiment "log-size" needs a sequence')
  expect(() => logSize.check!(without('aggregations'))).toThrow('experiment "log-size" needs counts')
  logSize.check!(lab)
})
