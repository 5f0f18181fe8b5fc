/** An exported tower, taken in again as one that was made elsewhere: the proposed map feeds it what it was made for. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openTowerSource, proposeMap, readModelFacts, readTowerSource } from '@headwater/external'
import { compileFeatures } from '@headwater/features'
import { snapshotConfig } from '@headwater/runtime'
import * as reading from '@headwater/runtime/reading-version'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { exportUserTower } from '../index.ts'
import { testModels } from '../testing/models.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { randomSnapshot } from '../testing/random-snapshot.ts'

test.each([
  'every extractor, attention bags, periodic, two blocks, two levels',
  'a memory that shares its items, of residuals, beside sums',
  'few features, no norm',
])('%s', async (name) => {
  const random = seededRandom(5)
  const snapshot = randomSnapshot({ ...testModels[name], aligned: false }, random)
  const { schema, matrices } = snapshot
  const directory = temporaryDirectory()
  const [model, mapPath] = ['tower.onnx', 'map.json'].map((file) => join(directory, file))
  writeFileSync(model, exportUserTower(snapshot))
  const map = proposeMap(await readModelFacts(model), schema)
  expect(Object.values(map.inputs)).not.toContain(null)
  writeFileSync(mapPath, JSON.stringify(map))
  const { tower } = await openTowerSource(await readTowerSource(model, mapPath, schema))
  const { user } = compileFeatures(schema)
  const batch = randomBatch(user, 7, random)
  const found = await tower.encode(batch)
  await tower.dispose()
  const config = snapshotConfig(snapshot)
  const expected = Array.from({ length: 7 }, (_, r) =>
    reading.userTower(matrices, config, reading.rowAt(user, batch, r)),
  ).flat()
  expect(found).toHaveLength(expected.length)
  const bound = 1e-4 * Math.max(1, ...expected.map(Math.abs))
  for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(bound)
})
