import { expect, it } from 'vitest'
import { DriverStore } from './driver-store.ts'
import { MemoryDriver } from './drivers/memory.ts'
import { appendOutcome, createReadBuffer, openStore, RequestError, readStatus } from './index.ts'

it('takes a large batch but for a row that is no number, and refuses one of more than 1,048,576 rows', async () => {
  const store = new DriverStore(new MemoryDriver(), 'default')
  const rows = 2 ** 16
  const users = Array.from({ length: rows }, (_, u) => `u${u}`)
  const batch = {
    model: 'm',
    dim: 1,
    users,
    vectors: Float32Array.from(users, (_, u) => u % 1_000),
    snapshot: 1,
    frame: 0,
    featureTimeMs: new Float64Array(rows).fill(5),
    writtenMs: 5,
    policy: { slots: 1, count: 1, slot: 'snapshot' },
  } as const
  batch.vectors[7] = Number.NaN
  const { outcomes, refusals } = await store.append(batch)
  expect(refusals.map(({ row }) => row)).toEqual([7])
  expect(outcomes.filter((outcome) => outcome === appendOutcome.written).length).toBe(rows - 1)
  const buffer = createReadBuffer(rows, [{ model: 'm', dim: 1 }])
  await store.read({ users, models: [{ model: 'm' }] }, buffer)
  const [{ pooled, status }] = buffer.models
  expect(status.every((each, u) => each === (u === 7 ? readStatus.missing : readStatus.found))).toBe(true)
  expect(pooled.every((value, u) => value === (u === 7 ? 0 : u % 1_000))).toBe(true)
  const tooMany = Array.from({ length: 2 ** 20 + 1 }, (_, u) => `u${u}`)
  await expect(store.readStates('user', tooMany)).rejects.toThrow(RequestError)
  await store.close()
})

it('sets no group of several keys where its driver writes one key at a time', async () => {
  const driver = new MemoryDriver()
  Object.defineProperty(driver, 'atomicity', { value: 'key' })
  const store = new DriverStore(driver, 'default')
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
