import { panelUserHash, panelUserText } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import { PanelSampler } from './panel-sampler.ts'

/** Users of the log in order of events; user u has about weight(u) of them. */
function stream(users: number, events: number, seed: number, weight: (random: number) => number): string[] {
  const random = seededRandom(seed)
  return Array.from({ length: events }, () => `user ${Math.floor(weight(random.nextFloat()) * users)}`)
}

function sampled(events: readonly string[], size: number, seed: number): string[] {
  const sampler = new PanelSampler(size, seed)
  for (const [row, user] of events.entries()) sampler.observe(user, row)
  return [...sampler.rows().rows].map((row) => events[row])
}

const skewed = (u: number) => u ** 4

describe('the panel', () => {
  it('has each user once, by its newest example, ascending', () => {
    const events = stream(3000, 20_000, 1, skewed)
    const sampler = new PanelSampler(200, 5)
    for (const [row, user] of events.entries()) sampler.observe(user, row)
    const { rows: chosen, users } = sampler.rows()
    const rows = [...chosen]
    expect(rows).toHaveLength(200)
    expect([...users]).toEqual(rows.flatMap((row) => panelUserHash(events[row])))
    expect(rows).toEqual([...rows].sort((a, b) => a - b))
    for (const row of rows) expect(events.lastIndexOf(events[row])).toBe(row)
    expect(new Set(rows.map((row) => events[row])).size).toBe(200)
  })

  it('is all users where there are no more, and empty where there are none', () => {
    const events = stream(30, 500, 2, skewed)
    expect(new Set(sampled(events, 40, 1))).toEqual(new Set(events))
    expect(sampled([], 40, 1)).toEqual([])
    expect(sampled(['one'], 40, 1)).toEqual(['one'])
  })

  it('is without those who are forgotten, also if they come back, and else as it would be', () => {
    const events = stream(300, 4_000, 2, skewed)
    const [gone, back] = ['user 3', 'user 7']
    const sampler = new PanelSampler(400, 1)
    for (const [row, user] of events.entries()) sampler.observe(user, row)
    const usersOf = ({ rows }: { rows: Uint32Array }) => [...rows].map((row) => events[row])
    expect(usersOf(sampler.rows())).toEqual(expect.arrayContaining([gone, back]))
    sampler.forget(new Set([gone, back].map((user) => panelUserText(panelUserHash(user)))))
    sampler.observe(back, events.push(back) - 1)
    sampler.forget(new Set())
    const left = new Set(events.filter((user) => user !== gone && user !== back))
    const panel = usersOf(sampler.rows())
    expect(panel).toHaveLength(left.size)
    expect(new Set(panel)).toEqual(left)
  })

  it('depends on the seed and not on the order of events', () => {
    const events = stream(5000, 30_000, 3, skewed)
    const shuffled = seededRandom(4).shuffle([...events])
    const panel = sampled(events, 100, 7).sort()
    expect(sampled(shuffled, 100, 7).sort()).toEqual(panel)
    expect(sampled(events, 100, 8).sort()).not.toEqual(panel)
  })

  /** Users in classes of equal activity, shuffled: `counts[c]` events for each of 840 ÷ `counts[c]` users. */
  function classes(counts: readonly number[]): string[] {
    const events = counts.flatMap((count, c) =>
      Array.from({ length: 840 }, (_, i) => `class ${c} user ${Math.floor(i / count)}`),
    )
    return seededRandom(9).shuffle(events)
  }

  function perClass(panel: readonly string[]): number[] {
    const numbers = new Array<number>(8).fill(0)
    for (const user of panel) numbers[Number(user.slice(6, 7))]++
    return numbers
  }

  it('takes as many users from each eighth of the events, ordered by activity', () => {
    // each class has an eighth of the events, and the pool holds all 2,283 users
    expect(perClass(sampled(classes([1, 2, 3, 4, 5, 6, 7, 8]), 160, 1))).toEqual(new Array(8).fill(20))
  })

  it('takes all of the few that cause most, and the others make up for those that are missing', () => {
    // the last class is three users of 280 events each, the one before fourteen of 60
    const panel = sampled(classes([1, 2, 3, 4, 5, 6, 60, 280]), 160, 1)
    expect(panel).toHaveLength(160)
    const numbers = perClass(panel)
    expect(numbers.slice(6)).toEqual([14, 3])
    for (const number of numbers.slice(0, 6)) expect(Math.abs(number - 143 / 6)).toBeLessThan(1)
  })

  it('draws users of equal activity with equal chance, however many stream by', () => {
    const users = Array.from({ length: 4000 }, (_, i) => `user ${i}`)
    const drawn = new Map<string, number>()
    // size 10 keeps a pool of 160, so most users come after the first pruning
    for (let seed = 0; seed < 400; seed++)
      for (const user of sampled(users, 10, seed)) drawn.set(user, (drawn.get(user) ?? 0) + 1)
    // 4,000 draws over ten blocks of 400 users: binomial with mean 400 and deviation 19
    for (let block = 0; block < 10; block++) {
      const count = users.slice(block * 400, (block + 1) * 400).reduce((sum, user) => sum + (drawn.get(user) ?? 0), 0)
      expect(Math.abs(count - 400)).toBeLessThan(5 * 19)
    }
  })
})
