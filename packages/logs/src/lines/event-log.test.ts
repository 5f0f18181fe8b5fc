/** What `ingest` puts into the event log: each event that is applied once, whatever fails, and nobody who is forgotten meanwhile. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createPooling } from '@headwater/pooling'
import { eventOf, fakeClock, model, space, startMs } from '@headwater/pooling/testing/towers'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openEventLog } from './event-log.ts'

let store: EmbeddingStore
let directory: string
beforeEach(async () => {
  store = await openStore('memory:')
  directory = temporaryDirectory()
})
afterEach(() => store.close())

async function openPooling() {
  const log = await openEventLog({ directory, tenant: 'default', schema: space.schema })
  store.addForgetHolder(log.holder)
  const pooling = createPooling({ store, space, models: [model], clock: fakeClock(), eventLog: log })
  return { log, pooling }
}

/** User and id of each line, in the order of the log. */
function logged(): string[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.jsonl'))
  const lines = files.sort().flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
  return lines.map((line) => JSON.parse(line)).map((line) => `${line[space.schema.user]} ${line.headwater_event_id}`)
}

/** Has something happen between what a call of the store gives and what its caller makes of it, once. */
function once(name: 'readStates' | 'compareAndSetStates', happens: () => Promise<unknown>, isBefore: boolean): void {
  const call = store[name].bind(store) as (...args: unknown[]) => Promise<unknown>
  const patched = async (...args: unknown[]) => {
    store[name] = call as never
    if (isBefore) await happens()
    const result = await call(...args)
    if (!isBefore) await happens()
    return result
  }
  store[name] = patched as never
}

test('a user who is forgotten while an event is under way is not in the log, and one who comes later is', async () => {
  const { log, pooling } = await openPooling()
  once('readStates', () => store.forget('u', { atMs: startMs }), false)
  await pooling.ingest([
    { ...eventOf('u', 'i', startMs), id: 'a' },
    { ...eventOf('v', 'i', startMs), id: 'b' },
    { ...eventOf('u', 'i', startMs + 1), id: 'c' },
  ])
  expect(pooling.counters.events).toBe(2)
  await log.close()
  expect(logged()).toEqual(['v b', 'u c'])
})

test('an event whose state was not written is not logged again where it comes again, also past the end of a file', async () => {
  const { log, pooling } = await openPooling()
  const event = { ...eventOf('u', 'i', startMs), id: 'a' }
  once('compareAndSetStates', () => Promise.reject(new Error('the store is full')), true)
  await expect(pooling.ingest([event])).rejects.toThrow('the store is full')
  await log.rotate()
  expect(log.counters).toMatchObject({ rows: 1, files: 1 })
  await pooling.ingest([event])
  expect([log.counters.repeated, pooling.counters.events]).toEqual([1, 1])
  await log.close()

  const again = await openEventLog({ directory, tenant: 'default', schema: space.schema })
  await again.append([event, { ...event, user: 'v' }])
  await again.close()
  expect(logged()).toEqual(['u a', 'v a'])
})

test('an event is logged once where another writer was faster, and has no id either', async () => {
  const { log, pooling } = await openPooling()
  const unlogged = createPooling({ store, space, models: [model], clock: fakeClock() })
  once('compareAndSetStates', () => unlogged.ingest([eventOf('u', 'j', startMs)]), true)
  await pooling.ingest([eventOf('u', 'i', startMs)])
  const { states } = await store.readStates('user', ['u'])
  expect(space.userHistory(states[0]!).eventCount).toBe(2)
  await log.close()
  expect(logged()).toEqual(['u undefined'])
})
