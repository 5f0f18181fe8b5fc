import { compileFeatures, type Schema } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { declareTower, type Tower, Weights } from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Teacher } from '../distillation/teacher.ts'
import { TrainStep } from '../step/train-step.ts'
import { clubTower } from '../testing/club-training.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { checkTrainingMemory, measureTraining, TrainingMemoryError } from './training-memory.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'memory tests' })
})
afterAll(() => device.destroy())

/** As every adapter has them. */
const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, minStorageBufferOffsetAlignment: 256 }
const { POSITIVE_INFINITY } = Number

/** Of a training, what it takes between publications. */
function steadyBytes(tower: Tower, rows: number, isTaught: boolean): number {
  const { parts, totalBytes } = measureTraining(tower, rows, device.limits, isTaught)
  return totalBytes - parts.find(({ what }) => what.startsWith('a publication'))!.sizeBytes
}

/** Clubs and kinds, whose tables have 8 columns; `kinds` rows of items. */
const towerOf = (kinds: number, tasks = 1) => {
  const { user, item, config } = clubTower
  return declareTower(user, { ...item, bags: [{ ...item.bags[0], buckets: kinds }] }, tasks, config)
}

describe('memory of a training', () => {
  it.each([
    [1, 8, 3],
    [37, 1000, 1],
    [64, 40_000, 5],
  ])('is what a step of %i rows, %i kinds and %i tasks takes on the device, to the byte', (rows, kinds, tasks) => {
    const tower = towerOf(kinds, tasks)
    const { parts } = measureTraining(tower, rows, device.limits, false)
    const before = device.allocatedBytes
    const weights = new Weights(device, tower.set, true)
    const step = new TrainStep(device, tower, weights, rows, new Array(tasks).fill(1))
    expect(device.allocatedBytes - before).toBe(steadyBytes(tower, rows, false))
    expect(parts).toContainEqual({ what: 'table item.kind', sizeBytes: kinds * 32 })
    expect(parts).toContainEqual({ what: 'squares of item.kind', sizeBytes: Math.max(16, kinds * 4) })
    expect(step.plan.plannedBytes).toBe(parts.at(-1)!.sizeBytes)
    step.dispose()
    weights.dispose()
    expect(device.allocatedBytes).toBe(before)
  })

  it('counts the tower that teaches, to the byte', async () => {
    const schema: Schema = {
      version: 1,
      name: 'taught',
      user: 'user',
      item: 'item',
      time: { column: 'time', unit: 's' },
      fields: [
        { name: 'tier', of: 'user', type: 'id', buckets: 500 },
        { name: 'click', of: 'outcome', type: 'float' },
      ],
      tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
      aggregations: [],
      sequence: { length: 5, value: 'click', buckets: 100 },
    }
    const { user, item } = compileFeatures(schema)
    const tower = declareTower(user, item, 1, tinyModel)
    const matrices: Snapshot['matrices'] = new Map(
      tower.set
        .entries()
        .map(({ name, rows, cols }) => [name, { name, rows, cols, data: new Float32Array(rows * cols) }]),
    )
    const manifest = { config: tinyModel } as Snapshot['manifest']
    const snapshot = { directory: 'old', manifest, schema, matrices, alignment: null, items: null, panel: null }
    const before = device.allocatedBytes
    const weights = new Weights(device, tower.set, true)
    const teacher = Teacher.load(device, snapshot, { layout: user, rows: 37, weight: 1 })
    const step = new TrainStep(device, tower, weights, 37, [1], 0, teacher)
    expect(device.allocatedBytes - before).toBe(steadyBytes(tower, 37, true))
    for (const part of [step, teacher, weights]) part.dispose()
    expect(device.allocatedBytes).toBe(before)
  })

  it('that fits to the byte is let pass, and one byte less is told with the largest part', () => {
    const tower = towerOf(2 ** 20)
    const { totalBytes } = measureTraining(tower, 64, limits, false)
    expect(() => checkTrainingMemory(tower, 64, limits, totalBytes, false)).not.toThrow()
    const check = () => checkTrainingMemory(tower, 64, limits, totalBytes - 1, false)
    expect(check).toThrow(TrainingMemoryError)
    expect(check).toThrow(
      /needs 69 MiB, most of it, 33 MiB, for a publication, .*, over the 69 MiB that there are\. Give/,
    )
  })

  it('of a table that lies in four bindings is let pass; one that needs more is refused with its numbers', () => {
    // Four parts of 128 MiB are 2²⁴ rows of 32 bytes.
    expect(() => checkTrainingMemory(towerOf(2 ** 24), 64, limits, POSITIVE_INFINITY, false)).not.toThrow()
    const check = () => checkTrainingMemory(towerOf(2 ** 24 + 1), 64, limits, POSITIVE_INFINITY, false)
    expect(check).toThrow(TrainingMemoryError)
    expect(check).toThrow(
      /Table item\.kind: 16777217 rows of 32 bytes are 536870944 bytes, more than 4 bindings of at most 134217728/,
    )
  })

  it('of an activation that no binding holds is refused: a step has too many rows', () => {
    // 24 hidden units are 96 bytes a row, the widest there is.
    const most = { ...limits, maxStorageBufferBindingSize: 96 * 2 ** 15 }
    expect(() => checkTrainingMemory(towerOf(8), 2 ** 15, most, POSITIVE_INFINITY, false)).not.toThrow()
    const check = () => checkTrainingMemory(towerOf(8), 2 ** 15 + 1, most, POSITIVE_INFINITY, false)
    expect(check).toThrow(
      /needs 4 MiB for the largest input or activation of 32769 rows, over the 3 MiB that one binding .*batchRows/,
    )
  })

  it('of an input that no binding holds is refused, however small the activations are', () => {
    // Each of 100 clubs of a user has a group of 16 bytes: 1,600 a row.
    const { user, item, config } = clubTower
    const clubs = { ...user, bags: [{ ...user.bags[0], maxValues: 100 }] }
    const tower = declareTower(clubs, item, 1, config)
    const most = { ...limits, maxStorageBufferBindingSize: 1600 * 1024 }
    expect(() => checkTrainingMemory(tower, 1024, most, POSITIVE_INFINITY, false)).not.toThrow()
    const check = () => checkTrainingMemory(tower, 1025, most, POSITIVE_INFINITY, false)
    expect(check).toThrow(
      /needs 2 MiB for the largest input or activation of 1025 rows, over the 2 MiB that one binding/,
    )
  })

  it('of records of steps that no buffer holds is refused', () => {
    // 32 records of losses and weights, 16 bytes each a row, and of 32 bytes of rates: 1,024 · (rows + 1).
    const most = { ...limits, maxBufferSize: 2 ** 20, maxStorageBufferBindingSize: 2 ** 20 }
    expect(() => checkTrainingMemory(towerOf(8), 1023, most, POSITIVE_INFINITY, false)).not.toThrow()
    const check = () => checkTrainingMemory(towerOf(8), 1024, most, POSITIVE_INFINITY, false)
    expect(check).toThrow(
      /needs 2 MiB for the largest upload or record of 1024 rows, over the 1 MiB that one buffer .*batchRows/,
    )
  })
})
