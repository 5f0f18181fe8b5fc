import { join } from 'node:path'
import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { requestDevice } from '@headwater/gpu'
import { declareTower } from '@headwater/runtime'
import { readServedSnapshot } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { defaultTraining } from '../options/training-options.ts'
import { RecurringTraining } from '../rounds/recurring-training.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { measureTraining, TrainingMemoryError } from './training-memory.ts'

const schema: Schema = {
  version: 1,
  name: 'memory',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 's' },
  fields: [
    { name: 'tier', of: 'user', type: 'id', buckets: 3000 },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [],
}
const space = compileFeatures(schema)

function events(from: number, to: number): LogEvent[] {
  const random = seededRandom(from)
  return Array.from({ length: to - from }, (_, i) => ({
    row: from + i,
    user: `u${random.nextBelow(700)}`,
    item: `i${random.nextBelow(20)}`,
    timeMs: 1.7e12 + (from + i) * 60_000,
    values: [`t${random.nextBelow(4)}`, random.nextBelow(2)],
  }))
}

it.each(['procrustes', 'both'] as const)(
  'what was counted is enough for rounds and publications, %s',
  async (alignment) => {
    const tower = declareTower(space.user, space.item, 1, tinyModel)
    const counting = await requestDevice({ label: 'counting' })
    const { totalBytes } = measureTraining(tower, 128, counting.limits, alignment === 'both')
    counting.destroy()
    const device = await requestDevice({ label: 'small', memoryBudgetBytes: totalBytes })
    const make = () =>
      new RecurringTraining(device, space, join(temporaryDirectory(), 'examples'), {
        ...defaultTraining,
        config: tinyModel,
        seed: 1,
        batchRows: 128,
        publication: {
          ...defaultTraining.publication,
          alignment,
          gate: { ...defaultTraining.publication.gate, minRows: 1e9 },
        },
      })
    const training = make()
    const model = temporaryDirectory()
    for (const from of [0, 1000, 2000]) {
      training.feed(events(from, from + 1000))
      await training.round()
      await training.publish(model)
    }
    const { manifest } = await readServedSnapshot(model)
    expect(manifest).toMatchObject({ snapshot: 3, parent: 2, alignment })
    training.dispose()
    const taken = device.buffer('taken', 16, GPUBufferUsage.COPY_DST)
    expect(make).toThrow(TrainingMemoryError)
    device.release(taken)
    device.destroy()
  },
)
