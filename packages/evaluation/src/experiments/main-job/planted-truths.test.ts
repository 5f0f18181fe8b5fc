/** The main job on short logs made so that the answer is known: `test-planted` has longer ones, and more of them. */
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { headline, verdict } from '../../report/main-job/verdict.ts'
import { isGain, plantedJob, plantedLogits } from '../../testing/planted-log.ts'

let device: GpuDevice

beforeAll(async () => {
  device = await requestDevice()
})

afterAll(() => device.destroy())

test('where hidden factors count, the tower that learnt them wins over every baseline and control', async () => {
  const found = await plantedJob(device, temporaryDirectory(), 3000, plantedLogits.hiddenFactors)
  expect(headline(found)).toMatch(/^Served embeddings beat the best baseline by/)
  for (const gain of [found.neGain, found.best.gain, found.gainOverUntrained, found.gainOverFlags])
    expect(isGain(gain)).toBe(true)
  expect(found.ne.with).toBeLessThan(Math.min(...Object.values({ ...found.ne, with: 9 })))
  // Categories and running means know nothing of it.
  expect(found.ne.linear).toBeGreaterThan(0.9)
})

test('where nothing counts, nothing is claimed', async () => {
  const found = await plantedJob(device, temporaryDirectory(), 2000, plantedLogits.nothing)
  expect(Math.min(...Object.values(found.ne))).toBeGreaterThan(0.98)
  expect(headline(found)).toMatch(/not shown to win|lose/)
  expect(verdict(found)).not.toContain('beat')
  for (const gain of [found.neGain, found.best.gain, found.gainOverUntrained, found.gainOverFlags])
    expect(isGain(gain)).toBe(false)
})
