import { expect, it } from 'vitest'
import { createReadBuffer, type EmbeddingStore, openStore, RequestError, readStatus, startSweeping } from '../index.ts'

const append = (store: EmbeddingStore, model: string, users: readonly string[], timeMs: number) =>
  store.append({
    model,
    dim: 1,
    users,
    vectors: new Float32Array(users.length),
    snapshot: 1,
    frame: 0,
    featureTimeMs: new Float64Array(users.length).fill(timeMs),
    writtenMs: timeMs,
    policy: { slots: 1, count: 1, slot: 'snapshot' },
  })

it('removes what has expired, of each model by its own time to live, and tombstones, again and again', async () => {
  const store = await openStore('memory:', { tombstoneRetentionMs: 500 })
  const users = Array.from({ length: 25 }, (_, u) => `u${u}`)
  await append(store, 'short', users, 1_000)
  await append(store, 'long', users, 1_000)
  await append(store, 'endless', users, 1_000)
  await store.forget('gone', { atMs: 1_000 })
  let nowMs = 1_200
  const errors: unknown[] = []
  const sweeper = startSweeping(store, {
    models: [
      { model: 'short', timeToLiveMs: 100 },
      { model: 'long', timeToLiveMs: 900 },
    ],
    clock: { now: () => nowMs },
    intervalMs: 0,
    maxRecords: 7,
    onError: (error) => errors.push(error),
  })
  const until = async (removed: number) => {
    while (sweeper.removed < removed) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const left = async () => {
    const models = ['short', 'long', 'endless'].map((model) => ({ model, dim: 1 }))
    const buffer = createReadBuffer(users.length, models)
    await store.read({ users, models: models.map(({ model }) => ({ model })) }, buffer)
    return buffer.models.map(({ status }) => status.filter((each) => each === readStatus.found).length)
  }
  await until(25)
  expect(await left()).toEqual([0, 25, 25])
  nowMs = 1_950
  await until(51)
  expect(await left()).toEqual([0, 0, 25])
  expect([...(await store.forgottenAtMs(['gone']))]).toEqual([-Infinity])
  await append(store, 'short', ['late'], 1_000)
  await until(52)
  await sweeper.stop()
  expect(errors).toEqual([])
  await store.close()
})

it('goes on after an error, and refuses options that make no sense', async () => {
  const store = await openStore('memory:')
  const errors: unknown[] = []
  const sweeper = startSweeping(store, {
    models: [{ model: '', timeToLiveMs: 1 }],
    clock: { now: () => 5 },
    intervalMs: 0,
    onError: (error) => errors.push(error),
  })
  while (errors.length < 3) await new Promise((resolve) => setTimeout(resolve, 1))
  await sweeper.stop()
  const good = { models: [], clock: Date }
  for (const bad of [{ intervalMs: -1 }, { maxRecords: 0 }, { models: [{ model: 'm', timeToLiveMs: Number.NaN }] }]) {
    expect(() => startSweeping(store, { ...good, ...bad })).toThrow(RequestError)
  }
  await store.close()
})
