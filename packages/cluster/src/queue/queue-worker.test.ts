/** What a worker makes of entries, without servers. */

import { poolingInMemory } from '@headwater/pooling/testing/pooling-in-memory'
import { constantEncoder, eventOf } from '@headwater/pooling/testing/towers'
import { expect, it } from 'vitest'
import { encodeEntry } from './queue-entry.ts'
import { startQueueWorker } from './queue-worker.ts'
import type { SharedQueues, TakenEntry } from './shared-queue.ts'

const memory = poolingInMemory()
const { clock, create } = memory

/** Queues that give entries once. */
function queuesOf(entries: readonly TakenEntry[]) {
  let left = entries
  let told = (_ids: readonly string[]) => {}
  const done = new Promise<readonly string[]>((resolve) => {
    told = resolve
  })
  const calls: Pick<SharedQueues, 'tidy' | 'take' | 'extend' | 'bury' | 'done'> = {
    tidy: async () => 0,
    extend: async () => {},
    bury: async () => {},
    take: async () => {
      const taken = left
      left = []
      return taken
    },
    done: async (_, ids) => {
      told(ids)
    },
  }
  return { queues: calls as SharedQueues, done }
}

it('counts freshness of entries older than its process, and none of those that do not say their age', async () => {
  const freshness: number[] = []
  const pooling = create({ observer: { written: (ms) => freshness.push(ms) } })
  await pooling.publish('m', constantEncoder(1, 1))
  await pooling.ingest(['old', 'ageless'].map((user) => eventOf(user, 'i', clock.nowMs)))
  const ageMs = performance.now() + 3_600_000
  const entryOf = (user: string, entry: string) => ({ id: user, user, entry, takenMs: clock.nowMs, attempt: 1 })
  const { queues, done } = queuesOf([
    entryOf('old', encodeEntry({ model: 'm', offeredMs: clock.nowMs - ageMs })),
    entryOf('ageless', JSON.stringify({ v: 1, model: 'm' })),
  ])
  const worker = startQueueWorker({
    queues,
    name: { tenant: 'default', model: 'm' },
    pooling,
    consumer: 'c',
    clock,
    claimMs: 60_000,
    pollMs: 1,
    isReady: () => true,
    onError: (error) => {
      throw error
    },
  })
  expect(await done).toEqual(['old', 'ageless'])
  await worker.stop()
  expect(freshness).toHaveLength(1)
  expect(freshness[0]).toBeGreaterThanOrEqual(ageMs)
  expect(freshness[0]).toBeLessThan(2 * ageMs)
})
