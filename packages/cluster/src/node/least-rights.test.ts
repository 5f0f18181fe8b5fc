/** The rights that docs/cluster.md gives a server's user are enough for all that it asks, inside scripts too. */
import { readFileSync } from 'node:fs'
import { encoderOf, eventOf } from '@headwater/pooling/testing/towers'
import { startValkey, until } from '@headwater/testkit/valkey'
import { expect, onTestFinished, test } from 'vitest'
import { openPart } from '../../testing/cluster-parts.ts'
import { untilFresh } from '../../testing/test-cluster.ts'
import { encodeEntry } from '../queue/queue-entry.ts'
import { SharedQueues } from '../queue/shared-queue.ts'
import { Announcements } from './announcements.ts'

const document = readFileSync(new URL('../../../../docs/cluster.md', import.meta.url), 'utf8')
const leastRights = /^ACL SETUSER \w+ on >\w+ (.+)$/m.exec(document)![1].split(' ')

const name = { tenant: 'default', model: 'm' }

test('a server signs in with the rights of the docs, and nothing is refused', async () => {
  const servers = await startValkey()
  onTestFinished(() => servers.close())
  await servers.command('ACL', 'SETUSER', 'server', 'on', '>secret', ...leastRights)
  const url = `valkey://server:secret@${servers.address}`

  const reader = await openPart(url, null)
  onTestFinished(reader.close)
  const worker = await openPart(url, encoderOf(3))
  onTestFinished(worker.close)
  await reader.pooling.ingest([eventOf('ann', 'i', Date.now())])
  await untilFresh(reader, ['ann'])
  await until('the default is known', async () => reader.pooling.latest('m')?.snapshot === 3)
  await reader.store.forget('ann')
  await worker.close()

  const queues = await SharedQueues.connect(url)
  onTestFinished(() => queues.close())
  const entry = encodeEntry({ model: 'm', offeredMs: 0 })
  const offers = ['a', 'b', 'c', 'd'].map((user, i) => ({ user, servedMs: 9 - i, entry }))
  expect(await queues.offer(name, offers, 3)).toEqual({ queued: 4, coalesced: 0, shed: 1 })
  const take = (consumer: string, claimMs: number | null) =>
    queues.take(name, { consumer, limit: 2, claimMs, mostAttempts: 9 })
  const [first, second] = await take('killed', null)
  await queues.extend(name, 'killed', [first.id])
  await until('both are claimed', async () => (await take('heir', 1)).some(({ id }) => id === second.id))
  await queues.bury(name, [first.id], 'failed')
  await queues.done(name, [second.id])
  expect(await queues.forget(name, 'b')).toBeGreaterThan(0)
  expect(await queues.look(name)).toMatchObject({ buried: { failed: 1 } })
  await until('the one that was killed is struck off', async () => (await queues.tidy(name, 'killed')) > 0)

  const announcements = await Announcements.connect(url)
  onTestFinished(() => announcements.close())
  await announcements.admit('m', 3, 'one')
  await expect(announcements.admit('m', 3, 'another')).rejects.toThrow('share the model')

  expect([...reader.errors, ...worker.errors]).toEqual([])
  expect(await servers.command('ACL', 'LOG')).toEqual([])
})
