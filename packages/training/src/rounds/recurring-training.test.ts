import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openSyntheticLog, smallSetting, syntheticEvents, syntheticWorld } from '@headwater/datasets'
import { compileFeatures, type FeatureSpace, type LogEvent } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { rateSlots } from '@headwater/kernels'
import { loadUserTower } from '@headwater/runtime'
import { noteForgotten, readSnapshot, snapshotsWith } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TrainingMemoryError } from '../memory/training-memory.ts'
import { defaultPublication } from '../options/publication-options.ts'
import { defaultTraining } from '../options/training-options.ts'
import { tinyModel } from '../testing/tiny-model.ts'
import { RecurringTraining } from './recurring-training.ts'

const impressionsPerDay = 450
const setting = { ...smallSetting, users: 80, ads: 20, topics: 4, days: 3, impressionsPerDay }
let device: GpuDevice
let space: FeatureSpace
let days: LogEvent[][]
beforeAll(async () => {
  device = await requestDevice({ label: 'recurring training tests' })
  space = compileFeatures(openSyntheticLog({ setting }).schema)
  const events = [...syntheticEvents(syntheticWorld({ setting }))].map(({ event }) => event)
  days = Array.from({ length: setting.days }, (_, day) =>
    events.slice(day * impressionsPerDay, (day + 1) * impressionsPerDay),
  )
})
afterAll(() => device.destroy())

const options = {
  ...defaultTraining,
  config: tinyModel,
  seed: 1,
  batchRows: 128,
  firstEpochs: 2,
  firstRates: { dense: 5e-3, tables: 0.05, weightDecay: 0.01 },
  roundRates: { dense: 2e-3, tables: 0.05, weightDecay: 0.01 },
  publication: { ...defaultPublication, panelUsers: 40 },
}

const examplePath = () => join(temporaryDirectory(), 'examples')

