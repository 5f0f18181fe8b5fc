import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { readSnapshot } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import { publishedConfig, publishedSpace, publishRandomTower, randomMap } from '../testing/published-tower.ts'
import { randomBatch } from '../testing/tiny-towers.ts'
import { declareUserTower } from '../tower/user-tower.ts'
import { loadTower } from './served-tower.ts'
import { checkTowerMemory, measureTower, TowerMemoryError } from './tower-memory.ts'
import { measureEncoder } from './user-encoder.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'tower memory tests' })
})
afterAll(() => device.destroy())

const { norm: _, ...normless } = publishedConfig.embeddings
const unaligned = { ...publishedConfig, embeddings: normless }
const map = () => randomMap(seededRandom(5))
const publish = (options: Parameters<typeof publishRandomTower>[1]) => publishRandomTower(temporaryDirectory(), options)

for (const [what, options] of [
  ['without alignment', {}],
  ['with an alignment behind it', { alignment: map() }],
  ['with an alignment folded in', { alignment: map(), config: unaligned }],
] as const)
  it(`says what a tower takes ${what}, to the byte`, async () => {
    const directory = await publish(options)
    const said = measureTower(await readSnapshot(directory), device.limits)
    const before = device.allocatedBytes
    const tower = await loadTower(directory, { device })
    expect(tower.memory).toEqual(said)
    expect(device.allocatedBytes - before).toBe(said.weightsBytes)
    await tower.warm()
    expect(said.weightsBytes + said.plansBytes).toBe(said.totalBytes)
    expect(device.allocatedBytes - before).toBe(said.totalBytes)
    const batch = randomBatch(publishedSpace.user, 1100, seededRandom(2))
    await Promise.all([tower.encode(batch), tower.encodeHalf(batch), tower.encode({ ...batch, rows: 3 })])
    expect(device.allocatedBytes - before).toBe(said.totalBytes)
    tower.dispose()
    expect(device.allocatedBytes).toBe(before)
  })

it('counts an alignment that is folded in as nothing, and no table of items', async () => {
  const memoryOf = async (options: Parameters<typeof publishRandomTower>[1]) =>
    measureTower(await readSnapshot(await publish(options)), device.limits)
  expect(await memoryOf({ alignment: map(), config: unaligned })).toEqual(await memoryOf({ config: unaligned }))
  const plain = await memoryOf({})
  const aligned = await memoryOf({ alignment: map() })
  expect(aligned.weightsBytes).toBeGreaterThanOrEqual(plain.weightsBytes + map().weight.byteLength)
  expect(await memoryOf({ config: { ...publishedConfig, mix: { ...publishedConfig.mix, width: 512 } } })).toEqual(plain)
})

it('refuses a tower over the memory of the device, with the numbers and before anything is allocated', async () => {
  const directory = await publish({})
  const { peakBytes } = measureTower(await readSnapshot(directory), device.limits)
  const fits = await requestDevice({ label: 'fits', memoryBudgetBytes: peakBytes })
  const small = await requestDevice({ label: 'small', memoryBudgetBytes: peakBytes + 15 })
  const tower = await loadTower(directory, { device: fits })
  await tower.warm()
  small.buffer('taken', 16, GPUBufferUsage.COPY_DST)
  const refused = loadTower(directory, { device: small })
  await expect(refused).rejects.toThrow(TowerMemoryError)
  await expect(refused).rejects.toMatchObject({ neededBytes: peakBytes, availableBytes: peakBytes - 1 })
  await expect(refused).rejects.toThrow(`The tower needs ${peakBytes} bytes, of the device's memory there are free`)
  expect(small.allocatedBytes).toBe(16)
  // A device to recover on must hold it too.
  fits.destroy()
  await expect(tower.recover(small)).rejects.toThrow(TowerMemoryError)
  expect(small.allocatedBytes).toBe(16)
  tower.dispose()
  small.destroy()
})

it('refuses a tower over the limits of buffers and bindings', () => {
  const memory = {
    weightsBytes: 600,
    plansBytes: 400,
    totalBytes: 1000,
    peakBytes: 1016,
    largestBufferBytes: 300,
    largestBindingBytes: 200,
  }
  const room = { maxBufferSize: 300, maxStorageBufferBindingSize: 200, memoryBytes: 1016 }
  checkTowerMemory(memory, room)
  checkTowerMemory(memory, { ...room, memoryBytes: Number.POSITIVE_INFINITY })
  for (const [name, limit, message] of [
    ['maxBufferSize', 299, "The largest buffer needs 300 bytes, the device's maxBufferSize is 299"],
    ['maxStorageBufferBindingSize', 199, "The largest input or activation needs 200 bytes, the device's maxStorage"],
    [
      'memoryBytes',
      1015,
      "The tower needs 1016 bytes, of the device's memory there are free 1015; the tower takes 600",
    ],
  ] as const) {
    const check = () => checkTowerMemory(memory, { ...room, [name]: limit })
    expect(check).toThrow(TowerMemoryError)
    expect(check).toThrow(message)
  }
})

it('counts the largest input where it is larger than any activation', () => {
  const sequence = { length: 1000, buckets: 16, channels: 3, weights: 0, categories: [] }
  const set = new ParameterSet()
  const tower = declareUserTower(set, { dense: [], bags: [], sequence }, publishedConfig)
  const weights = new Weights(null, set, false, device.limits)
  // Channels of 512 rows of 1,000 events; all that is made of them is a few tokens a row.
  const { largestBytes } = measureEncoder({ tower, weights, alignment: null }, device.limits.maxBufferSize)
  expect(largestBytes).toBe(512 * 1000 * 3 * 4)
})
