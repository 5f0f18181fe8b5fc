import { describe, expect, test } from 'vitest'
import {
  conversionSetting,
  openSyntheticLog,
  type SyntheticImpression,
  syntheticEvents,
  syntheticInterests,
  syntheticWorld,
} from '../../index.ts'

const setting = { ...conversionSetting, users: 300, days: 10, impressionsPerDay: 9000 }
const { windowDays, meanDelayDays } = setting.conversions!

describe('conversions', () => {
  const world = syntheticWorld({ seed: 1, setting })
  const impressions = [...syntheticEvents(world)]
  const clicks = impressions.filter(({ conversion }) => conversion !== null)

  test('change nothing of the clicks', () => {
    const { conversions, ...without } = setting
    const plain = [...syntheticEvents(syntheticWorld({ seed: 1, setting: without }))]
    const same = ({ event }: SyntheticImpression, i: number) => {
      const { row, user, item, timeMs, values } = plain[i].event
      return (
        [row, user, item, timeMs].join() === [event.row, event.user, event.item, event.timeMs].join() &&
        values.length === 4 &&
        values[3] === event.values[3] &&
        plain[i].clickProbability === impressions[i].clickProbability
      )
    }
    expect(plain).toHaveLength(impressions.length)
    expect(impressions.every(same)).toBe(true)
  })

  test('are labels of clicked rows only, whose task waits for the attribution window', () => {
    expect(impressions.every(({ event, conversion }) => (conversion === null) === (event.values[3] === 0))).toBe(true)
    expect(impressions.map(({ event }) => event.values[4])).toEqual(
      impressions.map(({ conversion }) => conversion?.label ?? null),
    )
    const { tasks } = openSyntheticLog({ setting }).schema
    expect(tasks.map(({ name, delayDays }) => [name, delayDays])).toEqual([
      ['click', undefined],
      ['conversion', windowDays],
    ])
  })

  test('happen as often as their true probabilities say, within five standard errors', () => {
    const p = clicks.map(({ conversion }) => conversion!.probability)
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    const middle = [...p].sort((a, b) => a - b)[Math.floor(p.length / 2)]
    for (const side of [true, false]) {
      const group = clicks.filter((_, i) => p[i] < middle === side)
      const expected = group.map(({ conversion }) => conversion!.probability)
      const sd = Math.sqrt(sum(expected.map((q) => q * (1 - q))))
      expect(Math.abs(sum(group.map(({ conversion }) => conversion!.label)) - sum(expected))).toBeLessThan(5 * sd)
    }
    const { user, ad, surface, conversion, day } = clicks[500]
    const { base, affinityWeight, tasteWeight } = setting.conversions!
    const interests = syntheticInterests(world, day)
    let logit = base
    world.ads[ad].topics.forEach((share, k) => {
      logit += affinityWeight * interests[user * setting.topics + k] * world.surfaces[surface].gains[k] * share
      logit += tasteWeight * world.users[user].taste[k] * share
    })
    const inTime = 1 - Math.exp(-windowDays / meanDelayDays)
    expect(conversion!.probability).toBeCloseTo(inTime / (1 + Math.exp(-logit)), 10)
  })

  test('come after an exponential delay, too late ones counting as none', () => {
    const delays = clicks.flatMap(({ conversion }) => conversion!.delayDays ?? [])
    const mean = delays.reduce((total, delay) => total + delay, 0) / delays.length
    expect(delays.length).toBeGreaterThan(1000)
    expect(Math.abs(mean - meanDelayDays)).toBeLessThan((5 * meanDelayDays) / Math.sqrt(delays.length))
    for (const { conversion } of clicks) {
      const { label, delayDays } = conversion!
      expect(label).toBe(delayDays !== null && delayDays <= windowDays ? 1 : 0)
    }
    expect(delays.some((delay) => delay > windowDays)).toBe(true)
  })

  test('need a delay and a window above 0', () => {
    const broken = { ...setting, conversions: { ...setting.conversions!, windowDays: 0 } }
    expect(() => syntheticWorld({ setting: broken })).toThrow('windowDays is 0')
  })
})
