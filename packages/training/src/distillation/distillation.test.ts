/** A teacher inside training steps: its gradient, what it does to a model's snapshots, and what cannot teach. */
import { join } from 'node:path'
import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { declareTower, type ModelConfig, Weights } from '@headwater/runtime'
import * as reading from '@headwater/runtime/reading-version'
import { readServedSnapshot, readSnapshot, type Snapshot, servedSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allocateExamples } from '../examples/training-batch.ts'
import type { PublicationOptions } from '../options/publication-options.ts'
import { defaultTraining } from '../options/training-options.ts'
import { RecurringTraining } from '../rounds/recurring-training.ts'
import { TrainStep } from '../step/train-step.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { DistillationError } from './distillation-error.ts'
import { Teacher } from './teacher.ts'

const schema: Schema = {
  version: 1,
  name: 'distillation',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 's' },
  fields: [
    { name: 'tier', of: 'user', type: 'id', buckets: 8 },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [
    { name: 'user-mean', of: 'user', kind: 'mean', value: 'click', prior: 0.4 },
    { name: 'user-count', of: 'user', kind: 'count' },
  ],
  sequence: { length: 3, value: 'click', buckets: 16 },
  itemBuckets: 32,
}
const space = compileFeatures(schema)

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'distillation tests' })
})
afterAll(() => device.destroy())

/** Users of even numbers click four times in five until row `turn`, and once in five from then on. */
function events(from: number, to: number, turn = to): LogEvent[] {
  const random = seededRandom(1)
  return Array.from({ length: to }, (_, row) => {
    const [user, item] = [random.nextBelow(60), random.nextBelow(20)]
    const clicks = random.nextFloat() < ((user % 2 === 0) === row < turn ? 0.8 : 0.2) ? 1 : 0
    return { row, user: `u${user}`, item: `i${item}`, timeMs: 1.7e12 + row * 60_000, values: [`t${user % 4}`, clicks] }
  }).slice(from)
}

describe('the gradient of its loss', () => {
  const R = 9
  const weight = 0.7
  const randomize = (of: Weights, seed: number) => {
    const random = seededRandom(seed)
    for (const { name, rows, cols } of of.set.entries())
      of.write(
        name,
        Float32Array.from({ length: rows * cols }, () => 0.4 * random.nextNormal()),
      )
  }
  const tensorsOf = async (of: Weights) => {
    const tensors = new Map<string, { name: string; rows: number; cols: number; data: Float32Array }>()
    for (const { name, rows, cols } of of.set.entries())
      tensors.set(name, { name, rows, cols, data: await of.read(name) })
    return tensors
  }
  const still = { dense: 0, tables: 0, weightDecay: 0 }
  const { dropout: _, ...config }: ModelConfig = tinyModel

  it.each([R, 5])('is that of λ · mean (x − t)², for %i rows of 9', async (rows) => {
    const tower = declareTower(space.user, space.item, 1, config)
    const weights = new Weights(device, tower.set, true)
    randomize(weights, 1)
    const old = declareTower(space.user, space.item, 1, config)
    const oldWeights = new Weights(device, old.set, false)
    randomize(oldWeights, 2)
    const matrices: Snapshot['matrices'] = await tensorsOf(oldWeights)
    const manifest = { snapshot: 4, config } as Snapshot['manifest']
    const snapshot = { directory: 'old', manifest, schema, matrices, alignment: null, items: null, panel: null }
    const teacher = Teacher.load(device, snapshot, { layout: space.user, rows: R, weight })
    const step = new TrainStep(device, tower, weights, R, [1], 0, teacher)

    const batch = allocateExamples(space, R)
    const random = seededRandom(rows)
    for (let i = 0; i < batch.user.dense.length; i++) batch.user.dense[i] = random.nextNormal()
    for (const { ids, lengths } of batch.user.bags) {
      for (let i = 0; i < ids.length; i++) ids[i] = random.nextBelow(8)
      lengths.fill(1)
    }
    // No label weighs anything, so that all of the gradient is the teacher's.
    await step.run({ ...batch, rows }, 1, 1, still)
    await step.takeSums()

    const unlabelled = { logits: [], labels: [], weights: [] }
    const lossOf = (tensors: reading.Tensors) => {
      const users = Array.from({ length: rows }, (_, r) => reading.rowAt(space.user, batch.user, r))
      const outcomes = users.map((user) => ({
        ...unlabelled,
        embeddings: reading.userTower(tensors, config, user),
        teacher: reading.userTower(matrices, config, user),
      }))
      return reading.loss(config, outcomes, { rows: R, taskWeights: [], distillation: weight })
    }
    const tensors = await tensorsOf(weights)
    expect(lossOf(tensors)).toBeGreaterThan(0.1)
    let checked = 0
    for (const parameter of tower.set.parameters.filter(({ name }) => name.startsWith('user.'))) {
      const { name, rows: r, cols } = parameter
      const { storage, stride } = weights.gradientOf(parameter)
      const packed = new Float32Array(await device.read(storage.buffer!, r * stride * 4, storage.offsetBytes))
      const gradient = Float32Array.from(
        { length: r * cols },
        (_, i) => packed[Math.floor(i / cols) * stride + (i % cols)],
      )
      const square = gradient.reduce((sum, value) => sum + value ** 2, 0)
      if (square === 0) continue
      const tensor = tensors.get(name)!
      const lossAt = (move: number) => {
        const data = Float64Array.from(tensor.data, (value, i) => value + move * gradient[i])
        const moved = { ...tensor, data }
        return lossOf(new Map<string, typeof tensor | typeof moved>([...tensors, [name, moved]]))
      }
      const h = 1e-4 / Math.sqrt(square)
      const slope = (lossAt(h) - lossAt(-h)) / (2 * h)
      expect(slope / square, name).toBeCloseTo(1, 4)
      checked++
    }
    expect(checked).toBeGreaterThanOrEqual(5)
    step.dispose()
    teacher.dispose()
    weights.dispose()
    oldWeights.dispose()
  })
})

