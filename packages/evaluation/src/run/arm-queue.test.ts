import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import type { Arm } from '../lab/arms/arm.ts'
import { LabCache } from '../lab/cache/lab-cache.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import type { UpstreamPlan } from '../lab/upstream/upstream.ts'
import { readSmallLab } from '../testing/small-lab.ts'
import { memoryLog, smallEvents, smallSchema } from '../testing/small-log.ts'
import { ArmQueue } from './arm-queue.ts'

const outcome = { columns: {}, figures: { runs: 1 } }
let lab: LabLog

beforeAll(async () => {
  lab = await readSmallLab(memoryLog(smallSchema, smallEvents(1500, 7)))
})

const upstream = (seed: number): UpstreamPlan => ({
  seed,
  withoutSurface: false,
  start: 'warm',
  alignment: 'none',
  variant: null,
})
const arm = (name: string, plan: UpstreamPlan | null): Arm => ({
  name,
  title: name,
  seed: 1,
  module: import.meta.url,
  settings: { name },
  upstream: plan,
  run: async () => outcome,
})

/** Takes turns with whoever else waits. */
const moment = () => new Promise((resolve) => setTimeout(resolve, 5))

test('an upstream is trained by one, and the others run other arms until it is there', async () => {
  const cache = new LabCache(temporaryDirectory(), lab, 'a test')
  const [first, second] = [upstream(1), upstream(2)]
  const arms = [arm('a', first), arm('b', first), arm('c', second), arm('d', null)]
  const queue = new ArmQueue(arms, cache)
  expect(queue.size).toBe(4)
  const began: string[] = []
  const training = new Set<string>()
  const ran: string[] = []
  const run = async ({ name, upstream: plan }: Arm) => {
    began.push(name)
    if (plan !== null) {
      const directory = cache.directoryOf(plan)
      expect(training).not.toContain(directory)
      if (!cache.hasUpstream(plan)) {
        training.add(directory)
        await moment()
        mkdirSync(directory, { recursive: true })
        writeFileSync(join(directory, 'upstream.json'), '{}')
        training.delete(directory)
      }
    }
    await moment()
    ran.push(name)
  }
  await Promise.all([queue.drain(run), queue.drain(run), queue.drain(run)])
  expect(began.slice(0, 3)).toEqual(['a', 'c', 'd'])
  expect([...ran].sort()).toEqual(['a', 'b', 'c', 'd'])
  expect(existsSync(join(cache.directoryOf(first), 'upstream.json'))).toBe(true)
})

test('arms that were run are not there, those that stop leave the rest', async () => {
  const cache = new LabCache(temporaryDirectory(), lab, 'a test')
  const arms = ['a', 'b', 'c'].map((name) => arm(name, null))
  await cache.run(arms[0], { device: null as never, lab, stages: null as never, signal: undefined })
  const queue = new ArmQueue(arms, cache)
  const began: string[] = []
  const failing = queue.drain(async ({ name }) => {
    began.push(name)
    throw new Error('broken')
  })
  await expect(failing).rejects.toThrow('broken')
  expect(began).toEqual(['b'])
  const stopped = AbortSignal.abort(new Error('enough'))
  await expect(queue.drain(async () => {}, stopped)).rejects.toThrow('enough')
  expect(queue.size).toBe(1)
})
