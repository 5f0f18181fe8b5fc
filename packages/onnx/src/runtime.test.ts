/** Exported models in ONNX Runtime against our own towers on the device, on the same batches. Shape letters: R rows, T tasks. */
import { compileFeatures, type SideBatch } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import {
  declareTower,
  InputBatch,
  interactionTensor,
  loadUserTower,
  mixForward,
  Recorder,
  snapshotConfig,
  userForward,
  Weights,
  type Write,
  writeWeights,
} from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exportMixTower, exportUserTower, inputArrays } from './index.ts'
import { testModels } from './testing/models.ts'
import { randomBatch } from './testing/random-batch.ts'
import { randomSnapshot } from './testing/random-snapshot.ts'
import { openModel } from './testing/session.ts'

const tolerance = 1e-4
const rows = 17

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice()
})
afterAll(() => device.destroy())

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length)
  let most = 0
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs(found[i] - expected[i])
    if (!(gap <= most)) most = gap
  }
  expect(most).toBeLessThan(tolerance)
}

/** The logits [R, T] of both towers in one plan, in their own coordinates: what training sees. */
async function ownLogits(snapshot: Snapshot, users: SideBatch, items: SideBatch): Promise<number[]> {
  const { user, item } = compileFeatures(snapshot.schema)
  const T = snapshot.schema.tasks.length
  const tower = declareTower(user, item, T, snapshotConfig(snapshot))
  const weights = new Weights(device, tower.set, false)
  writeWeights(weights, snapshot)
  const userInputs = new InputBatch(device, tower.user.needs, rows, false)
  const itemInputs = new InputBatch(device, { layout: item, bags: 'mean', recent: 0 }, rows, false)
  const rec = new Recorder(device)
  const z = interactionTensor(rec, tower.mix, rows)
  userForward(rec, weights, tower.user, userInputs, z, false)
  const logits = rec.keep(mixForward(rec, weights, tower.mix, itemInputs, z, false).logits)
  const plan = rec.plan('both towers')
  const write: Write = ({ storage }, data) =>
    device.gpuDevice.queue.writeBuffer(storage.buffer!, storage.offsetBytes, data as Float32Array<ArrayBuffer>)
  userInputs.upload(users, write)
  itemInputs.upload(items, write)
  plan.program.submit()
  const { storage, stride } = logits
  const padded = new Float32Array(await device.read(storage.buffer!, rows * stride * 4, storage.offsetBytes))
  for (const held of [userInputs, itemInputs, plan, weights]) held.dispose()
  return Array.from({ length: rows * T }, (_, i) => padded[Math.floor(i / T) * stride + (i % T)])
}

test.each(Object.entries(testModels))('%s', async (_, model) => {
  const random = seededRandom(23)
  const snapshot = randomSnapshot(model, random)
  const { user, item } = compileFeatures(model.schema)
  const users = randomBatch(user, rows, random)
  const items = randomBatch(item, rows, random)
  const [userModel, mixModel] = await Promise.all(
    [exportUserTower, exportMixTower].map((make) => openModel(make(snapshot))),
  )

  const { embeddings } = await userModel.run(inputArrays(user, users))
  const loaded = loadUserTower(device, snapshot)
  expectClose(embeddings.data, await loaded.encoder.encode(users))
  loaded.dispose()

  const published = { type: 'float32', data: embeddings.data, dims: embeddings.dims } as const
  const { logits } = await mixModel.run(new Map([['embeddings', published], ...inputArrays(item, items)]))
  expectClose(logits.data, await ownLogits(snapshot, users, items))
  await Promise.all([userModel.release(), mixModel.release()])
})
