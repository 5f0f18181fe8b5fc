import { fuzz } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { type AskedBy, askedBy, OfferQueue, type Refresh } from './offer-queue.ts'

const refreshOf = (user: string, atMs: number, servedMs: number, askedMs = 1, by: AskedBy = askedBy.news): Refresh => {
  return { user, atMs, servedMs, askedMs, askedBy: by, failures: 0 }
}
const usersOf = (refreshes: readonly Refresh[]) => refreshes.map(({ user }) => user)

it('takes what is due by the age of what is served, unknown first, then in the order of the offers', () => {
  const queue = new OfferQueue()
  for (const [user, atMs, servedMs] of [
    ['fresh', 1, 90],
    ['old', 2, 10],
    ['unknown', 3, Number.NEGATIVE_INFINITY],
    ['as old', 2, 10],
    ['not due', 9, 0],
  ] as const) {
    expect(queue.offer(refreshOf(user, atMs, servedMs), 10)).toBe('queued')
  }
  expect(queue.nextDueMs).toBe(1)
  expect(queue.countDue(3)).toBe(3)
  expect(usersOf(queue.takeDue(4, 3))).toEqual(['unknown', 'old', 'as old'])
  expect(usersOf(queue.takeDue(9, 9))).toEqual(['fresh'])
  expect(queue.nextDueMs).toBe(9)
  expect(usersOf(queue.takeDue(10, 9))).toEqual(['not due'])
  expect(queue.nextDueMs).toBeUndefined()
})

it('gives the place of the freshest to one that is staler, and to no other', () => {
  const queue = new OfferQueue()
  for (const [user, servedMs] of [
    ['a', 5],
    ['b', 9],
    ['c', 7],
  ] as const) {
    queue.offer(refreshOf(user, 0, servedMs), 3)
  }
  expect(queue.offer(refreshOf('b', 0, 1), 3)).toBe('coalesced')
  expect(queue.offer(refreshOf('d', 0, 9), 3)).toBe('shed')
  expect(queue.offer(refreshOf('e', 0, 8), 3)).toBe('displaced')
  expect(usersOf(queue.takeDue(1, 9))).toEqual(['a', 'c', 'e'])
  expect(queue.offer(refreshOf('f', 0, 1), 0)).toBe('shed')
})

it('lets a refresh that waits take the rank of one that failed, and keeps the earlier arrival of both', () => {
  const queue = new OfferQueue()
  expect(queue.join(refreshOf('a', 0, 1))).toBe(false)
  expect(queue.size).toBe(0)
  queue.offer(refreshOf('b', 5, 6, 20), 9)
  queue.offer(refreshOf('a', 5, 8, 20), 9)
  expect(queue.freshest).toMatchObject({ user: 'a' })
  expect(queue.join({ ...refreshOf('a', 0, 4, 10), failures: 2 })).toBe(true)
  expect(queue.join(refreshOf('b', 0, 7, 30))).toBe(true)
  expect(queue.freshest).toMatchObject({ user: 'b' })
  queue.offer(refreshOf('b', 9, 1, 15), 9)
  queue.offer(refreshOf('b', 9, 1, 40), 9)
  expect(queue.takeDue(6, 9)).toEqual([refreshOf('a', 5, 4, 10), refreshOf('b', 5, 6, 15)])
})

it('takes what waits for what asks most of it: news before a read, and news that was missed before both', () => {
  const queue = new OfferQueue()
  const { read, news, missed } = askedBy
  const told = []
  for (const next of [read, news, read, missed, news]) {
    queue.offer(refreshOf('a', 5, 6, 20, next), 9)
    told.push(queue.oldest)
  }
  expect(told).toEqual([read, news, news, missed, missed].map((by) => refreshOf('a', 5, 6, 20, by)))
  queue.offer(refreshOf('b', 5, 6, 20, read), 9)
  queue.join(refreshOf('b', 5, 6, 30, missed))
  expect(queue.takeDue(6, 9).map((each) => each.askedBy)).toEqual([missed, missed])
})

it('agrees with a list that is looked through', async () => {
  await fuzz(
    (random) => ({ limit: 1 + random.nextBelow(40), users: 1 + random.nextBelow(60) }),
    ({ limit, users }, random) => {
      const queue = new OfferQueue()
      let list: (Refresh & { order: number })[] = []
      let nowMs = 0
      const byServed = (a: (typeof list)[0], b: (typeof list)[0]) =>
        a.servedMs - b.servedMs || a.atMs - b.atMs || a.order - b.order
      const merged = ({ user, askedMs }: Refresh, servedMs: number) =>
        list.map((each) => {
          if (each.user !== user) return each
          return { ...each, servedMs: Math.min(each.servedMs, servedMs), askedMs: Math.min(each.askedMs, askedMs) }
        })
      for (let step = 0; step < 400; step++) {
        nowMs += random.nextBelow(3)
        const user = `u${random.nextBelow(users)}`
        const action = random.nextBelow(11)
        if (action < 6) {
          const refresh = refreshOf(user, nowMs + random.nextBelow(8), random.nextBelow(12), random.nextBelow(50))
          const outcome = queue.offer(refresh, limit)
          const freshest = [...list].sort(byServed).at(-1)
          if (list.some((each) => each.user === user)) {
            expect(outcome).toBe('coalesced')
            list = merged(refresh, Number.POSITIVE_INFINITY)
          } else if (list.length < limit) expect(outcome).toBe('queued')
          else if (refresh.servedMs < freshest!.servedMs) {
            expect(outcome).toBe('displaced')
            list = list.filter((each) => each !== freshest)
          } else expect(outcome).toBe('shed')
          if (outcome === 'queued' || outcome === 'displaced') list.push({ ...refresh, order: step })
        } else if (action < 8) {
          const due = list.filter(({ atMs }) => atMs < nowMs).sort(byServed)
          expect(queue.countDue(nowMs)).toBe(due.length)
          const taken = due.slice(0, random.nextBelow(5))
          expect(queue.takeDue(nowMs, taken.length)).toEqual(taken.map(({ order, ...refresh }) => refresh))
          list = list.filter((each) => !taken.includes(each))
        } else if (action === 8) {
          const taken = list.filter((each) => each.user === user && each.atMs < nowMs)
          expect(queue.isDue(user, nowMs)).toBe(taken.length > 0)
          expect(usersOf(queue.takeDueOf([user], nowMs))).toEqual(usersOf(taken))
          list = list.filter((each) => !taken.includes(each))
        } else if (action === 9) {
          const failed = refreshOf(user, 0, random.nextBelow(12), random.nextBelow(50))
          expect(queue.join(failed)).toBe(list.some((each) => each.user === user))
          list = merged(failed, failed.servedMs)
        } else {
          expect(queue.drop(user)).toBe(list.some((each) => each.user === user))
          list = list.filter((each) => each.user !== user)
        }
        expect(queue.size).toBe(list.length)
        expect(queue.oldest?.user).toBe(list[0]?.user)
      }
      queue.clear()
      expect([queue.size, queue.countDue(1e9), queue.nextDueMs]).toEqual([0, 0, undefined])
    },
    { runs: 60 },
  )
})
