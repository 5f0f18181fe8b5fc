import type { LogEvent } from '@headwater/features'
import { poolingInMemory } from '@headwater/pooling/testing/pooling-in-memory'
import { eventOf } from '@headwater/pooling/testing/towers'
import { StoreUnavailableError } from '@headwater/store'
import { afterEach, expect, it, vi } from 'vitest'
import { EventQueue } from './event-queue.ts'

const memory = poolingInMemory()
afterEach(() => vi.restoreAllMocks())

/** A queue whose pooling keeps its calls until they are told how to end. */
function heldQueue(partOf: (user: string) => string = () => '') {
  const pooling = memory.create()
  vi.spyOn(memory.store, 'partOf').mockImplementation(partOf)
  const calls: { users: string[]; arrivedMs: number | undefined; end: (error?: Error) => void }[] = []
  vi.spyOn(pooling, 'ingest').mockImplementation(
    (events, arrivedMs) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error) => (error === undefined ? resolve() : reject(error))
        calls.push({ users: events.map(({ user }: LogEvent) => user), arrivedMs, end })
      }),
  )
  const queue = new EventQueue(pooling, memory.store, 10)
  /** @returns the moments around the arrival, and the end of the request */
  const arrive = (user: string) => {
    const fromMs = performance.now()
    const done = queue.ingest([eventOf(user, 'i', memory.clock.nowMs)])
    return { fromMs, toMs: performance.now(), done }
  }
  const called = (count: number) =>
    vi.waitFor(() => expect(calls).toHaveLength(count), { timeout: 20_000, interval: 1 })
  return { calls, arrive, called }
}

type Arrival = ReturnType<ReturnType<typeof heldQueue>['arrive']>

function expectArrival(arrivedMs: number | undefined, { fromMs, toMs }: Arrival): void {
  expect(arrivedMs).toBeGreaterThanOrEqual(fromMs)
  expect(arrivedMs).toBeLessThanOrEqual(toMs)
}

it('tells when the first request of a group arrived, and of requests one by one when each did', async () => {
  const { calls, arrive, called } = heldQueue()
  const first = arrive('a')
  await called(1)
  const second = arrive('b')
  const third = arrive('c')
  calls[0].end()
  await first.done
  await called(2)
  expect(calls.map(({ users }) => users)).toEqual([['a'], ['b', 'c']])
  expectArrival(calls[0].arrivedMs, first)
  expectArrival(calls[1].arrivedMs, second)
  // One request's bad event is no other's fault.
  calls[1].end(new Error('no such item'))
  await called(3)
  calls[2].end(new Error('no such item'))
  await expect(second.done).rejects.toThrow('no such item')
  await called(4)
  calls[3].end()
  await third.done
  expect(calls.slice(2).map(({ users }) => users)).toEqual([['b'], ['c']])
  expectArrival(calls[2].arrivedMs, second)
  expectArrival(calls[3].arrivedMs, third)
})

it('lets no part of the store wait for another, and refuses all that a silent one keeps waiting', async () => {
  const { calls, arrive, called } = heldQueue((user) => user[0])
  const silent = [arrive('s1'), arrive('s2'), arrive('s3')]
  const refused = Promise.all(silent.map(({ done }) => expect(done).rejects.toThrow(StoreUnavailableError)))
  await called(1)
  for (const user of ['h1', 'h2']) {
    const next = calls.length + 1
    const { done } = arrive(user)
    await called(next)
    calls.at(-1)!.end()
    await done
  }
  expect(calls.map(({ users }) => users)).toEqual([['s1'], ['h1'], ['h2']])
  calls[0].end(new StoreUnavailableError('it is silent'))
  await called(4)
  expect(calls[3].users).toEqual(['s2', 's3'])
  // Neither is tried again by itself.
  calls[3].end(new StoreUnavailableError('it is silent'))
  await refused
  const again = arrive('s4')
  await called(5)
  calls[4].end()
  await again.done
})
