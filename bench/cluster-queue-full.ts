/** What a cluster does when more refreshes are asked for than the queue holds, and nobody works. */
import { setTimeout as wait } from 'node:timers/promises'
import { failedOf, model, named, send, startReads, until } from './cluster-load.ts'
import { type BenchCluster, maxQueue } from './cluster-processes.ts'
import { watchProcessors } from './cluster-processors.ts'
import { isIdle, nowOf, queueBytes, waitingIn } from './cluster-queue.ts'

const readsPerSecond = 100
const calmSeconds = 20
/** Events of so many users a second, in calls of as many: what is compared differs in its workers alone. */
const eventsPerSecond = 200
const usersAnEvent = 20

/** Has users' events come to both readers in turn, over and over, until it is stopped. */
function startEvents({ readers }: BenchCluster, users: readonly string[]) {
  let isOver = false
  let calls = 0
  let failure: unknown = null
  const startMs = performance.now()
  const sending = (async () => {
    for (; !isOver; calls++) {
      const from = (calls * usersAnEvent) % users.length
      await send(readers[calls % 2], users.slice(from, from + usersAnEvent))
      const dueMs = startMs + ((calls + 1) * 1_000 * usersAnEvent) / eventsPerSecond
      await wait(Math.max(0, dueMs - performance.now()))
    }
  })().catch((cause: unknown) => {
    failure = cause
  })
  return {
    async stop(): Promise<number> {
      isOver = true
      await sending
      if (failure !== null) throw failure
      return calls * usersAnEvent
    },
  }
}

/**
 * More users than the queue holds, and nobody who works, for `seconds`; before it the same reads and as many events, with
 * workers at work.
 */
export async function benchQueueFull(cluster: BenchCluster, loaded: readonly string[], seconds: number) {
  const { readers, urls, workers, startWorker } = cluster
  const users = named('crowd', 3 * maxQueue)
  // Known since different times, drawn so that users come in no order of it.
  const baseMs = Date.now() - 86_400_000
  const knownMs = users.map((_, i) => baseMs + 1_000 * ((i * 7_919) % users.length))
  for (let from = 0; from < users.length; from += 200) {
    await send(readers[0], users.slice(from, from + 200), knownMs.slice(from, from + 200))
    await until('there is room', async () => (await waitingIn(cluster)) < maxQueue / 2)
  }
  await until('nobody waits', () => isIdle(cluster))
  const measure = async (whose: readonly string[], whileIt: () => Promise<void>) => {
    const reads = startReads(urls, loaded, readsPerSecond)
    const events = startEvents(cluster, whose)
    const processors = await watchProcessors(cluster)
    await whileIt()
    const busy = await processors()
    const sent = await events.stop()
    return { ...(await reads.stop()), events: sent, processors: busy }
  }
  const before = await measure(named('others', users.length), () => wait(calmSeconds * 1_000))
  await until('nobody waits', () => isIdle(cluster))
  await Promise.all(workers.map((worker) => worker!.end('SIGTERM')))
  let waitingAtMost = 0
  let firstFullBytes = 0
  const during = await measure(users, async () => {
    const endMs = performance.now() + 1_000 * seconds
    while (performance.now() < endMs) {
      waitingAtMost = Math.max(waitingAtMost, await waitingIn(cluster))
      if (firstFullBytes === 0 && waitingAtMost >= maxQueue) firstFullBytes = await queueBytes(cluster)
      await wait(200)
    }
  })
  const fullBytes = await queueBytes(cluster)
  await wait(500)
  waitingAtMost = Math.max(waitingAtMost, await waitingIn(cluster))
  const backMs = await nowOf(cluster)
  const drainStartMs = performance.now()
  await Promise.all([startWorker(0), startWorker(1)])
  await until('nobody waits', () => isIdle(cluster))
  const drainMs = performance.now() - drainStartMs
  const refreshedMs: number[] = []
  for (let from = 0; from < users.length; from += 500) {
    const [{ featureTimeMs }] = (await readers[1].read(users.slice(from, from + 500), [model])).models
    refreshedMs.push(...featureTimeMs)
  }
  // Of those who waited: by the time that they had been served, and in that order by the time of their take.
  const waited = users.flatMap((_, i) =>
    refreshedMs[i] >= backMs ? [{ known: knownMs[i], taken: refreshedMs[i] }] : [],
  )
  waited.sort((a, b) => a.known - b.known)
  const inversions = waited.filter(({ taken }, i) => i > 0 && taken < waited[i - 1].taken).length
  return {
    seconds,
    before,
    during,
    failed: failedOf(during),
    waitingAtMost,
    maxQueue,
    /** The queue's keys, once it was full first and at the end. */
    firstFullBytes,
    fullBytes,
    drained: waited.length,
    drainMs,
    inversions,
  }
}