describe('recurring training', () => {
  it('has kernels compiled while events are fed, and what goes wrong then is thrown by the round', async () => {
    const own = await requestDevice({ label: 'compiled early' })
    const told: number[] = []
    const isCompiled = new Promise<void>((resolve) => {
      own.onCompile = (number, total) => {
        told.push(number)
        if (number === total) resolve()
      }
    })
    const training = new RecurringTraining(own, space, examplePath(), options)
    training.compile()
    training.feed(days[0])
    await isCompiled
    const before = told.length
    await training.round()
    expect(told).toHaveLength(before)
    training.compile(AbortSignal.abort(new Error('enough')))
    training.feed(days[1])
    await expect(training.round()).rejects.toThrow('enough')
    training.dispose()
    own.destroy()
  })

  it('learns round by round and publishes each as a snapshot that serves', async () => {
    const path = examplePath()
    const model = temporaryDirectory()
    const training = new RecurringTraining(device, space, path, options)
    const losses: number[] = []
    for (const [day, events] of days.entries()) {
      training.feed(events)
      const progress: number[] = []
      const { steps, loss } = await training.round((done, total) => {
        progress.push(done)
        // a tenth is held back each day, and trained on the next, with as many old rows
        expect(total).toBe(day === 0 ? 2 * Math.ceil(405 / 128) : Math.ceil(900 / 128))
      })
      expect(progress).toEqual(Array.from({ length: steps }, (_, i) => i + 1))
      losses.push(loss)

      const { directory } = await training.publish(model)
      const snapshot = await readSnapshot(directory)
      expect(snapshot.manifest).toMatchObject({
        snapshot: day + 1,
        dataCutoffMs: events.at(-1)!.timeMs,
        trainedRows: impressionsPerDay * (day + 1) - impressionsPerDay / 10,
        config: tinyModel,
      })
      expect([...snapshot.matrices.values()]).toEqual(await training.matrices())
      expect(snapshot.schema).toEqual(space.schema)
      const tower = loadUserTower(device, snapshot)
      const batch = space.allocate('user', 1)
      space.encodeUser(batch, 0, space.newUserState(), events.at(-1)!.timeMs)
      expect((await tower.encoder.encode(batch)).every(Number.isFinite)).toBe(true)
      tower.dispose()
    }
    for (const loss of losses.slice(1)) expect(loss).toBeLessThan(losses[0])
    expect(existsSync(path)).toBe(true)
    training.dispose()
    expect(existsSync(path)).toBe(false)
  })

  it('leaves users whom the model forgot out of all later panels, though it has their examples still', async () => {
    const model = temporaryDirectory()
    const training = new RecurringTraining(device, space, examplePath(), options)
    training.feed(days[0])
    await training.round()
    const { directory } = await training.publish(model)
    const users = [...new Set(days[0].map(({ user }) => user))]
    const inPanel: string[] = []
    for (const user of users) if ((await snapshotsWith(model, user)).length > 0) inPanel.push(user)
    expect(inPanel.length).toBeGreaterThan(30)
    const forgotten = inPanel.slice(0, 5)
    for (const user of forgotten) await noteForgotten(model, user, Date.now())
    for (const events of days.slice(1)) {
      training.feed(events)
      await training.round()
      const { panel, manifest } = await readSnapshot((await training.publish(model)).directory)
      // Others have taken their places, and the towers were compared on those.
      expect([panel!.rows, manifest.panel!.users]).toEqual([40, 40])
    }
    for (const user of forgotten) expect(await snapshotsWith(model, user)).toEqual([directory])
    training.dispose()
  })

  it('gives the same bits from the same seed, however the events come in', async () => {
    const results = []
    for (const [seed, chunk] of [
      [1, 450],
      [1, 150],
      [2, 450],
    ]) {
      const training = new RecurringTraining(device, space, examplePath(), { ...options, seed })
      for (let from = 0; from < impressionsPerDay; from += chunk) training.feed(days[0].slice(from, from + chunk))
      await training.round()
      results.push(await training.matrices())
      training.dispose()
    }
    expect(results[1]).toEqual(results[0])
    expect(results[2]).not.toEqual(results[0])
  })

  it('trains by its schedule: up in a line, and down along half a cosine, from the start of each round', async () => {
    const schedule = { warmUpSteps: 3, decay: 'cosine', finalShare: 0.1 } as const
    const training = new RecurringTraining(device, space, examplePath(), { ...options, schedule })
    for (const [day, full] of [options.firstRates, options.roundRates].entries()) {
      training.feed(days[day])
      const rates: number[][] = []
      const { steps: total } = await training.round(undefined, undefined, async () => {
        const slots = new Float32Array(await device.read(training.weights.rates.storage.buffer!))
        rates.push([slots[rateSlots.dense], slots[rateSlots.tables], slots[rateSlots.weightDecay]])
      })
      expect(rates).toHaveLength(total)
      expect(total).toBeGreaterThan(5)
      for (const [i, [dense, tables, weightDecay]] of rates.entries()) {
        const step = i + 1
        const factor = step <= 3 ? step / 3 : 0.1 + 0.45 * (1 + Math.cos((Math.PI * (step - 3)) / (total - 3)))
        expect(dense / full.dense).toBeCloseTo(factor, 5)
        expect(tables / full.tables).toBeCloseTo(factor, 5)
        expect(weightDecay).toBeCloseTo(0.01, 7)
      }
    }
    training.dispose()
  })

  it('stops at a signal with its reason, and trains on afterwards', async () => {
    // A bound that every step is over, so that clipped steps count all.
    const training = new RecurringTraining(device, space, examplePath(), { ...options, maxNorm: 1e-6 })
    training.feed(days[0])
    const controller = new AbortController()
    const stopped = training.round((done) => done === 3 && controller.abort(new Error('enough')), controller.signal)
    await expect(stopped).rejects.toThrow('enough')
    expect(await training.round()).toMatchObject({ steps: 8, clipped: 8, skipped: 0 })
    training.dispose()
  })

  it('a round without news makes no step', async () => {
    const training = new RecurringTraining(device, space, examplePath(), options)
    expect(await training.round()).toEqual({ steps: 0, loss: Number.NaN, skipped: 0, clipped: 0 })
    training.feed(days[0])
    await training.round()
    const before = await training.matrices()
    expect(await training.round()).toEqual({ steps: 0, loss: Number.NaN, skipped: 0, clipped: 0 })
    expect(await training.matrices()).toEqual(before)
    training.dispose()
  })

  it('whose tables no device holds says so with the numbers, before anything is allocated', () => {
    const before = device.allocatedBytes
    const { schema } = space
    const huge = { name: 'shop', of: 'item', type: 'id', buckets: 2 ** 24 } as const
    const wide = compileFeatures({ ...schema, fields: [...schema.fields, huge] })
    const path = examplePath()
    const make = () =>
      new RecurringTraining(device, wide, path, {
        ...options,
        config: { ...tinyModel, mix: { ...tinyModel.mix, width: 1024 } },
      })
    expect(make).toThrow(TrainingMemoryError)
    expect(make).toThrow(
      /Table item\.shop: 16777216 rows of 4096 bytes are 68719476736 bytes, more than 4 bindings of at most \d+ bytes/,
    )
    expect(device.allocatedBytes).toBe(before)
    expect(existsSync(path)).toBe(false)
  })

  it('profiles steps', async () => {
    const training = new RecurringTraining(device, space, examplePath(), options)
    training.feed(days[0])
    await training.round()
    const { kernelShare, kernels } = await training.profileSteps(2)
    expect(kernelShare).toBeGreaterThan(0)
    expect(kernelShare).toBeLessThan(1)
    expect(kernels.every(({ timeMs, count }) => timeMs > 0 && count >= 2)).toBe(true)
    training.dispose()
  })
})
