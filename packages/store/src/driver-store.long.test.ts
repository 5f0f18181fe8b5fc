/** A batch as large as one may be takes a driver in memory many seconds: `npx nx test store` runs this. */
import { expect, it } from 'vitest'
import { DriverStore } from './driver-store.ts'
import { MemoryDriver } from './drivers/memory.ts'
import { appendOutcome, createReadBuffer, RequestError, readStatus } from './index.ts'

it('takes a batch of 1,048,576 rows and refuses one of one more', async () => {
  const store = new DriverStore(new MemoryDriver(), 'default')
  const rows = 2 ** 20
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
  await expect(store.readStates('user', [...users, 'more'])).rejects.toThrow(RequestError)
  await store.close()
})
