import type { LogEvent } from '@headwater/features'
import { describe, expect, test } from 'vitest'
import {
  LogError,
  openLog,
  openSyntheticLog,
  referenceSetting,
  type SyntheticSetting,
  syntheticEvents,
  syntheticWorld,
} from '../index.ts'

const tiny: SyntheticSetting = { ...referenceSetting, users: 50, ads: 20, days: 5, impressionsPerDay: 1000 }

async function eventsOf(log: { events: (range?: { from?: number; to?: number }) => AsyncIterable<LogEvent[]> }) {
  const events: LogEvent[] = []
  for await (const chunk of log.events()) events.push(...chunk)
  return events
}

describe('the synthetic log', () => {
  test('is the same for the same seed, and another for another', async () => {
    const read = (seed: number) => eventsOf(openSyntheticLog({ seed, setting: tiny }))
    const first = await read(7)
    expect(await read(7)).toEqual(first)
    const other = await read(8)
    expect(other.length).toBe(first.length)
    expect(other.filter(({ timeMs, user }, i) => timeMs === first[i].timeMs && user === first[i].user)).toEqual([])
  })

  test('knows its rows and times before they are generated, and streams them in order by chunks', async () => {
    const log = openSyntheticLog({ setting: tiny })
    const chunks: LogEvent[][] = []
    for await (const chunk of log.events()) chunks.push(chunk)
    const events = chunks.flat()
    // 333 whole requests of 3 impressions a day.
    expect(log.rows).toBe(5 * 999)
    expect(chunks.map(({ length }) => length)).toEqual([2048, 2048, 899])
    expect(events.map(({ row }) => row)).toEqual(events.map((_, i) => i))
    expect(events.every(({ timeMs }, i) => i === 0 || events[i - 1].timeMs <= timeMs)).toBe(true)
    expect(log.timeRange).toEqual({ firstMs: events[0].timeMs, lastMs: events.at(-1)!.timeMs })
    for (let i = 0; i < events.length; i += 3) {
      expect(events[i + 2]).toMatchObject({ user: events[i].user, timeMs: events[i].timeMs })
    }
  })

  test('gives a time range, its end excluded, as a part of the whole', async () => {
    const log = openSyntheticLog({ setting: tiny })
    const events = await eventsOf(log)
    const [from, to] = [events[1500].timeMs, events[3300].timeMs]
    const part: LogEvent[] = []
    for await (const chunk of log.events({ from, to })) part.push(...chunk)
    expect(part).toEqual(events.filter(({ timeMs }) => timeMs >= from && timeMs < to))
    expect(part.length).toBeGreaterThan(1000)
  })

  test('lets users and ads arrive later, and holds values as its schema says', async () => {
    const log = openSyntheticLog({ setting: tiny })
    const { users, ads } = syntheticWorld({ setting: tiny })
    const firstMs = log.timeRange.firstMs - (log.timeRange.firstMs % 86_400_000)
    const wrong = (await eventsOf(log)).filter(({ user, item, timeMs, values }) => {
      const day = Math.floor((timeMs - firstMs) / 86_400_000)
      const [ad, person] = [ads[Number(item.slice(1))], users[Number(user.slice(1))]]
      const [topics, surface, profile, click] = values as [Float32Array, string, Float32Array, number]
      return (
        day < Math.max(ad.firstDay, person.firstDay) ||
        topics.join() !== ad.topics.join() ||
        !['s0', 's1', 's2'].includes(surface) ||
        profile.join() !== person.profile.join() ||
        ![0, 1].includes(click)
      )
    })
    expect(wrong).toEqual([])
    const share = (things: readonly { firstDay: number }[]) => {
      return things.filter(({ firstDay }) => firstDay > 0).length / things.length
    }
    const reference = syntheticWorld({ setting: referenceSetting })
    expect(share(reference.users)).toBeCloseTo(0.3, 1)
    expect(share(reference.ads)).toBeCloseTo(0.4, 1)
    for (const { topics } of reference.ads) expect(topics.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5)
  })

  test('is what openLog gives, and ends with close and signal', async () => {
    const log = await openLog({ data: 'synthetic', seed: 3 })
    expect(log).toMatchObject({ name: 'synthetic', rows: 120_000, skippedRows: 0 })
    const direct = syntheticEvents(syntheticWorld({ seed: 3 }))
    for await (const chunk of log.events()) {
      for (const event of chunk) expect(event).toEqual(direct.next().value?.event)
      break
    }
    await log.close()
    await expect(eventsOf(log)).rejects.toThrow(LogError)
    const controller = new AbortController()
    const aborted = await openLog({ data: 'synthetic', signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(eventsOf(aborted)).rejects.toBe(reason)
    await expect(openLog({ data: 'synthetic', signal: controller.signal })).rejects.toBe(reason)
  })

  test('refuses sizes that cannot be', () => {
    expect(() => openSyntheticLog({ setting: { ...tiny, users: 0 } })).toThrow('field "users": users is 0')
    expect(() => openSyntheticLog({ setting: { ...tiny, impressionsPerDay: 2 } })).toThrow('use at least 3')
    expect(() => openSyntheticLog({ seed: -1, setting: tiny })).toThrow('the seed is -1')
  })

  test('one user, one ad and one day will do', async () => {
    const setting = { ...tiny, users: 1, ads: 1, days: 1, impressionsPerDay: 3, topics: 1 }
    expect((await eventsOf(openSyntheticLog({ setting }))).map(({ user, item }) => user + item)).toEqual(
      Array(3).fill('u0a0'),
    )
  })
})

describe('true click probabilities at the reference density', () => {
  // A quarter of the reference's users and impressions: as many impressions a user, 150,000 in all.
  const setting = { ...referenceSetting, users: 500, impressionsPerDay: 7500 }
  const samples = [0, 1].map((seed) => {
    const p: number[] = []
    const clicks: number[] = []
    for (const { event, clickProbability } of syntheticEvents(syntheticWorld({ seed, setting }))) {
      p.push(clickProbability)
      clicks.push(event.values[3] as number)
    }
    return { p, clicks }
  })
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

  test.each(samples)('agree with the clicks in the whole and by decile', ({ p, clicks }) => {
    const order = p.map((_, i) => i).sort((a, b) => p[a] - p[b])
    const decile = p.length / 10
    const groups = [order, ...Array.from({ length: 10 }, (_, d) => order.slice(d * decile, (d + 1) * decile))]
    for (const group of groups) {
      const expected = sum(group.map((i) => p[i]))
      const sd = Math.sqrt(sum(group.map((i) => p[i] * (1 - p[i]))))
      expect(Math.abs(sum(group.map((i) => clicks[i])) - expected)).toBeLessThan(4 * sd)
    }
  })

  test('have the normalized entropy and click rate that another implementation has', () => {
    const small = { ...referenceSetting, users: 1000, impressionsPerDay: 3000 }
    const seeds = [0, 1, 2, 3, 4, 5, 6, 7].map((seed) => {
      const p: number[] = []
      // Days 15 to 19, of 1,000 requests each.
      for (const { event, clickProbability } of syntheticEvents(syntheticWorld({ seed, setting: small }))) {
        if (event.row >= 15 * 3000) p.push(clickProbability)
      }
      const rate = sum(p) / p.length
      return { rate, entropy: sum(p.map(entropyOf)) / p.length / entropyOf(rate) }
    })
    const rate = sum(seeds.map((seed) => seed.rate)) / seeds.length
    expect(rate).toBeGreaterThan(0.09)
    expect(rate).toBeLessThan(0.12)
    const mean = sum(seeds.map((seed) => seed.entropy)) / seeds.length
    const sd = Math.sqrt(sum(seeds.map((seed) => (seed.entropy - mean) ** 2)) / (seeds.length - 1))
    expect(sd).toBeLessThan(0.03)
    // Two seeds of an independent implementation, drawn from the same distribution of worlds.
    for (const figure of [0.7409, 0.7106]) expect(Math.abs(figure - mean)).toBeLessThan(2 * sd)
  })
})

function entropyOf(p: number): number {
  return -(p * Math.log(p) + (1 - p) * Math.log(1 - p))
}
