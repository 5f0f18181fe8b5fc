import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SideBatch } from '../batch/batch.ts'
import { BatchError } from '../batch/side-batch.ts'
import { EventError } from '../events/event-values.ts'
import { Replay } from '../replay/replay.ts'
import { SchemaError } from '../schema/schema-error.ts'
import { compileFeatures } from '../space/feature-space.ts'
import { StateError } from '../space/state-image.ts'
import { fullSchema, randomLog } from '../testing/random-log.ts'
import { RowError, RowWorkersError } from './row-error.ts'
import { createRowWorkers, type RowWorkers } from './row-workers.ts'

const schema = fullSchema()
const space = compileFeatures(schema)
const log = randomLog(7, 300, true)
const users = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'nobody']
const replay = new Replay(space)
replay.ingest(log)
const states = users.map((user) => replay.userState(user))
const nowMs = log[log.length - 1].timeMs
const times = users.map((_, i) => nowMs + i * 7_654_321)

/** All bytes of a batch. */
function bytesOf({ dense, bags, sequence }: SideBatch): string[] {
  const arrays = [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]
  if (sequence) arrays.push(sequence.ids, sequence.channels, sequence.lengths, ...sequence.categories)
  return arrays.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength).toString('hex'))
}

function encoded(some: readonly Uint8Array[], now: readonly number[]): string[] {
  const batch = space.allocate('user', some.length)
  for (const [row, state] of some.entries()) space.encodeUser(batch, row, state, now[row])
  return bytesOf(batch)
}

/** The threads that were started, in this order. */
let threads: Worker[] = []
const noteThread = (worker: Worker) => threads.push(worker)
const pools: RowWorkers[] = []
const pool = (options: Partial<Parameters<typeof createRowWorkers>[0]> = {}) => {
  pools.push(createRowWorkers({ schema, workers: 1, batchRows: 8, ...options }))
  return pools[pools.length - 1]
}
beforeEach(() => {
  threads = []
  process.on('worker', noteThread)
})
afterEach(async () => {
  process.off('worker', noteThread)
  await Promise.all(pools.splice(0).map((some) => some.close()))
})

