/** Servers of two versions, and of two snapshots, beside each other in a real cluster. */

import { servedStatus } from '@headwater/pooling'
import { encoderOf, eventOf } from '@headwater/pooling/testing/towers'
import { type Driver, EmbeddingStore, openDriver, raiseFormat, StoreFormatError } from '@headwater/store'
import { until } from '@headwater/testkit/valkey'
import { expect, test } from 'vitest'
import type { ClusterPart } from '../../testing/cluster-parts.ts'
import { TestCluster } from '../../testing/test-cluster.ts'
import { encodeEntry } from '../queue/queue-entry.ts'
import { queueKeys } from '../queue/shared-queue.ts'
import { PublisherConflictError } from './errors.ts'

const cluster = new TestCluster()

/** A store as the version before has it: every record that it meets must be of format 2, or it refuses it by name. */
async function openFormer(of: string) {
  const refuse = (record: Uint8Array | undefined | null) => {
    if (record && record[0] !== 2) throw new StoreFormatError(`a record has format ${record[0]}, 2 is read`)
  }
  const driver = new Proxy(await openDriver(of), {
    get(target, name: keyof Driver) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name !== 'readRings' && name !== 'readRecords') return value.bind(target)
      return (...args: unknown[]) => {
        const visit = args.findIndex((arg) => typeof arg === 'function')
        const told = args[visit] as (...told: unknown[]) => void
        const checked = (...found: unknown[]) => {
          refuse(found.at(-1) as Uint8Array | undefined | null)
          told(...found)
        }
        return Reflect.apply(value, target, args.with(visit, checked))
      }
    },
  })
  return new EmbeddingStore(driver, 'default')
}

async function markFormat(format: string): Promise<void> {
  const key = 'hw:default:format'
  await (await cluster.servers.masterOfKey(key)).command('SET', key, format)
}

/** First bytes of all records. */
async function formats(): Promise<ReadonlySet<number>> {
  const driver = await openDriver(cluster.url)
  const seen = new Set<number>()
  for await (const { record } of driver.records()) seen.add(record[0])
  await driver.close()
  return seen
}

let rounds = 0
/** New ones: a ring's newest slot is that of the newest snapshot, so that who had an older one is soon told by none. */
const strangers = () => {
  const round = rounds++
  return Array.from({ length: 60 }, (_, i) => `user-${round}-${i}`)
}

/** Sends events until strangers are served by each of the snapshots. @returns who was refreshed last */
async function untilServedBy(reader: ClusterPart, expected: readonly number[]): Promise<readonly string[]> {
  const seen = new Set<number>()
  for (;;) {
    const users = strangers()
    await reader.pooling.ingest(users.map((user) => eventOf(user, 'i', Date.now())))
    await until('all users are refreshed', async () => {
      const [{ status }] = (await reader.pooling.read(users, ['m'])).models
      return [...status].every((each) => each !== servedStatus.default)
    })
    for (const each of (await reader.pooling.read(users, ['m'])).models[0].snapshot) seen.add(each)
    if (seen.size < expected.length) continue
    expect([...seen].sort()).toEqual(expected)
    return users
  }
}

test('workers of two snapshots beside each other: both write, and all reads are answered', async () => {
  const reader = await cluster.part(null)
  await cluster.part(encoderOf(3))
  const next = await cluster.part(encoderOf(4, 1))
  await untilServedBy(reader, [3, 4])
  expect(reader.pooling.counters.unavailable).toBe(0)
  // The number of a snapshot stands for one snapshot only.
  await next.node.admit('m', 5, 'digest-a')
  await next.node.admit('m', 5, 'digest-a')
  await expect(next.node.admit('m', 5, 'digest-b')).rejects.toThrow(PublisherConflictError)
  await until('it is counted', async () => reader.node.conflicts.get('m') === 1)
})

test('servers of two record formats: each reads what the other writes, until the format is raised', async () => {
  await markFormat('2')
  const [oldReader, newReader] = [await cluster.part(null, {}, openFormer), await cluster.part(null)]
  const oldWorker = await cluster.part(encoderOf(3), {}, openFormer)
  await untilServedBy(oldReader, [3])
  const newWorker = await cluster.part(encoderOf(4, 1))
  await untilServedBy(newReader, [3, 4])
  const users = await untilServedBy(oldReader, [3, 4])
  for (const { pooling, errors } of [oldReader, newReader, oldWorker, newWorker]) {
    expect(pooling.counters).toMatchObject({ unavailable: 0, failed: 0 })
    expect(errors).toEqual([])
  }
  expect([...(await formats())]).toEqual([2])

  // The last old ones are gone. Records that were not written since are read all the same.
  await oldReader.close()
  await oldWorker.close()
  expect(await raiseFormat(cluster.url)).toMatchObject({ before: 2, now: 3 })
  const last = await cluster.part(encoderOf(5, 2))
  await last.pooling.ingest([eventOf(users[0], 'i', Date.now())])
  expect([...(await formats())].sort()).toEqual([2, 3])
  await untilServedBy(newReader, [4, 5])
  const [{ status }] = (await newReader.pooling.read(users, ['m'])).models
  expect([...new Set(status)]).toEqual([servedStatus.fresh])
  expect([...newReader.errors, ...last.errors]).toEqual([])
})

test('an old worker meets an entry of a newer version: it is a dead letter, and a user of whom news came is refreshed', async () => {
  const [, , taken] = queueKeys({ tenant: 'default', model: 'm' })
  const reader = await cluster.part(null)
  const worker = await cluster.part(encoderOf(3))
  const [user] = await untilServedBy(reader, [3])
  const newer = encodeEntry({ model: 'm', offeredMs: 0 }).replace('"v":1', '"v":2')
  await (await cluster.servers.masterOfKey(taken)).command('XADD', taken, '*', 'user', user, 'entry', newer)
  await until('it is dead', async () => worker.node.queues[0].buried.version === 1)
  const atMs = worker.node.clock.now()
  await reader.pooling.ingest([eventOf(user, 'i', Date.now())])
  await until('the user is refreshed', async () => {
    return (await reader.pooling.read([user], ['m'])).models[0].featureTimeMs[0] >= atMs
  })
})
