import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { openEventLog } from '@headwater/logs'
import { createPooling } from '@headwater/pooling'
import { encoderOf, model, space } from '@headwater/pooling/testing/towers'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, expect, it, vi } from 'vitest'
import { openService } from '../../testing/http-service.ts'
import { readinessOf } from './readiness.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const close of closers.splice(0)) await close()
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Readiness over real poolings of two tenants, whose stores answer only when told, at a time that is set. */
async function heldReadiness() {
  const waiting: { answer(): void; fail(): void }[] = []
  const around = (store: EmbeddingStore): EmbeddingStore =>
    new Proxy(store, {
      get: (target, name) => {
        if (name === 'readStates')
          return () =>
            new Promise((resolve, reject) =>
              waiting.push({ answer: () => resolve({ missing: new Set() }), fail: () => reject(new Error('gone')) }),
            )
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  const { server, tenants, close } = await openService({ around })
  closers.push(close)
  const clock = { nowMs: 1_000 }
  vi.spyOn(performance, 'now').mockImplementation(() => clock.nowMs)
  const errors: unknown[] = []
  const parts = { tenants, models: [model], onError: (error: unknown) => errors.push(error) }
  // Only the parts that it asks for are there.
  const whyNot = readinessOf(parts as unknown as Parameters<typeof readinessOf>[0])
  /** The next call of a store. */
  const asked = async () => {
    await vi.waitFor(() => expect(waiting).not.toEqual([]), { timeout: 20_000, interval: 1 })
    return waiting.shift()!
  }
  return { server, whyNot, clock, errors, asked, waiting }
}

it('asks each store once for all who ask meanwhile and half a second on, and then anew', async () => {
  const { server, whyNot, clock, errors, asked, waiting } = await heldReadiness()
  const first = [whyNot(), whyNot()]
  const one = await asked()
  first.push(whyNot())
  expect(waiting).toEqual([])
  one.answer()
  const other = await asked()
  // However long it takes, it is one probe.
  clock.nowMs += 900
  first.push(whyNot())
  other.answer()
  expect(await Promise.all(first)).toEqual([null, null, null, null])
  clock.nowMs += 499
  const kept = whyNot()
  await turn()
  expect(waiting).toEqual([])
  expect(await kept).toBeNull()

  clock.nowMs += 1
  const failing = [whyNot(), whyNot()]
  ;(await asked()).fail()
  const told = 'the store does not answer (internal)'
  expect(await Promise.all(failing)).toEqual([told, told])
  clock.nowMs += 499
  const failed = whyNot()
  await turn()
  expect([errors, waiting]).toEqual([[new Error('gone')], []])
  expect(await failed).toBe(told)

  // So does the route: all requests are there before the store answers.
  let arrived = 0
  server.addHook('onRequest', async () => {
    arrived++
  })
  const answers = [1, 2, 3].map(() => server.inject('/readyz'))
  await vi.waitFor(() => expect(arrived).toBe(3), { timeout: 20_000, interval: 1 })
  for (const _ of ['default', 'other']) {
    const only = await asked()
    await turn()
    expect(waiting).toEqual([])
    only.answer()
  }
  expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200])
})

it.each([
  ['store', 'store_unavailable'],
  ['events', 'log_unavailable'],
])('fails while the directory of the %s is away', async (away, code) => {
  const home = temporaryDirectory()
  const store = await openStore(`lmdb:${join(home, 'store')}`)
  const eventLog = await openEventLog({ directory: join(home, 'events'), tenant: 'default', schema: space.schema })
  const pooling = createPooling({ store, space, models: [model], clock: Date, refreshDelayMs: 0, eventLog })
  await pooling.publish('m', encoderOf(3))
  closers.push(async () => {
    await pooling.close()
    await eventLog.close()
    await store.close()
  })
  const parts = { tenants: new Map([['default', { store, pooling }]]), models: [model] }
  // Only the parts that it asks for are there.
  const whyNot = readinessOf(parts as unknown as Parameters<typeof readinessOf>[0])
  const becomes = (why: string | null) => vi.waitFor(async () => expect(await whyNot()).toBe(why), { timeout: 20_000 })
  await becomes(null)
  renameSync(join(home, away), join(home, 'away'))
  await becomes(`events cannot be kept (${code})`)
  renameSync(join(home, 'away'), join(home, away))
  await becomes(null)
})
