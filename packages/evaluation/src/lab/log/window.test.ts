import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { syntheticEvents, syntheticWorld } from '@headwater/datasets'
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

test('a world that is cut is the same up to there', () => {
  const setting = { ...syntheticWorld().setting, users: 30, days: 10, impressionsPerDay: 60 }
  const world = syntheticWorld({ seed: 3, setting })
  const eventsOf = (of: typeof world) => [...syntheticEvents(of)].map(({ event }) => event)
  const cut = eventsOf(windowWorld(world, 'tune'))
  expect(cut).toEqual(eventsOf(world).slice(0, cut.length))
  expect(cut).toHaveLength(540)
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
