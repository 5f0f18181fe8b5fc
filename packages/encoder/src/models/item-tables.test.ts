import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SnapshotRefusedError, UnknownSnapshotError } from '@headwater/pooling'
import { space } from '@headwater/pooling/testing/towers'
import { ItemVectors, publishSnapshot, serveSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { itemTables } from './item-tables.ts'

const layout = { learnt: 2, width: 2, heads: [{ coefficients: 2, intercept: 4 }] }

/** Snapshots of three buckets of [n, n]; the third publishes none. */
async function publishThree(frames: readonly number[]): Promise<string> {
  const directory = temporaryDirectory()
  for (const [i, frame] of frames.entries()) {
    const about = { snapshot: i + 1, frame, dataCutoffMs: 1, trainedRows: 1, config: {} }
    const items = i === 2 ? null : new ItemVectors(layout, new Float32Array(6).fill(i + 1))
    await publishSnapshot(directory, space.schema, [], about, { items })
  }
  return directory
}

test('opens those of the snapshot that is served or asked for, and tells which one is served', async () => {
  const directory = await publishThree([1, 2, 2])
  await serveSnapshot(directory, 1, 'gate')
  const source = itemTables({ directory })
  expect(await source.open(null)).toMatchObject({
    snapshot: 1,
    frame: 1,
    servedSnapshot: 1,
    servedFrame: 1,
    buckets: 3,
  })
  await serveSnapshot(directory, 2, 'gate')
  expect(await source.open(null)).toMatchObject({ snapshot: 2, frame: 2, servedSnapshot: 2, servedFrame: 2 })
  const earlier = (await source.open(1))!
  expect(earlier).toMatchObject({ snapshot: 1, frame: 1, servedSnapshot: 2, servedFrame: 2, layout })
  expect([...earlier.read(['a', 'b'])]).toEqual([1, 1, 1, 1])
  expect(earlier.archive()).toBe(earlier.archive())
  expect(await source.open(3)).toBeNull()
  // What an encoder goes by may be another one than the directory's.
  expect(await itemTables({ directory, served: () => 1 }).open(null)).toMatchObject({ snapshot: 1, servedSnapshot: 1 })
  expect(await itemTables({ directory: temporaryDirectory() }).open(null)).toBeNull()
})

test('refuses what is not there, damaged or too large, and reads it once it is whole', async () => {
  const directory = await publishThree([1, 1])
  const source = itemTables({ directory })
  await expect(source.open(9)).rejects.toThrow(UnknownSnapshotError)
  await expect(itemTables({ directory, maxBytes: 10 }).open(1)).rejects.toThrow(SnapshotRefusedError)
  const damaged = snapshotDirectory(directory, 1)
  writeFileSync(join(damaged, 'items.safetensors'), '')
  await expect(source.open(1)).rejects.toThrow(SnapshotRefusedError)
  rmSync(damaged, { recursive: true })
  const about = { snapshot: 1, frame: 1, dataCutoffMs: 1, trainedRows: 1, config: {} }
  await publishSnapshot(directory, space.schema, [], about, { items: new ItemVectors(layout, new Float32Array(4)) })
  expect(await source.open(1)).toMatchObject({ snapshot: 1, servedSnapshot: 2, buckets: 2 })
})
