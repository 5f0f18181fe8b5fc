/** The queue in a real cluster of 3 + 3, by itself and with a worker. */

import { encoderOf, eventOf } from '@headwater/pooling/testing/towers'
import { until } from '@headwater/testkit/valkey'
import { expect, test } from 'vitest'
import { TestCluster, untilFresh } from '../../testing/test-cluster.ts'
import { encodeEntry } from './queue-entry.ts'
import { queueKeys } from './shared-queue.ts'

const cluster = new TestCluster()

const name = { tenant: 'default', model: 'm' }
const [, , taken, dead] = queueKeys(name)
const entry = encodeEntry({ model: 'm', offeredMs: 0 })

const takeAll = (limit = 1_000) => ({ consumer: 'test', limit, claimMs: null, mostAttempts: 10 })

test('holds a user once, is bounded, and gives the longest served first', async () => {
  const queues = await cluster.queues()
  const offer = (user: string, servedMs: number) => ({ user, servedMs, entry })
  expect(await queues.offer(name, [offer('b', 20), offer('a', 10), offer('b', 5)], 4)).toEqual({
    queued: 2,
    coalesced: 1,
    shed: 0,
  })
  const strangers = [offer('new', -Infinity), offer('newer', -Infinity)]
  expect(await queues.offer(name, [...strangers, offer('c', 30), offer('d', 15)], 4)).toEqual({
    queued: 3,
    coalesced: 0,
    shed: 2,
  })
  expect(await queues.look(name)).toMatchObject({ waiting: 4, taken: 0, sums: { queued: 5, coalesced: 1, shed: 2 } })
  const first = await queues.take(name, takeAll(3))
  expect(first.map(({ user }) => user)).toEqual(['new', 'newer', 'a'])
  // A user who is refreshed just now may be offered again: news of meanwhile is not in that refresh.
  await queues.offer(name, [offer('a', 10)], 4)
  const second = await queues.take(name, takeAll())
  expect(second.map(({ user }) => user)).toEqual(['a', 'd'])
  expect(second[0].takenMs).toBeGreaterThan(first[2].takenMs)
  await queues.done(
    name,
    [...first, ...second].map(({ id }) => id),
  )
  expect(await queues.look(name)).toMatchObject({ waiting: 0, taken: 0, dead: 0, sums: { taken: 5, done: 5 } })
})

test('gives what a worker has to another once the worker is silent, and buries what nobody can do', async () => {
  const queues = await cluster.queues()
  await queues.offer(name, [{ user: 'a', servedMs: 0, entry }], 10)
  const [{ id, takenMs }] = await queues.take(name, { ...takeAll(), consumer: 'dead' })
  const take = () => queues.take(name, { consumer: 'heir', limit: 10, claimMs: 50, mostAttempts: 2 })
  await queues.extend(name, 'dead', [id])
  let claimed = await take()
  while (claimed.length === 0) claimed = await take()
  expect(claimed).toEqual([{ id, user: 'a', entry, takenMs, attempt: 2 }])
  await queues.extend(name, 'dead', [id])
  while ((await queues.look(name)).dead === 0) expect(await take()).toEqual([])
  expect(await queues.look(name)).toMatchObject({ taken: 0, buried: { failed: 1 } })
  expect(await queues.forget(name, 'a')).toBe(1)
  expect(await queues.look(name)).toMatchObject({ dead: 0 })
})

test('strikes off workers that end, and those that are gone, unless they have somebody', async () => {
  const queues = await cluster.queues()
  expect(await queues.tidy(name)).toBe(0)
  const users = ['a', 'b', 'c'].map((user) => ({ user, servedMs: 0, entry }))
  await queues.offer(name, users, 10)
  const consumers = ['ending', 'killed', 'holding']
  const takenBy = new Map<string, string>()
  for (const consumer of consumers) {
    const [{ id }] = await queues.take(name, { ...takeAll(1), consumer })
    takenBy.set(consumer, id)
  }
  const named = async () => {
    const about = await (await cluster.servers.masterOfKey(taken)).command('XINFO', 'CONSUMERS', taken, 'm')
    return (about as string[][]).map((each) => each[1]).sort()
  }
  // It has somebody still.
  expect(await queues.tidy(name, 'ending')).toBe(0)
  await queues.done(name, [takenBy.get('ending')!, takenBy.get('killed')!])
  expect(await queues.tidy(name, 'ending')).toBe(1)
  expect(await named()).toEqual(['holding', 'killed'])
  await until('the one that was killed is gone', async () => (await queues.tidy(name, '', 50)) === 1)
  expect(await named()).toEqual(['holding'])
})

test('sends what is of another version or model, or damaged, to the dead letters, and goes on', async () => {
  const worker = await cluster.part(encoderOf(3))
  await worker.pooling.ingest([eventOf('good', 'i', Date.now())])
  await untilFresh(worker, ['good'])
  const master = await cluster.servers.masterOfKey(taken)
  const bad = ['{"v":2,"model":"m"}', encodeEntry({ model: 'other', offeredMs: 0 }), '{', 'null']
  for (const text of bad) await master.command('XADD', taken, '*', 'user', 'good', 'entry', text)
  await master.command('XADD', taken, '*', 'nothing', 'known')
  await until('they are dead', async () => worker.node.queues[0].dead === 5)
  expect(worker.node.queues[0].buried).toEqual({ version: 1, model: 1, damaged: 3, failed: 0 })
  const letters = (await master.command('XRANGE', dead, '-', '+')) as [string, string[]][]
  expect(letters.map(([, fields]) => fields[5])).toEqual(['version', 'model', 'damaged', 'damaged', 'damaged'])
  const atMs = worker.node.clock.now()
  await worker.pooling.ingest([eventOf('good', 'i', Date.now())])
  await untilFresh(worker, ['good'], atMs)
  expect(worker.errors).toEqual([])
})
