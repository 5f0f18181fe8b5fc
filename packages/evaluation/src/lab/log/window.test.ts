import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  hiddenEvents,
  hiddenSetting,
  hiddenWorld,
  syntheticEvents,
  syntheticWorld,
  writeSyntheticLog,
} from '@headwater/datasets'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import { openLabLog } from './open-lab-log.ts'
import { publicationRows, realLab, syntheticLab } from './settings.ts'
import { knownShare, windowSettings, windowWorld } from './window.ts'

describe('of a log of 100,000 rows', () => {
  test('settings are chosen by rows 72,000 to 90,000, of a log that ends there', () => {
    const rows = 100_000 * knownShare('tune')
    const settings = windowSettings(realLab, 'tune')
    expect(rows).toBe(90_000)
    expect(rows * (1 - settings.testShare)).toBeCloseTo(72_000, 6)
    // Snapshots come as often as in the whole log, and none behind its end.
    const [whole, cut] = [publicationRows(100_000, realLab), publicationRows(rows, settings)]
    expect(cut).toHaveLength(whole.filter((row) => row < rows).length)
    cut.forEach((row, i) => {
      expect(Math.abs(row - whole[i])).toBeLessThan(3000)
    })
  })

  test('the last tenth is read at the end', () => {
    expect(knownShare('final')).toBe(1)
    expect(windowSettings(realLab, 'final')).toEqual(realLab)
    expect(windowSettings(syntheticLab, 'final').testShare).toBe(0.1)
    expect(windowSettings(syntheticLab, undefined)).toBe(syntheticLab)
  })
})

describe('a world that is cut is the same up to there', () => {
  const small = { users: 30, days: 10, impressionsPerDay: 60 }

  test('with topics', () => {
    const world = syntheticWorld({ seed: 3, setting: { ...syntheticWorld().setting, ...small } })
    const eventsOf = (of: typeof world) => [...syntheticEvents(of)].map(({ event }) => event)
    expect(eventsOf(windowWorld(world, 'tune'))).toEqual(eventsOf(world).slice(0, 540))
  })

  test('with hidden factors', () => {
    const world = hiddenWorld({ seed: 3, setting: { ...hiddenSetting, ...small } })
    const eventsOf = (of: typeof world) => [...hiddenEvents(of)].map(({ event }) => event)
    expect(eventsOf(windowWorld(world, 'tune'))).toEqual(eventsOf(world).slice(0, 540))
  })
})

test('the world behind a written log is known by its truth, of all its rows', async () => {
  const setting = { ...hiddenSetting, users: 60, items: 40, days: 10, impressionsPerDay: 600 }
  const { data, schema, truth } = await writeSyntheticLog(join(temporaryDirectory(), 'log'), { seed: 3, setting })
  const source = { data, schema, source: 'a test', quick: false, window: 'tune' } as const
  const lab = await openLabLog({ ...source, truth })
  expect(lab.world).toMatchObject({ kind: 'hidden', seed: 3, setting: { ...setting, days: 9 } })
  expect([lab.settings.preset, lab.log.rows, lab.test.fromRow]).toEqual([syntheticLab.preset, 5400, 4200])
  await lab.log.close()
  await expect(openLabLog({ ...source, truth: join(truth, 'none') })).rejects.toThrow('the truth cannot be read')
  await expect(openLabLog({ ...source, truth, quick: true })).rejects.toThrow('leave --quick out, or --truth')
})

test('nothing behind the tuning window is in its log', async () => {
  const source = { data: 'synthetic', seed: 1, source: 'a test', quick: true }
  const [tune, final] = [
    await openLabLog({ ...source, window: 'tune' }),
    await openLabLog({ ...source, window: 'final' }),
  ]
  expect(tune.log.rows).toBe(0.9 * final.log.rows)
  // Whole days: of twenty, 14 to 17, and 18 and 19.
  expect(tune.test).toMatchObject({ fromRow: 0.7 * final.log.rows, rows: 0.2 * final.log.rows })
  expect(final.test).toMatchObject({ fromRow: 0.9 * final.log.rows })
  expect(tune.log.timeRange.lastMs).toBeLessThan(final.test.fromMs)
  expect(tune.fingerprint).not.toBe(final.fingerprint)
})

test('a quick run takes as many rows as its test window needs, or names itself where the log has too few', async () => {
  const schema = {
    version: 1,
    name: 'clicks',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 's' },
    fields: [{ name: 'click', of: 'outcome', type: 'float' }],
    tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
    aggregations: [],
  }
  const directory = temporaryDirectory()
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const rows = (count: number) => {
    const data = Array.from({ length: count }, (_, i) => `u${i % 40},w${i % 7},${i},${i % 3 === 0 ? 1 : 0}`)
    return write(`${count}.csv`, ['user,item,time,click', ...data].join('\n'))
  }
  const path = write('schema.json', JSON.stringify(schema))
  const open = (count: number) => openLabLog({ data: rows(count), schema: path, source: 'a test', quick: true })
  const lab = await open(2000)
  // A tenth has 20 rows in its test window, of 20 users; two tenths have 40 of 40.
  expect(lab.log.rows).toBe(400)
  await lab.log.close()
  await expect(open(200)).rejects.toThrow('intervals need 30: leave --quick out, or use a longer log')
})
