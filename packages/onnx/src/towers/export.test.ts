/** Exported models in ONNX Runtime against the reading version. Shape letters: R rows, J = K·D numbers of a user, T tasks. */

import { compileFeatures } from '@headwater/features'
import { snapshotConfig } from '@headwater/runtime'
import * as reading from '@headwater/runtime/reading-version'
import type { AffineMap, Snapshot } from '@headwater/snapshot'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { describe, expect, test } from 'vitest'
import { exportMixTower, exportUserTower, inputArrays } from '../index.ts'
import { testModels } from '../testing/models.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { randomSnapshot } from '../testing/random-snapshot.ts'
import { openModel } from '../testing/session.ts'

/** Within 1e-4 of the largest number, or of 1: cross layers without a norm behind them make large ones. */
function expectClose(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length)
  const gaps = expected.map((value, i) => Math.abs(found[i] - value))
  expect(gaps.every(Number.isFinite)).toBe(true)
  expect(Math.max(...gaps)).toBeLessThan(1e-4 * Math.max(1, ...expected.map(Math.abs)))
}

const publish = (e: readonly number[], map: AffineMap | null) => (map ? reading.published(e, map.weight, map.bias) : e)

async function checkUserTower(snapshot: Snapshot, batchRows: readonly number[], random: SeededRandom): Promise<void> {
  const { user } = compileFeatures(snapshot.schema)
  const config = snapshotConfig(snapshot)
  const session = await openModel(exportUserTower(snapshot))
  for (const rows of batchRows) {
    const batch = randomBatch(user, rows, random)
    const inputs = inputArrays(user, batch)
    expect([...inputs.keys()]).toEqual(session.inputNames)
    const { embeddings } = await session.run(inputs)
    expect(embeddings.dims).toEqual([rows, config.embeddings.count * config.embeddings.width])
    const expected = Array.from({ length: rows }, (_, r) =>
      publish(reading.userTower(snapshot.matrices, config, reading.rowAt(user, batch, r)), snapshot.alignment),
    )
    expectClose(embeddings.data, expected.flat())
  }
  await session.release()
}

async function checkMixTower(snapshot: Snapshot, batchRows: readonly number[], random: SeededRandom): Promise<void> {
  const { item } = compileFeatures(snapshot.schema)
  const config = snapshotConfig(snapshot)
  const J = config.embeddings.count * config.embeddings.width
  const session = await openModel(exportMixTower(snapshot))
  for (const rows of batchRows) {
    const batch = randomBatch(item, rows, random)
    const own = Array.from({ length: rows }, () => Array.from({ length: J }, () => random.nextNormal()))
    const published = Float32Array.from(own.flatMap((e) => publish(e, snapshot.alignment)))
    const embeddings = { type: 'float32', data: published, dims: [rows, J] } as const
    const inputs = new Map([['embeddings', embeddings], ...inputArrays(item, batch)])
    expect([...inputs.keys()]).toEqual(session.inputNames)
    const { logits, probabilities } = await session.run(inputs)
    expect(logits.dims).toEqual([rows, snapshot.schema.tasks.length])
    const expected = own.flatMap((e, r) =>
      reading.mixTower(snapshot.matrices, config, e, reading.rowAt(item, batch, r)),
    )
    expectClose(logits.data, expected)
    expect(probabilities.dims).toEqual(logits.dims)
    const chances = expected.map((logit) => 1 / (1 + Math.exp(-logit)))
    expectClose(probabilities.data, chances)
  }
  await session.release()
}

describe.each(Object.entries(testModels))('%s', (_, model) => {
  const random = seededRandom(11)
  const snapshot = randomSnapshot(model, random)
  test('the user tower gives published embeddings', () => checkUserTower(snapshot, [1, 2, 7, 33], random))
  test('the mix tower takes them back and predicts', () => checkMixTower(snapshot, [1, 5, 17], random))
})
