import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { experiments } from '../experiments/experiments.ts'
import { LabCache } from '../lab/cache/lab-cache.ts'
import { type LabLog, readLabLog } from '../lab/log/lab-log.ts'
import { silent } from '../testing/small-job.ts'
import { smallLab } from '../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { estimate } from './estimate.ts'

let device: GpuDevice
let lab: LabLog

beforeAll(async () => {
  device = await requestDevice()
  // A pilot has fewer snapshots than these.
  const settings = { ...smallLab, snapshots: 13 }
  lab = await readLabLog(memoryLog(smallSchema, smallEvents(5000, 7)), 'a test', settings, null)
})

afterAll(() => device.destroy())

test('any arm can be the pilot: which one it is depends on what is left', async () => {
  const all = experiments.filter(({ name }) => name !== 'power').flatMap((own) => own.arms(lab, 1))
  const kinds = new Map(
    all.flatMap((arm) => {
      const { kind } = arm.settings as { readonly kind: string }
      return arm.upstream === null ? [] : [[`${kind}, ${arm.upstream.start}`, arm] as const]
    }),
  )
  expect(kinds.size).toBeGreaterThan(4)
  const context = { device, lab, stages: silent, signal: undefined }
  for (const [kind, arm] of kinds) {
    const cache = new LabCache(temporaryDirectory(), lab, 'a test')
    const { seconds } = await estimate([arm], cache, context)
    expect(seconds, kind).toBeGreaterThan(0)
  }
})
