/** Encoders of both kinds, each in its process, on the snapshot of one model. */
import { startEncoder } from '@headwater/encoder'
import { loadTower } from '@headwater/runtime'
import { snapshotDirectory } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { trainModel } from '../testing/serving.ts'
import { onnxBackend } from './choose-encoder.ts'

const tolerance = 1e-4

test('ONNX Runtime gives the vectors of the tower on WebGPU', async () => {
  const directory = snapshotDirectory(await trainModel(temporaryDirectory()), 2)
  const tower = await loadTower(directory)
  const encoder = await startEncoder({ backend: onnxBackend })
  try {
    const snapshot = await encoder.load(directory)
    expect(snapshot).toMatchObject({ snapshot: 2, dim: tower.dim })
    for (const rows of [1, 17, 256]) {
      const batch = tower.space.allocate('user', rows)
      for (let i = 0; i < batch.dense.length; i++) batch.dense[i] = Math.sin(i)
      const expected = await tower.encode(batch)
      const vectors = await snapshot.encode(batch)
      expect(vectors).toHaveLength(expected.length)
      expect(expected.some((value) => Math.abs(value) > 0.01)).toBe(true)
      for (const [i, value] of expected.entries()) expect(Math.abs(vectors[i] - value)).toBeLessThan(tolerance)
    }
    await snapshot.release()
  } finally {
    await encoder.close()
    tower.dispose()
  }
})
