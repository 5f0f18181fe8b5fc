import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { readSnapshot, type Snapshot, SnapshotError } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ModelConfigError } from '../config/config-error.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import {
  publishedConfig,
  publishedDim,
  publishedSpace,
  publishRandomTower,
  randomMap,
} from '../testing/published-tower.ts'
import { randomBatch } from '../testing/tiny-towers.ts'
import { declareUserTower } from '../tower/user-tower.ts'
import { loadUserTower } from './load-user-tower.ts'
import { UserEncoder } from './user-encoder.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'user tower tests' })
})
afterAll(() => device.destroy())

const batch = randomBatch(publishedSpace.user, 20, seededRandom(2))
const { norm: _, ...embeddings } = publishedConfig.embeddings
const normless = { ...publishedConfig, embeddings }

async function vectorsOf(snapshot: Snapshot): Promise<Float32Array> {
  const before = device.allocatedBytes
  const loaded = loadUserTower(device, snapshot)
  const vectors = await loaded.encoder.encode(batch)
  loaded.dispose()
  expect(device.allocatedBytes).toBe(before)
  return vectors
}

it('encodes with the bits of the weights that were published', async () => {
  const snapshot = await readSnapshot(await publishRandomTower(temporaryDirectory()))
  const set = new ParameterSet()
  const tower = declareUserTower(set, publishedSpace.user, publishedConfig)
  const weights = new Weights(device, set, false)
  for (const { name, data } of snapshot.matrices.values())
    if (set.entries().some((entry) => entry.name === name)) weights.write(name, data)
  const encoder = new UserEncoder(device, { tower, weights })
  const got = await vectorsOf(snapshot)
  expect(got.some((x) => x !== 0)).toBe(true)
  expect(got).toEqual(await encoder.encode(batch))
  encoder.dispose()
  weights.dispose()
})

for (const [what, config] of [
  ['behind the tower', publishedConfig],
  ['folded into its last layer, where nothing follows that', normless],
] as const)
  it(`serves aligned vectors, W and b ${what}`, async () => {
    const map = randomMap(seededRandom(6))
    const model = temporaryDirectory()
    const own = await vectorsOf(await readSnapshot(await publishRandomTower(model, { config })))
    const aligned = await readSnapshot(await publishRandomTower(model, { config, snapshot: 2, alignment: map }))
    const got = await vectorsOf(aligned)
    const dim = publishedDim
    for (let r = 0; r < batch.rows; r++)
      for (let j = 0; j < dim; j++) {
        let want = map.bias[j]
        for (let i = 0; i < dim; i++) want += own[r * dim + i] * map.weight[i * dim + j]
        expect(Math.abs(got[r * dim + j] - want)).toBeLessThan(1e-5 * Math.max(1, Math.abs(want)))
      }
  })

it('refuses an alignment of another width', async () => {
  const alignment = randomMap(seededRandom(6), 2)
  const snapshot = await readSnapshot(await publishRandomTower(temporaryDirectory(), { alignment }))
  expect(() => loadUserTower(device, snapshot)).toThrow(SnapshotError)
  expect(() => loadUserTower(device, snapshot)).toThrow(`its alignment is 2 wide, its embeddings are ${publishedDim}`)
})

it('refuses a config that fits neither the tensors nor the features, and leaves no memory taken', async () => {
  const snapshot = await readSnapshot(await publishRandomTower(temporaryDirectory()))
  const before = device.allocatedBytes
  const withConfig = (config: object): Snapshot => ({
    ...snapshot,
    manifest: { ...snapshot.manifest, config: { ...publishedConfig, ...config } },
  })
  const { user } = publishedConfig
  for (const config of [
    { user: { ...user, tokenWidth: 12 } },
    { embeddings: { ...publishedConfig.embeddings, count: 1 } },
  ]) {
    const load = () => loadUserTower(device, withConfig(config))
    expect(load).toThrow(SnapshotError)
    expect(load).toThrow(/tensor user\S+ is missing or not \d+ × \d+, as its config has it/)
  }
  const matrices = new Map(snapshot.matrices)
  matrices.delete('user.output.bias')
  expect(() => loadUserTower(device, { ...snapshot, matrices })).toThrow('tensor user.output.bias is missing')
  const recent = { user: { ...user, tokens: [{ kind: 'events', recent: 5 }] } }
  expect(() => loadUserTower(device, withConfig(recent))).toThrow(ModelConfigError)
  const wide = { embeddings: { ...publishedConfig.embeddings, width: 13 } }
  expect(() => loadUserTower(device, withConfig(wide))).toThrow(
    /snapshot-000001\/manifest\.json, config: embeddings\.width: is 13/,
  )
  expect(device.allocatedBytes).toBe(before)
})
