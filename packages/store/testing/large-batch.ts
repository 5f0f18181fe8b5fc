import { expect } from 'vitest'
import { appendOutcome, createReadBuffer, type EmbeddingStore, readStatus } from '../src/index.ts'

/** Appends a batch whose row 7 is no number, and reads all of it back. @returns its users */
export async function expectLargeBatch(store: EmbeddingStore, rows: number): Promise<readonly string[]> {
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
  return users
}
