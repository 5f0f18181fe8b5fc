/** The main job on longer logs made so that the answer is known: each arm and the verdict must come out as planted. */
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { headline, verdict } from '../../report/main-job/verdict.ts'
import { isGain, plantedJob, plantedLogits } from '../../testing/planted-log.ts'

const rows = 12_000
let device: GpuDevice

beforeAll(async () => {
  device = await requestDevice()
})

afterAll(() => device.destroy())

const job = (truth: keyof typeof plantedLogits) => plantedJob(device, temporaryDirectory(), rows, plantedLogits[truth])

test('where a sum of what user and item are like is all there is, the linear model cannot be beaten', async () => {
  const found = await job('sum')
  expect(verdict(found)).not.toMatch(/served embeddings beat/)
  const { flags, random, linear, features } = found.gainOverWithout
  for (const gain of [found.neGain, linear, features]) expect(isGain(gain)).toBe(true)
  // They tie: what one gains lies within what the others may gain.
  for (const { low, high } of [linear, features]) {
    expect(found.neGain.high).toBeGreaterThan(low)
    expect(found.neGain.low).toBeLessThan(high)
  }
  expect(Math.abs(found.best.gain.value)).toBeLessThan(0.03)
  for (const gain of [flags, random]) expect(isGain(gain)).toBe(false)
})

test('where only the item counts, no knowledge of the user gains', async () => {
  const found = await job('item')
  expect(found.ne.without).toBeLessThan(0.9)
  expect(headline(found)).not.toContain('beat')
  for (const gain of [found.neGain, found.gainOverFlags, found.gainOverUntrained]) expect(isGain(gain)).toBe(false)
  for (const arm of ['flags', 'random', 'untrained', 'features'] as const)
    expect(isGain(found.gainOverWithout[arm])).toBe(false)
})

test('where nothing counts, nothing is claimed', async () => {
  const found = await job('nothing')
  for (const ne of Object.values(found.ne)) expect(ne).toBeGreaterThan(0.99)
  expect(verdict(found)).not.toContain('beat')
  for (const gain of [
    found.best.gain,
    found.gainOverUntrained,
    found.gainOverFlags,
    ...Object.values(found.gainOverWithout),
  ])
    expect(isGain(gain)).toBe(false)
})
