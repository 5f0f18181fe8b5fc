import { expect, test } from 'vitest'
import { silent } from '../../testing/small-job.ts'
import type { ArmRun } from './arm.ts'
import { recordArm } from './record-arm.ts'

test('a ring takes what its format says, and a read the vector in half precision', async () => {
  const context = { stages: silent, signal: undefined } as ArmRun
  for (const [dim, slots] of [
    [192, 3],
    [8, 1],
  ]) {
    const { figures } = await recordArm({ name: 'record', dim, slots }).run(context, null)
    // 16 bytes of every record, 8 of a ring, the pooled vector, and a tag of 24 with each vector (docs/store.md).
    expect(figures).toEqual({ storedBytes: 16 + 8 + 2 * dim + slots * (24 + 2 * dim), servedBytes: 2 * dim })
  }
})