describe('row workers', () => {
  it('give way to every other thread where they are told to, with the same rows', async () => {
    const policies = () =>
      readdirSync('/proc/self/task').map((thread) => {
        const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38])
      })
    const batch = await pool({ isIdle: true }).encodeUsers(states, times)
    expect(bytesOf(batch)).toEqual(encoded(states, times))
    // SCHED_IDLE is 5; this thread and all others keep theirs, SCHED_OTHER.
    expect(policies().filter((policy) => policy === 5)).toHaveLength(1)
    await pool().encodeUsers(states, times)
    expect(policies().filter((policy) => policy === 5)).toHaveLength(1)
  })

  it('keep to the cores that they are given, with the same rows', async () => {
    const pinned = () =>
      readdirSync('/proc/self/task').filter((thread) =>
        /^Cpus_allowed_list:\t0$/m.test(readFileSync(`/proc/self/task/${thread}/status`, 'utf8')),
      )
    const before = pinned()
    const batch = await pool({ cpus: '0' }).encodeUsers(states, times)
    expect(bytesOf(batch)).toEqual(encoded(states, times))
    const own = pinned().filter((thread) => !before.includes(thread))
    // On a machine of one core all threads keep to it anyhow.
    expect(own).toHaveLength(before.length === 0 ? 1 : own.length)
    expect(own.length).toBeGreaterThan(0)
  })

  it('encode bit for bit what the feature space does, for one time and for one each', async () => {
    const workers = pool({ workers: 2, maxCalls: 20 })
    const calls = Array.from({ length: 20 }, (_, i) => {
      const from = i % 6
      const some = states.slice(from)
      return i % 2 === 0
        ? { some, now: times.slice(from), got: workers.encodeUsers(some, times.slice(from)) }
        : { some, now: some.map(() => nowMs), got: workers.encodeUsers(some, nowMs) }
    })
    for (const { some, now, got } of calls) {
      const batch = await got
      expect(batch.rows).toBe(some.length)
      expect(bytesOf(batch)).toEqual(encoded(some, now))
    }
    expect(threads).toHaveLength(2)
  })

  it('take states as they are when called, at any offset', async () => {
    const page = new Uint8Array(space.userStateBytes + 3)
    page.set(states[2], 3)
    const got = pool().encodeUsers([page.subarray(3)], nowMs)
    page.fill(0)
    expect(bytesOf(await got)).toEqual(encoded([states[2]], [nowMs]))
  })

  it('tell the row that cannot be encoded, and go on', async () => {
    const workers = pool()
    const foreign = compileFeatures({ ...schema, sequence: { ...schema.sequence!, value: 'minutes' } }).newUserState()
    const bad: [Uint8Array[], number[] | number, number, new (...args: never[]) => Error, RegExp][] = [
      [[states[0], foreign, foreign], nowMs, 1, StateError, /^row 1: user state: was written under another schema/],
      [[states[0], states[1], states[2].subarray(1)], nowMs, 2, StateError, /bytes where the schema makes/],
      [[states[0], states[1]], [nowMs, Number.NaN], 1, EventError, /"nowMs": is NaN/],
    ]
    for (const [some, now, row, type, message] of bad) {
      const error = await workers.encodeUsers(some, now).catch((cause: unknown) => cause)
      expect(error).toBeInstanceOf(RowError)
      expect(error).toMatchObject({ row, message: expect.stringMatching(message) })
      expect((error as RowError).cause).toBeInstanceOf(type)
      // Typed as here: the same properties as the error of the thread that reads it.
      const batch = space.allocate('user', some.length)
      const here = () => {
        for (const [r, state] of some.entries())
          space.encodeUser(batch, r, state, typeof now === 'number' ? now : now[r])
      }
      expect(here).toThrow(expect.objectContaining({ ...((error as RowError).cause as Error) }))
    }
    expect(bytesOf(await workers.encodeUsers(states, nowMs))).toEqual(
      encoded(
        states,
        states.map(() => nowMs),
      ),
    )
    expect(threads).toHaveLength(1)
  })

  it('refuse calls that do not fit', async () => {
    const workers = pool({ batchRows: 2, maxCalls: 2 })
    await expect(workers.encodeUsers([], nowMs)).rejects.toThrow(BatchError)
    await expect(workers.encodeUsers(states.slice(0, 3), nowMs)).rejects.toThrow(/1 to 2/)
    await expect(workers.encodeUsers(states.slice(0, 2), [nowMs])).rejects.toThrow(BatchError)
    const two = [workers.encodeUsers([states[0]], nowMs), workers.encodeUsers([states[1]], nowMs)]
    await expect(workers.encodeUsers([states[2]], nowMs)).rejects.toMatchObject({
      name: 'RowWorkersError',
      reason: 'busy',
    })
    await Promise.all(two)
    await workers.encodeUsers([states[2]], nowMs)
    expect(() => pool({ workers: 0 })).toThrow(RangeError)
    expect(() => pool({ batchRows: 1.5 })).toThrow(RangeError)
    expect(() => pool({ schema: { ...schema, tasks: [] } })).toThrow(SchemaError)
  })

  it('replace a worker that dies, and only its calls fail', async () => {
    const workers = pool({ workers: 2, maxCalls: 8 })
    await Promise.all([workers.encodeUsers(states, nowMs), workers.encodeUsers(states, nowMs)])
    const calls = Array.from({ length: 6 }, () => workers.encodeUsers(states, nowMs))
    const settled = Promise.allSettled(calls)
    await threads[0].terminate()
    const results = await settled
    const failed = results.filter(({ status }) => status === 'rejected')
    // It had two at most, of which some may have been done.
    expect(failed.length).toBeLessThanOrEqual(2)
    for (const { reason } of failed as PromiseRejectedResult[]) {
      expect(reason).toBeInstanceOf(RowWorkersError)
      expect(reason).toMatchObject({ reason: 'died' })
    }
    const again = await Promise.all([workers.encodeUsers(states, times), workers.encodeUsers(states, times)])
    for (const batch of again) expect(bytesOf(batch)).toEqual(encoded(states, times))
    expect(threads).toHaveLength(3)
  })

  it('reject the calls of a worker that dies before it is up, and start no other for nothing', async () => {
    const workers = pool()
    const calls = Promise.allSettled([workers.encodeUsers(states, nowMs), workers.encodeUsers(states, nowMs)])
    const [worker] = await once(process, 'worker')
    await worker.terminate()
    for (const result of await calls) expect(result).toMatchObject({ status: 'rejected', reason: { reason: 'died' } })
    expect(threads).toHaveLength(1)
    expect((await workers.encodeUsers(states, nowMs)).rows).toBe(7)
    expect(threads).toHaveLength(2)
  })

  it('close behind the calls under way, and refuse later ones', async () => {
    const workers = pool({ workers: 2 })
    const calls = [workers.encodeUsers(states, nowMs), workers.encodeUsers(states.slice(1), nowMs)]
    const closed = workers.close()
    const late = await workers.encodeUsers(states, nowMs).catch((cause: unknown) => cause)
    expect(late).toMatchObject({ name: 'RowWorkersError', reason: 'closed' })
    await closed
    expect((await Promise.all(calls)).map(({ rows }) => rows)).toEqual([7, 6])
    for (const thread of threads) expect(thread.threadId).toBe(-1)
    await workers.close()
    await pool().close()
  })
})
