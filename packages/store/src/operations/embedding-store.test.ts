import { expect, it } from 'vitest'
import { expectLargeBatch } from '../../testing/large-batch.ts'
import { memoryDriver } from '../drivers/memory/memory-driver.ts'
import { openStore, RequestError } from '../index.ts'
import { EmbeddingStore } from './embedding-store.ts'

it('takes a large batch but for a row that is no number, and refuses one of more than 1,048,576 rows', async () => {
  const store = new EmbeddingStore(memoryDriver(), 'default')
  await expectLargeBatch(store, 2 ** 16)
  const tooMany = Array.from({ length: 2 ** 20 + 1 }, (_, u) => `u${u}`)
  await expect(store.readStates('user', tooMany)).rejects.toThrow(RequestError)
  await store.close()
})

it('sets no group of several keys where its driver writes one key at a time', async () => {
  const driver = memoryDriver()
  Object.defineProperty(driver, 'atomicity', { value: 'key' })
  const store = new EmbeddingStore(driver, 'default')
  const state = Uint8Array.of(1)
  const user = { kind: 'user', key: 'u', expected: 0, state } as const
  const item = { kind: 'item', key: 'u', expected: 0, state } as const
  await expect(store.compareAndSetStates([[user], [user, item]])).rejects.toThrow(RequestError)
  expect((await store.readStates('user', ['u'])).states).toEqual([undefined])
  expect([...(await store.compareAndSetStates([[user], [item], []]))]).toEqual([1, 1, 1])
})

it('refuses options that make no sense', async () => {
  for (const bad of [
    { maxBatchRows: 0 },
    { maxBatchRows: 1.5 },
    { maxEvents: 0 },
    { maxEvents: 65_536 },
    { maxFutureMs: -1 },
    { tombstoneRetentionMs: Number.NaN },
  ]) {
    await expect(openStore('memory:', bad)).rejects.toThrow(RequestError)
  }
})
