import { join } from 'node:path'
import { type ImportedTower, openTowerSource, readTowerSource } from '@headwater/external'
import {
  dailyMap,
  type SmallTower,
  shopEvents,
  shopItems,
  shopSchema,
  smallTower,
  turned,
  width,
  writeSmallTower,
} from '@headwater/external/testing/small-tower'
import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { requestDevice } from '@headwater/gpu'
import { promoteSnapshot, readPanel, readSnapshot, servedSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { ExampleFeed } from '../examples/example-feed.ts'
import { PanelSampler } from '../examples/panel-sampler.ts'
import { defaultPublication } from '../options/publication-options.ts'
import { defaultTraining } from '../options/training-options.ts'
import { RecurringTraining } from '../rounds/recurring-training.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { compareSnapshots } from './compare-snapshots.ts'
import { publishExternal } from './publish-external.ts'
import { snapshotTower } from './snapshot-tower.ts'

const space = compileFeatures(shopSchema)
const startMs = 1_700_000_000_000
const hourMs = 3_600_000
const options = { ...defaultPublication, gate: { ...defaultPublication.gate, minRows: 100 } }

/** With tables that a tower of ours can have. */
const trainable: Schema = {
  ...shopSchema,
  fields: shopSchema.fields.map((field) => (field.buckets === undefined ? field : { ...field, buckets: 64 })),
  sequence: { ...shopSchema.sequence!, buckets: 4096 },
}

function events(): LogEvent[] {
  return shopEvents(seededRandom(3)).map(({ user, item, timeS, age, bought }, row) => {
    return { row, user, item, timeMs: 1000 * timeS, values: [age, null, null, bought] }
  })
}

/** The tower in coordinates that were turned, its vocabulary in another order. */
function turnedAndReversed(tower: SmallTower): SmallTower {
  const { table, weight } = turned(tower)
  const reversed = table.slice()
  for (const place of shopItems.keys())
    reversed.set(table.subarray((2 + place) * width, (3 + place) * width), (shopItems.length + 1 - place) * width)
  return { table: reversed, weight }
}

async function imported(tower: SmallTower, items = shopItems, schema: Schema = shopSchema): Promise<ImportedTower> {
  const directory = temporaryDirectory()
  const model = writeSmallTower(directory, tower, {}, dailyMap, items)
  return openTowerSource(await readTowerSource(model, join(directory, 'map.json'), schema))
}

const device = () => Promise.reject(new Error('no tower of ours is to be loaded'))
const model = join(temporaryDirectory(), 'model')
let feed: ExampleFeed

beforeAll(() => {
  feed = new ExampleFeed(space, join(temporaryDirectory(), 'examples'), new PanelSampler(50, 1))
  feed.feed(events())
  return () => feed.close()
})

async function publish(tower: ImportedTower, on: ExampleFeed | null, trainedUntilMs: number | null = null) {
  const candidate = { imported: tower, space, feed: on, trainedUntilMs, device }
  const published = await publishExternal(candidate, model, options)
  await tower.tower.dispose()
  return published
}

test('towers that were made elsewhere follow each other, lined up and judged by heads of their own', async () => {
  const first = await publish(await imported(smallTower(1)), feed)
  expect(first.manifest).toMatchObject({ snapshot: 1, frame: 1, parent: null, alignment: 'none', panel: null })
  expect(first.manifest.verdict.status).toBe('published')
  expect(first.manifest.log).toEqual({ rows: 1200, digest: feed.digest.hex })
  expect(first.manifest.dataCutoffMs).toBe(startMs + 1199 * hourMs)
  expect(first.manifest.verdict.notes.join()).toContain('may know the rows')
  expect(first.check.known).toEqual({ items: 1 })

  // Until row 999 it was trained: the 200 rows behind are held back.
  const next = await imported(turnedAndReversed(smallTower(1)), shopItems.toReversed())
  const second = await publish(next, feed, startMs + 999 * hourMs)
  const { panel, forward } = second.manifest
  expect(second.manifest).toMatchObject({ snapshot: 2, frame: 1, parent: 1, alignment: 'procrustes' })
  expect(panel!.unalignedResidual).toBeGreaterThan(0.5)
  expect(panel!.residual).toBeLessThan(1e-4)
  expect(forward!.rows).toBe(200)
  const [task] = forward!.tasks
  // A head does not care how vectors are turned.
  expect(task.ne).toBeCloseTo(task.parentNe!, 3)
  expect(task.ne).toBeLessThan(1.05)
  expect(second.manifest.verdict).toMatchObject({ status: 'published', notes: [] })
  expect(await servedSnapshot(model)).toBe(2)

  const rows = (await readPanel(await readSnapshot(first.directory)))!.rows
  const [before, after] = await Promise.all(
    [first, second].map(async ({ directory }) => {
      const tower = await snapshotTower(device, await readSnapshot(directory))
      const vectors = await tower.encode(rows)
      await tower.dispose()
      return vectors
    }),
  )
  for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 3)
})

