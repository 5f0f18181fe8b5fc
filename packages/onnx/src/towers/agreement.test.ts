/**
 * Model = export = reference: random models through a step of training and a publication, and then one and the same rows
 * through our encoder, scorer and served mix tower, ONNX Runtime and the reading version.
 * Shape letters: R rows, J numbers of a user's embeddings, T tasks.
 */
import { compileFeatures, EventError, type FeatureSpace, type SideBatch } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { declareTower, loadMixTower, loadUserTower, Weights, writeWeights } from '@headwater/runtime'
import * as reading from '@headwater/runtime/reading-version'
import { readSnapshot, type Snapshot } from '@headwater/snapshot'
import type { SeededRandom } from '@headwater/statistics'
import { fuzz, temporaryDirectory } from '@headwater/testkit'
import { defaultTraining, RecurringTraining, Scorer } from '@headwater/training'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exportMixTower, exportUserTower, inputArrays } from '../index.ts'
import { type DrawnModel, drawEvents, drawModel } from '../testing/draw-model.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { openModel } from '../testing/session.ts'

/** Of the fuzz target, or of a run of all tests. */
const models = Number(process.env.HEADWATER_FUZZ_MODELS ?? 20)
/** Models a test, so that each ends in time. */
const together = 20
const rows = 7
const events = 12

const directory = temporaryDirectory()
let device: GpuDevice
let drawn = 0
let checked = 0
let largest = 0
beforeAll(async () => {
  device = await requestDevice({ label: 'agreement tests' })
})
afterAll(() => {
  device.destroy()
  console.log(
    `${checked} models: training, encoder, ONNX and reading version agree within ${largest.toFixed(2)} of the tolerance`,
  )
})

function expectClose(found: ArrayLike<number>, wanted: readonly number[], what: string): void {
  expect(found.length, what).toBe(wanted.length)
  for (const [i, value] of wanted.entries()) {
    const share = Math.abs(found[i] - value) / (1e-4 + 1e-4 * Math.abs(value))
    expect(share, `${what}, number ${i}: ${found[i]}, wanted ${value}`).toBeLessThanOrEqual(1)
    largest = Math.max(largest, share)
  }
}

/** One step of training, and a snapshot; half of the models have one before it, with which the other is lined up. */
async function trained({ schema, config }: DrawnModel, space: FeatureSpace, random: SeededRandom): Promise<Snapshot> {
  const path = `${directory}/${++drawn}`
  const { publication } = defaultTraining
  const training = new RecurringTraining(device, space, `${path}-examples`, {
    ...defaultTraining,
    config,
    seed: drawn,
    batchRows: 16,
    firstEpochs: 1,
    publication: { ...publication, heldBackShare: 0 },
  })
  try {
    training.feed(drawEvents(schema, events, random))
    const [spoiled] = drawEvents(schema, 1, random)
    const field = schema.fields.findIndex(({ type }) => type === 'float')
    const values = spoiled.values.with(field, [Number.NaN, Number.POSITIVE_INFINITY][random.nextBelow(2)])
    expect(() => training.feed([{ ...spoiled, row: 99, timeMs: 1e9, values }])).toThrow(EventError)
    if (random.nextBelow(2)) await training.publish(path)
    expect(await training.round()).toMatchObject({ steps: 1, skipped: 0 })
    return await readSnapshot((await training.publish(path)).directory)
  } finally {
    training.dispose()
  }
}

/** What the runtime gives: published embeddings [R, J], and logits of both towers and the mix tower's probabilities [R, T]. */
async function served(
  snapshot: Snapshot,
  config: DrawnModel['config'],
  space: FeatureSpace,
  user: SideBatch,
  item: SideBatch,
) {
  const T = snapshot.schema.tasks.length
  const loaded = loadUserTower(device, snapshot)
  const mix = await loadMixTower(snapshot, { device })
  const tower = declareTower(space.user, space.item, T, config)
  const weights = new Weights(device, tower.set, false)
  writeWeights(weights, snapshot)
  const scorer = new Scorer(device, tower, weights, rows)
  try {
    const labels = {
      labels: new Uint8Array(rows * T),
      labelWeights: new Float32Array(rows * T),
      timeMs: new Float64Array(rows),
    }
    const bad = { ...user, dense: user.dense.slice() }
    const column = space.user.dense.length - 1
    bad.dense[2 * space.user.dense.length + column] = Number.NEGATIVE_INFINITY
    const refusal = { name: 'BatchNumberError', row: 2, feature: space.user.dense[column] }
    await expect(loaded.encoder.encode(bad)).rejects.toMatchObject(refusal)
    await expect(scorer.score({ rows, user: bad, item, ...labels })).rejects.toMatchObject(refusal)
    const embeddings = await loaded.encoder.encode(user)
    const logits = await scorer.score({ rows, user, item, ...labels })
    return { embeddings, logits, probabilities: await mix.predict(embeddings, item) }
  } finally {
    mix.dispose()
    scorer.dispose()
    weights.dispose()
    loaded.dispose()
  }
}

async function exported(snapshot: Snapshot, space: FeatureSpace, user: SideBatch, item: SideBatch) {
  const [userModel, mixModel] = await Promise.all(
    [exportUserTower, exportMixTower].map((make) => openModel(make(snapshot))),
  )
  const { embeddings } = await userModel.run(inputArrays(space.user, user))
  const published = { type: 'float32', data: embeddings.data, dims: embeddings.dims } as const
  const { logits, probabilities } = await mixModel.run(
    new Map([['embeddings', published], ...inputArrays(space.item, item)]),
  )
  await Promise.all([userModel.release(), mixModel.release()])
  return { embeddings: embeddings.data, logits: logits.data, probabilities: probabilities.data }
}

async function check(model: DrawnModel, random: SeededRandom): Promise<void> {
  const space = compileFeatures(model.schema)
  const snapshot = await trained(model, space, random)
  const [user, item] = [randomBatch(space.user, rows, random), randomBatch(space.item, rows, random)]
  const { matrices, alignment } = snapshot
  const own = Array.from({ length: rows }, (_, r) =>
    reading.userTower(matrices, model.config, reading.rowAt(space.user, user, r)),
  )
  const embeddings = own.flatMap((e) => (alignment ? reading.published(e, alignment.weight, alignment.bias) : e))
  const logits = own.flatMap((e, r) => reading.mixTower(matrices, model.config, e, reading.rowAt(space.item, item, r)))
  const probabilities = logits.map((logit) => 1 / (1 + Math.exp(-logit)))
  for (const [name, found] of [
    ['runtime', await served(snapshot, model.config, space, user, item)],
    ['ONNX', await exported(snapshot, space, user, item)],
  ] as const) {
    expectClose(found.embeddings, embeddings, `embeddings of ${name}`)
    expectClose(found.logits, logits, `logits of ${name}`)
    expectClose(found.probabilities, probabilities, `probabilities of ${name}`)
  }
  checked++
}

for (let first = 1; first <= models; first += together) {
  const runs = Math.min(together, models - first + 1)
  test(`models ${first} to ${first + runs - 1}`, () => fuzz(drawModel, check, { firstSeed: first, runs }))
}
