import { join } from 'node:path'
import { openTowerSource, readTowerSource } from '@headwater/external'
import { shopSchema, smallTower, writeSmallTower } from '@headwater/external/testing/small-tower'
import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { publishSnapshot, snapshotDigest, snapshotDirectory } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import type { DownstreamArmPlan } from '../lab/arms/downstream-arm.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { importedExperiment } from './imported.ts'

const model = join(temporaryDirectory(), 'model')

/** Events at 0, 10, 10, 20 … ms, two a moment but for the first. */
async function* events(): AsyncGenerator<LogEvent[]> {
  for (let row = 0; row < 9; row++)
    yield [{ row, user: 'u', item: 'i', timeMs: 10 * Math.ceil(row / 2), values: [null, null, null, 1] }]
}

const labOf = (schema: Schema) =>
  ({
    log: { events },
    space: compileFeatures(schema),
    settings: { refreshDelayMs: 1000 },
    family: [{ name: 'ranking', unseen: false }],
  }) as unknown as LabLog

beforeAll(async () => {
  const directory = temporaryDirectory()
  const path = writeSmallTower(directory, smallTower(1))
  const { tower, record, files } = await openTowerSource(
    await readTowerSource(path, join(directory, 'map.json'), shopSchema),
  )
  await tower.dispose()
  // Of two up to one time the later takes over at once, one that is held never, and one behind the log's end not in it.
  for (const [i, [dataCutoffMs, status]] of (
    [
      [5, 'published'],
      [5, 'published'],
      [10, 'held'],
      [20, 'published'],
      [40, 'published'],
    ] as const
  ).entries()) {
    const verdict = { status, reasons: [], notes: [] }
    const about = { snapshot: i + 1, frame: 1, dataCutoffMs, trainedRows: 0, config: {}, external: record, verdict }
    await publishSnapshot(model, shopSchema, [], about, { tower: files })
  }
})

test('an imported snapshot is served from behind the last row that it depends on', async () => {
  const lab = labOf(shopSchema)
  const experiment = await importedExperiment(model, lab)
  const arms = experiment.arms(lab, 1)
  expect(arms.map(({ name }) => name)).toEqual(['without', 'features', 'asynchronous', 'imported'])
  const { imported } = arms[3].settings as Pick<DownstreamArmPlan, 'imported'>
  expect(imported!.publications).toEqual([
    { row: 1, publishedMs: 5, snapshot: 'snapshot-000002', frame: 1 },
    { row: 5, publishedMs: 20, snapshot: 'snapshot-000004', frame: 1 },
  ])
  expect(imported!.digests).toEqual(
    await Promise.all([2, 4].map((number) => snapshotDigest(snapshotDirectory(model, number)))),
  )
})

test('snapshots of another schema, and none that can be served in time, are refused', async () => {
  const { aggregations: _, ...rest } = shopSchema
  await expect(importedExperiment(model, labOf({ ...rest, aggregations: [] }))).rejects.toThrow(/another schema/)
  await expect(importedExperiment(join(model, 'none'), labOf(shopSchema))).rejects.toThrow(/--trained-until/)
})
