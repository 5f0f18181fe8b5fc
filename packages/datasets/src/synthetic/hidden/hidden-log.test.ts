import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { LogEvent } from '@headwater/features'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import {
  hiddenEvents,
  hiddenSetting,
  hiddenWorld,
  type Log,
  LogError,
  openLog,
  openSyntheticLog,
  readTruth,
  writeSyntheticLog,
} from '../../index.ts'

const setting = { ...hiddenSetting, users: 40, items: 60, days: 5, impressionsPerDay: 600, bundles: 6 }
const world = hiddenWorld({ seed: 7, setting })
const impressions = [...hiddenEvents(world)]
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

async function eventsOf(log: Log, range?: { from?: number; to?: number }): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for await (const chunk of log.events(range)) events.push(...chunk)
  await log.close()
  return events
}

describe('the log of a world with hidden item factors', () => {
  test('is the same for the same seed, and any part of it in any order', async () => {
    const whole = impressions.map(({ event }) => event)
    expect(await eventsOf(openSyntheticLog({ seed: 7, setting }))).toEqual(whole)
    const other = await eventsOf(openSyntheticLog({ seed: 8, setting }))
    expect(other.filter(({ timeMs, user }, i) => timeMs === whole[i].timeMs && user === whole[i].user)).toEqual([])
    for (const [first, last] of [
      [2100, 2700],
      [0, 900],
      [580, 640],
    ]) {
      const [from, to] = [whole[first].timeMs, whole[last].timeMs]
      const part = await eventsOf(openSyntheticLog({ seed: 7, setting }), { from, to })
      expect(part).toEqual(whole.filter(({ timeMs }) => timeMs >= from && timeMs < to))
    }
  })

  test('has its rows in time order, a request at one time, and requests of a user at different times', () => {
    expect(impressions).toHaveLength(3000)
    const lastMs = new Map<string, number>()
    for (let i = 0; i < impressions.length; i += 3) {
      const request = impressions.slice(i, i + 3)
      const [{ event }] = request
      const { user, timeMs } = event
      expect(request.map((row) => [row.event.row, row.event.values[4], row.event.user, row.event.timeMs])).toEqual([
        [i, 'p0', user, timeMs],
        [i + 1, 'p1', user, timeMs],
        [i + 2, 'p2', user, timeMs],
      ])
      expect(new Set(request.map((row) => row.item)).size).toBe(3)
      expect(timeMs).toBeGreaterThanOrEqual(i === 0 ? 0 : impressions[i - 1].event.timeMs)
      expect(timeMs).toBeGreaterThan(lastMs.get(user) ?? 0)
      lastMs.set(user, timeMs)
    }
  })

  test('shows users and items from their first day on, and of an item its category, age and popularity', () => {
    const startMs = Date.UTC(2024, 0, 1, 4)
    const popularities = new Map<string, unknown>()
    const wrong = impressions.filter(({ event, day, user, item }) => {
      const { category, firstDay } = world.items[item]
      const [name, list, age, popularity, , click, conversion] = event.values
      const key = `${item} ${day}`
      const first = popularities.get(key) ?? popularity
      popularities.set(key, first)
      return (
        Math.max(world.users[user].firstDay, firstDay) > day ||
        [name, list].join() !== `c${category},c${category}` ||
        Math.abs((event.timeMs - startMs) / 86_400_000 - firstDay - (age as number)) > 1e-10 ||
        popularity !== first ||
        (click === 0 && conversion !== null)
      )
    })
    expect(wrong).toEqual([])
    expect(world.items.filter(({ firstDay }) => firstDay > 0).length).toBeGreaterThan(15)
    expect(world.users.filter(({ firstDay }) => firstDay > 0).length).toBeGreaterThan(4)
  })

  test('has clicks as often as their probabilities say, and rarer conversions', () => {
    const order = [...impressions].sort((a, b) => a.clickProbability - b.clickProbability)
    for (const group of [order.slice(0, 1500), order.slice(1500)]) {
      const p = group.map(({ clickProbability }) => clickProbability)
      const clicks = sum(group.map(({ event }) => event.values[5] as number))
      expect(Math.abs(clicks - sum(p))).toBeLessThan(4 * Math.sqrt(sum(p.map((q) => q * (1 - q)))))
    }
    const clicks = impressions.flatMap(({ conversion }) => conversion ?? [])
    const converted = sum(clicks.map(({ label }) => label))
    const expected = sum(clicks.map(({ probability }) => probability))
    expect(Math.abs(converted - expected)).toBeLessThan(4 * Math.sqrt(expected))
    expect(converted).toBeLessThan(clicks.length / 3)
  })

  test('has logits made of what is known of item, time and position, of earlier clicks of the day, and of interest', () => {
    for (const { event, item, position, offset, orderEffect, affinity, clickProbability } of impressions.slice(1200)) {
      const hour = new Date(event.timeMs).getUTCHours()
      const evening = hour >= 18 || hour < 4 ? setting.eveningWeight : 0
      const [age, popularity] = event.values.slice(2, 4) as number[]
      const { quality } = world.items[item]
      const moving = setting.popularityWeight * popularity + setting.ageWeight * Math.log(1 + age)
      expect(offset).toBeCloseTo(setting.positions[position] + quality + moving + evening, 10)
      expect(clickProbability).toBeCloseTo(1 / (1 + Math.exp(-offset - orderEffect - affinity)), 10)
    }
    // The 3,000 affinities are of 40 users; their variance is that of an interest.
    const square = sum(impressions.map(({ affinity }) => affinity ** 2)) / impressions.length
    expect(square).toBeGreaterThan(1.2)
    expect(square).toBeLessThan(3.6)
  })

  test('tires of a category within a session, and follows up clicks for hours, until the day ends', () => {
    const hours = (ms: number) => ms / 3_600_000
    let [tired, followed] = [0, 0]
    for (const { day, user, session, item, event, orderEffect } of impressions) {
      const before = impressions.filter(
        (past) => past.clicked && past.user === user && past.day === day && past.event.timeMs < event.timeMs,
      )
      const { category, bundle } = world.items[item]
      const same = before.filter((past) => past.session === session && world.items[past.item].category === category)
      const led = before.filter((past) => (world.items[past.item].bundle + 1) % 6 === bundle)
      const fading = sum(led.map((past) => 0.5 ** (hours(event.timeMs - past.event.timeMs) / setting.followUpHours)))
      expect(orderEffect).toBeCloseTo(setting.satiationWeight * same.length + setting.followUpWeight * fading, 10)
      tired += same.length
      followed += led.length
    }
    expect(Math.min(tired, followed)).toBeGreaterThan(20)
  })

  test('draws factors of which the category tells its share, but of a stray item nothing', () => {
    const { items, centers } = hiddenWorld({ setting: { ...hiddenSetting, items: 20_000 } })
    const around = (stray: boolean) => {
      const chosen = items.filter(({ isStray }) => isStray === stray)
      const square = (f: Float64Array, center: Float64Array) => sum(Array.from(f, (x, k) => (x - center[k]) ** 2))
      const zero = new Float64Array(hiddenSetting.factors)
      return (
        sum(chosen.map(({ factors, category }) => square(factors, stray ? zero : centers[category]))) / chosen.length
      )
    }
    expect(around(false)).toBeCloseTo(1 - hiddenSetting.categoryShare, 1)
    expect(around(true)).toBeCloseTo(1, 1)
    expect(items.filter(({ isStray }) => isStray).length / items.length).toBeCloseTo(hiddenSetting.strayShare, 1)
  })

  test('is written with its truth apart, and read back as it was generated', async () => {
    const folder = join(temporaryDirectory(), 'log')
    const { data, schema, truth, rows } = await writeSyntheticLog(folder, { seed: 7, setting })
    expect(rows).toBe(3000)
    expect(await eventsOf(await openLog({ data, schema }))).toEqual(impressions.map(({ event }) => event))
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const read = await connection.runAndReadAll(
      `SELECT CAST("row" AS DOUBLE), click_probability, affinity FROM '${join(truth, '*.parquet')}' ORDER BY "row"`,
    )
    expect(read.getRows()).toEqual(
      impressions.map(({ event, clickProbability, affinity }) => [event.row, clickProbability, affinity]),
    )
    expect(JSON.parse(await readFile(join(truth, 'world.json'), 'utf8'))).toEqual({ seed: 7, setting })
    connection.closeSync()
    instance.closeSync()

    const log = await openLog({ data, schema })
    expect(await readTruth(truth, log)).toEqual(world)
    const file = join(truth, 'world.json')
    const refuses = async (written: unknown, message: string | RegExp) => {
      await writeFile(file, JSON.stringify(written))
      await expect(readTruth(truth, log)).rejects.toThrow(message)
    }
    await refuses({ seed: 8, setting }, 'the world has another row 0; name the truth')
    await refuses({ seed: 7, setting: { ...setting, qualitySd: 0 } }, /the world has another row \d+;/)
    await refuses({ seed: 7, setting: { ...setting, days: 4 } }, 'has 2400 rows, and the log 3000')
    await refuses({}, 'is no world with a seed and a setting')
    await rm(truth, { recursive: true })
    await expect(readTruth(truth, log)).rejects.toThrow('the truth cannot be read; name the folder "truth"')
    await log.close()
  })

  test.each([
    [{ users: 0 }, 'users is 0; use a whole number from 1'],
    [{ factors: 2.5 }, 'factors is 2.5'],
    [{ strayShare: 1.5 }, 'strayShare is 1.5; use a number from 0 to 1'],
    [{ followUpHours: Number.NaN }, 'followUpHours is NaN'],
    [{ impressionsPerDay: 2 }, 'impressionsPerDay is 2; use a number from 3'],
    [{ users: 1, impressionsPerDay: 3001 }, 'impressionsPerDay is 3001; use a number from 3 to 3000'],
    [{ interests: [] }, 'interests is 0'],
    [{ interests: [{ when: 'work' as const, sd: 1, kept: 1.1 }] }, 'interests[0].kept is 1.1'],
    [{ interests: [{ when: 'work' as const, sd: 0, kept: 1 }] }, 'interests[0].sd is 0'],
    [{ conversions: { ...setting.conversions, windowDays: 0 } }, 'conversions.windowDays is 0'],
  ])('refuses a parameter out of range: %j', (change, message) => {
    const broken = { ...setting, ...change }
    expect(() => openSyntheticLog({ setting: broken })).toThrow(LogError)
    expect(() => openSyntheticLog({ setting: broken })).toThrow(message)
  })

  test('and a size beyond the disk, before anything is written', async () => {
    const folder = join(temporaryDirectory(), 'log')
    const huge = { ...setting, users: 50_000, days: 3650, impressionsPerDay: 2 ** 27 }
    await expect(writeSyntheticLog(folder, { setting: huge })).rejects.toThrow(
      /take about \d+\.\d GiB, and .* are free/,
    )
  })
})
