/** The tower of packages/python against the reading version, on a snapshot of every kind of model. R rows. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures, type SideBatch, type SideLayout } from '@headwater/features'
import { type ModelConfig, presets } from '@headwater/runtime'
import * as reading from '@headwater/runtime/reading-version'
import {
  encodeSafetensors,
  promoteSnapshot,
  publishSnapshot,
  readSnapshot,
  type Snapshot,
  servedSnapshot,
  snapshotDirectory,
} from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { hasPython, runPython, temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { type TestModel, testModels } from '../testing/models.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { randomSnapshot } from '../testing/random-snapshot.ts'

const rows = 9
const { schema } = testModels['every extractor, attention bags, periodic, two blocks, two levels']
const models: Readonly<Record<string, TestModel>> = {
  ...testModels,
  small: { schema, config: presets.small, aligned: true },
  base: { schema: { ...schema, sequence: { ...schema.sequence!, length: 16 } }, config: presets.base, aligned: true },
}
const directory = temporaryDirectory()
beforeAll(() => publishModels())

/** As a panel may hold it: zeros behind the lengths. */
function tidied(layout: SideLayout, { dense, bags, sequence, ...batch }: SideBatch): SideBatch {
  const kept = <A extends Uint32Array | Float32Array>(array: A, lengths: Uint32Array, width: number, size = 1): A =>
    array.map((value, i) => (Math.floor(i / size) % width < lengths[Math.floor(i / size / width)] ? value : 0)) as A
  return {
    ...batch,
    dense,
    bags: bags.map(({ ids, lengths }, i) => ({ ids: kept(ids, lengths, layout.bags[i].maxValues), lengths })),
    sequence: sequence && {
      ids: kept(sequence.ids, sequence.lengths, layout.sequence!.length),
      channels: kept(sequence.channels, sequence.lengths, layout.sequence!.length, layout.sequence!.channels),
      lengths: sequence.lengths,
      categories: sequence.categories.map((ids) => kept(ids, sequence.lengths, layout.sequence!.length)),
    },
  }
}

test.each(['numpy', 'torch'] as const)('towers of every kind give its embeddings by %s', (library) => {
  if (!hasPython(library, `the tower of packages/python by ${library}`)) return
  const program = join(import.meta.dirname, '../../../python/tests/agreement.py')
  const { stdout, stderr, status } = runPython([program, directory, library])
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toContain(`${Object.keys(models).length} towers agree`)
  console.log(stdout.trim())
})

test('a tower that was changed in Python is published in the frame of the one before, and held', async () => {
  if (!hasPython('numpy', 'a publication by packages/python')) return
  const model = join(directory, Object.keys(models).find((name) => name.startsWith('every extractor'))!)
  const program = join(import.meta.dirname, '../../../python/tests/publishing.py')
  const { stdout, stderr } = runPython([program, model])
  expect(stderr).toBe('')
  // Held: what is served stays.
  expect(stdout).toMatch(/^4 1 3 (\S+) Over the panel's 9 users the residual is \1\.\n$/)
  const [before, after] = await Promise.all([3, 4].map((number) => readSnapshot(snapshotDirectory(model, number))))
  expect(after.manifest).toMatchObject({
    trainedRows: 1234,
    dataCutoffMs: 99_000_000,
    parent: 3,
    alignment: 'procrustes',
  })
  const { user } = compileFeatures(after.schema)
  const embeddings = ({ matrices, manifest, alignment }: Snapshot) =>
    Array.from({ length: rows }, (_, r) => {
      const own = reading.userTower(matrices, manifest.config as ModelConfig, reading.rowAt(user, after.panel!, r))
      return reading.published(own, alignment!.weight, alignment!.bias)
    })
  const [old, now] = [before, after].map(embeddings)
  const means = old[0].map((_, j) => old.reduce((sum, e) => sum + e[j] / rows, 0))
  const apart = Math.hypot(...now.flatMap((e, r) => e.map((value, j) => value - old[r][j])))
  const residual = apart / Math.hypot(...old.flatMap((e) => e.map((value, j) => value - means[j])))
  expect(residual).toBeGreaterThan(0.001)
  expect(residual).toBeCloseTo(Number(stdout.split(' ')[3]), 3)
  // A rotation, without a scale.
  const { weight, dim } = after.alignment!
  expect(Math.hypot(...weight) ** 2).toBeCloseTo(dim, 3)
  await promoteSnapshot(model, 4, true)
  expect(await servedSnapshot(model)).toBe(4)
})

/** A model's directory each, with the embeddings of its panel beside the snapshot. */
async function publishModels() {
  for (const [i, [name, model]] of Object.entries(models).entries()) {
    const random = seededRandom(i + 1)
    const { manifest, schema, matrices, alignment } = randomSnapshot(model, random)
    const { user } = compileFeatures(schema)
    const panel = tidied(user, randomBatch(user, rows, random))
    const home = join(directory, name)
    mkdirSync(home)
    const { format: _, ...about } = manifest
    await publishSnapshot(home, schema, [...matrices.values()], about, { alignment, panel })
    const expected = Array.from({ length: rows }, (_, r) => {
      const own = reading.userTower(matrices, model.config, reading.rowAt(user, panel, r))
      return alignment ? reading.published(own, alignment.weight, alignment.bias) : own
    })
    const data = Float32Array.from(expected.flat())
    const embeddings = { name: 'embeddings', rows, cols: expected[0].length, data }
    writeFileSync(join(home, 'expected.safetensors'), encodeSafetensors([embeddings], {}))
  }
}