const lenient = { ...defaultTraining.publication.gate, minRows: 1e9, maxResidual: 1e9, maxNormRatio: 1e9 }

function training(change: Partial<PublicationOptions>, config = tinyModel) {
  return new RecurringTraining(device, space, join(temporaryDirectory(), 'examples'), {
    ...defaultTraining,
    config,
    seed: 1,
    batchRows: 128,
    firstRates: { dense: 1e-2, tables: 0.1, weightDecay: 0.01 },
    roundRates: { dense: 1e-2, tables: 0.1, weightDecay: 0.01 },
    publication: { ...defaultTraining.publication, panelUsers: 40, gate: lenient, ...change },
  })
}

/** Publishes two rounds; in the second, users do the opposite. */
async function twoSnapshots(change: Partial<PublicationOptions>) {
  const model = temporaryDirectory()
  const one = training(change)
  const manifests = []
  for (const [from, to] of [
    [0, 1500],
    [1500, 3000],
  ]) {
    one.feed(events(from, to, 1500))
    await one.round()
    manifests.push((await one.publish(model)).manifest)
  }
  one.dispose()
  return { model, manifests }
}

describe('a model whose snapshots teach', () => {
  it('moves less from one to the next, the more the teacher weighs, and less still when rotated', async () => {
    const cosines: number[] = []
    for (const distillationWeight of [0, 1, 100]) {
      const { manifests } = await twoSnapshots({ alignment: 'distillation', distillationWeight })
      expect(manifests.map(({ alignment }) => alignment)).toEqual(['none', 'distillation'])
      expect(manifests[1].panel!.unalignedResidual).toBe(manifests[1].panel!.residual)
      cosines.push(manifests[1].panel!.centredCosine)
    }
    expect(cosines[1]).toBeGreaterThan(cosines[0] + 0.01)
    expect(cosines[2]).toBeGreaterThan(cosines[1])
    expect(cosines[2]).toBeGreaterThan(0.99)

    const { model, manifests } = await twoSnapshots({ alignment: 'both', distillationWeight: 1 })
    expect(manifests.map(({ alignment }) => alignment)).toEqual(['none', 'both'])
    const { panel } = manifests[1]
    expect(panel!.residual).toBeLessThan(panel!.unalignedResidual)
    expect((await readServedSnapshot(model)).alignment).not.toBeNull()
  })

  it('at no weight is the model without a teacher, bit for bit', async () => {
    const weightsOf = async (alignment: 'none' | 'distillation') => {
      const { model } = await twoSnapshots({ alignment, distillationWeight: 0 })
      return [...(await readSnapshot(snapshotDirectory(model, 2))).matrices.values()]
    }
    expect(await weightsOf('distillation')).toEqual(await weightsOf('none'))
  })

  it('is not taught by one with other embeddings, and stays as it was', async () => {
    const model = temporaryDirectory()
    const first = training({})
    first.feed(events(0, 600))
    await first.round()
    await first.publish(model)
    first.dispose()
    const wider = { ...tinyModel, embeddings: { ...tinyModel.embeddings, width: 16 } }
    const other = training({ alignment: 'distillation' }, wider)
    other.teachFrom(model)
    other.feed(events(0, 600))
    await expect(other.round()).rejects.toThrow(DistillationError)
    await expect(other.round()).rejects.toThrow(/it has 2 embeddings of 8 numbers a user, the tower .* 2 of 16\./)
    expect(await servedSnapshot(model)).toBe(1)
    other.dispose()
  })
})