test('without a log a tower is compared on the panel of the served one, which users can be forgotten in', async () => {
  const served = (await readPanel(await readSnapshot(join(model, 'snapshot-000002'))))!
  const { manifest, directory } = await publish(await imported(smallTower(9)), null, startMs)
  expect(manifest).toMatchObject({ snapshot: 3, frame: 3, parent: 2, forward: null, dataCutoffMs: startMs })
  expect(manifest.verdict.status).toBe('held')
  expect(manifest.verdict.reasons).toEqual([expect.stringMatching(/^Panel residual is /)])
  expect(await servedSnapshot(model)).toBe(2)
  const panel = (await readPanel(await readSnapshot(directory)))!
  expect(panel.users).toEqual(served.users)
  expect(panel.rows).toEqual(served.rows)
})

test('towers of ours and from elsewhere follow each other in one model', async () => {
  const gpu = await requestDevice({ label: 'external towers beside ours' })
  const mixed = join(temporaryDirectory(), 'model')
  const own = compileFeatures(trainable)
  const judging = new ExampleFeed(own, join(temporaryDirectory(), 'examples'), new PanelSampler(50, 1))
  const training = new RecurringTraining(gpu, own, join(temporaryDirectory(), 'examples'), {
    ...defaultTraining,
    seed: 1,
    config: {
      ...tinyModel,
      embeddings: { ...tinyModel.embeddings, count: 1, width },
      mix: { ...tinyModel.mix, interaction: { kind: 'grouped', dots: 1 } },
    },
    batchRows: 128,
    publication: options,
  })
  try {
    judging.feed(events())
    training.feed(events())
    await training.round()
    expect((await training.publish(mixed)).manifest.snapshot).toBe(1)

    const theirs = await imported(smallTower(1), shopItems, trainable)
    const candidate = { imported: theirs, space: own, feed: judging, trainedUntilMs: null, device: async () => gpu }
    const { manifest } = await publishExternal(candidate, mixed, options)
    await theirs.tower.dispose()
    // Both have heads that were fitted for them here.
    expect(manifest).toMatchObject({ snapshot: 2, parent: 1, alignment: 'procrustes' })
    expect(manifest.panel!.users).toBeGreaterThan(20)
    expect(manifest.forward!.tasks[0].parentNe).toBeGreaterThan(0.5)
    if (manifest.verdict.status === 'held') await promoteSnapshot(mixed, 2, true)

    const after = (await training.publish(mixed)).manifest
    expect(after).toMatchObject({ snapshot: 3, parent: 2, alignment: 'procrustes' })
    expect(after.panel!.users).toBeGreaterThan(20)
    expect(after.forward!.tasks[0].parentNe).toBeNull()
    expect(after.verdict.notes).toContainEqual(expect.stringContaining('made elsewhere'))

    const [first, second, third] = await Promise.all([1, 2, 3].map((n) => readSnapshot(snapshotDirectory(mixed, n))))
    const { panel, config } = await compareSnapshots(async () => gpu, second, third)
    const { unalignedResidual: _, ...measured } = after.panel!
    expect(panel!.residual).toBeCloseTo(measured.residual, 3)
    expect(config.some(({ path }) => path.startsWith('map.inputs'))).toBe(true)
    expect((await compareSnapshots(async () => gpu, first, second)).panel!.residual).toBeCloseTo(
      manifest.panel!.residual,
      3,
    )
  } finally {
    training.dispose()
    judging.close()
    gpu.destroy()
  }
})
