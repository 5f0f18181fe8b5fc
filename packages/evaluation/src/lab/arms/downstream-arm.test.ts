/** When a model predicts with what it has learnt. */
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stepRows } from '../../downstream/family.ts'
import { servedArm } from '../../experiments/common-arms.ts'
import { itemVectors } from '../../experiments/item-vectors.ts'
import { silent } from '../../testing/small-job.ts'
import { readSmallLab } from '../../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../../testing/small-log.ts'
import { LabCache } from '../cache/lab-cache.ts'
import type { LabLog } from '../log/lab-log.ts'
import { labOf } from '../upstream/variant.ts'
import { latestAlone, setupColumn } from './downstream-arm.ts'

let device: GpuDevice
let lab: LabLog

beforeAll(async () => {
  device = await requestDevice()
  lab = await readSmallLab(memoryLog(smallSchema, smallEvents(1500, 7)))
})

afterAll(() => device.destroy())

test('by a split in time it predicts as it did when the test window began, and otherwise learns on', async () => {
  const setups = [
    { ...latestAlone, name: 'live' },
    { ...latestAlone, name: 'split', deployment: { kind: 'once' } },
    { ...latestAlone, name: 'last', deployment: { kind: 'publications', every: 2 } },
  ] as const
  const arm = servedArm(lab, 1, { name: 'served', title: 'served', source: 'tower', models: ['sparse'], setups })
  const context = { device, lab, stages: silent, signal: undefined }
  const { columns } = await new LabCache(temporaryDirectory(), lab, 'a test').run(arm, context)
  const live = columns[setupColumn('live', 'sparse')]
  const firstDifference = (setup: string) =>
    columns[setupColumn(setup, 'sparse')].findIndex((logit, i) => logit !== live[i])
  // Weights are those of a step's begin: in it nothing differs, and behind it there is something new to have learnt.
  const first = firstDifference('split')
  expect(first).toBeGreaterThan(0)
  expect(first).toBeLessThanOrEqual(stepRows)
  // Of three publications the first and the last deploy the model, at other rows than the test window's first.
  expect(columns[setupColumn('last', 'sparse')]).not.toEqual(columns[setupColumn('split', 'sparse')])
})

test('meets item vectors of the snapshot, of one before, or of its own, each with other predictions', async () => {
  const context = { device, lab, stages: silent, signal: undefined }
  const cache = new LabCache(temporaryDirectory(), lab, 'a test')
  const arms = itemVectors.arms(lab, 1).filter(({ name }) => name !== 'without')
  const { config } = labOf(lab, arms[0].upstream!.variant).settings
  const columns = new Map<string, Float32Array>()
  for (const arm of arms) columns.set(arm.name, (await cache.run(arm, context)).columns.ranking)
  expect([...columns.keys()]).toEqual(
    ['vectors', 'own', 'given', 'given-late', 'given-raw'].map((own) => `items-${own}`),
  )
  const all = [...columns.values()]
  for (const [i, own] of all.entries()) {
    expect(own.every(Number.isFinite)).toBe(true)
    for (const other of all.slice(0, i)) expect(own).not.toEqual(other)
  }
  // Whose tower has no memory has none.
  const plan = { name: 'bare', title: 'bare', source: 'tower', models: ['ranking'], meets: 'own' } as const
  await expect(cache.run(servedArm(lab, 1, plan), context)).rejects.toThrow('arm "bare"')
  expect(config.embeddings.count).toBeGreaterThan(lab.settings.config.embeddings.count)
})
