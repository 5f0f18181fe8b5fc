/** What a cluster does when a worker or a master is killed, and while it is upgraded. */
import { setTimeout as wait } from 'node:timers/promises'
import { compileFeatures } from '@headwater/features'
import { userFeatures } from '@headwater/pooling'
import { openDriver } from '@headwater/store'
import { areFresh, failedOf, model, named, send, startReads, until } from './cluster-load.ts'
import { type BenchCluster, claimMs } from './cluster-processes.ts'
import { doneIn, isIdle, queueKey, takenIn } from './cluster-queue.ts'

const readsPerSecond = 100

/** A worker is killed with users in its hands; each must land once, by the other. */
export async function benchWorkerKilled(cluster: BenchCluster) {
  const { readers, workers, valkey, startWorker } = cluster
  const users = named('orphan', 1_000)
  await until('nobody waits', () => isIdle(cluster))
  const doneBefore = await doneIn(cluster)
  // Frozen it takes nothing, so that the other one has users when it is killed.
  workers[1]!.child.kill('SIGSTOP')
  const atMs = Date.now()
  const sending = Promise.all([0, 250, 500, 750].map((from) => send(readers[0], users.slice(from, from + 250))))
  await until('the worker has users', async () => (await takenIn(cluster)) > 0, 1)
  await workers[0]!.end('SIGKILL')
  const startMs = performance.now()
  const inHands = await takenIn(cluster)
  workers[1]!.child.kill('SIGCONT')
  await sending
  await until('all users are refreshed', () => areFresh(readers[1], users, atMs))
  const ms = performance.now() - startMs
  await until('nobody waits', () => isIdle(cluster))
  const slots = await slotsOf(valkey.nodes.map(({ address }) => address).join(','), users)
  const done = (await doneIn(cluster)) - doneBefore
  await startWorker(0)
  return { users: users.length, inHands, ms, claimMs, done, doubled: slots.filter((each) => each !== 1).length }
}

/** Slots of users' rings: byte 18 of their records. */
async function slotsOf(hosts: string, users: readonly string[]): Promise<readonly number[]> {
  const driver = await openDriver(`valkey://${hosts}`)
  const slots = new Map<string, number>()
  for await (const { table, key, record } of driver.records()) if (table === 'ring') slots.set(key, record[18])
  await driver.close()
  return users.map((user) => slots.get(user) ?? 0)
}

/** The master of the queue is killed, and started again once its replica has taken over. */
export async function benchMasterKilled(cluster: BenchCluster, loaded: readonly string[]) {
  const { readers, urls, valkey, store, schema } = cluster
  const users = named('witness', 200)
  const acknowledged = new Map<string, number>()
  await send(readers[0], users)
  for (const user of users) acknowledged.set(user, 1)
  const reads = startReads(urls, loaded, readsPerSecond)
  await wait(1_000)
  const master = await valkey.masterOfKey(queueKey)
  const replica = await valkey.replicaOf(master)
  let isOver = false
  const unknown = new Set<string>()
  const writing = (async () => {
    for (let i = 0; !isOver; i++) {
      const user = users[i % users.length]
      await send(readers[i % 2], [user]).then(
        () => acknowledged.set(user, acknowledged.get(user)! + 1),
        // It may be in the state all the same.
        () => unknown.add(user),
      )
    }
  })()
  const startMs = performance.now()
  await master.kill()
  await until('its replica takes over', async () => (await replica.info('replication', 'role')) === 'master', 20)
  const takenOverMs = performance.now() - startMs
  await master.restart()
  const atMs = Date.now()
  await until(
    'events are acknowledged again',
    () =>
      send(readers[0], ['first-after']).then(
        () => true,
        () => false,
      ),
    20,
  )
  await until('refreshes land again', () => areFresh(readers[1], ['first-after'], atMs))
  const recoveredMs = performance.now() - startMs
  isOver = true
  await writing
  const load = await reads.stop()
  await valkey.settled()
  const space = compileFeatures(schema)
  const { states } = await store.readStates('user', users)
  const lost = users.filter((user, i) => {
    const state = states[i]
    const held = state === undefined ? 0 : space.userHistory(userFeatures(space, state)).eventCount
    return held < acknowledged.get(user)! || (!unknown.has(user) && held > acknowledged.get(user)!)
  })
  const events = [...acknowledged.values()].reduce((sum, each) => sum + each, 0)
  return { load, failed: failedOf(load), takenOverMs, recoveredMs, events, lost: lost.length }
}

/** One worker goes back to the snapshot before and then forward again, under reads and events. */
export async function benchUpgrade(cluster: BenchCluster) {
  const { readers, urls, workers, startWorker } = cluster
  const users = named('client', 1_000)
  const refresh = async () => {
    const atMs = Date.now()
    for (let from = 0; from < users.length; from += 250) await send(readers[0], users.slice(from, from + 250))
    await until('all are refreshed', () => areFresh(readers[1], users, atMs))
  }
  const hits = async () => {
    const [{ status }] = (await readers[1].read(users, [model])).models
    return { rate: [...status].filter((each) => each !== 2).length / users.length }
  }
  await refresh()
  const before = await hits()
  const reads = startReads(urls, users, readsPerSecond)
  const seen = new Set<number>()
  let lowest = 1
  const look = async () => {
    lowest = Math.min(lowest, (await hits()).rate)
  }
  for (const version of ['before', 'model'] as const) {
    await workers[1]!.end('SIGTERM')
    await startWorker(1, version)
    for (let round = 0; round < 5; round++) {
      for (let from = 0; from < users.length; from += 250) await send(readers[0], users.slice(from, from + 250))
      // Whose first embedding tells which worker made it.
      const strangers = named(`${version}-${round}`, 200)
      await send(readers[1], strangers)
      await look()
      await until('nobody waits', () => isIdle(cluster))
      await look()
      for (const each of (await readers[1].read(strangers, [model])).models[0].snapshot) seen.add(each)
    }
  }
  const load = await reads.stop()
  return { load, failed: failedOf(load), hitRateBefore: before.rate, hitRate: lowest, snapshots: [...seen].sort() }
}
