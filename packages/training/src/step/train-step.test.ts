import { DeviceLostError, type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bits, clubBatch, clubTraining, R, rates } from '../testing/club-training.ts'
import type { StepFigures } from './train-step.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'training tests' })
})
afterAll(() => device.destroy())

const training = (options?: Parameters<typeof clubTraining>[1]) => clubTraining(device, options)

describe('training reaches a known optimum', () => {
  it('a rule of user and item together is learned to nearly no loss', async () => {
    const { step } = training()
    const random = seededRandom(2)
    let steps = 0
    const trainOn = async (count: number) => {
      for (let i = 0; i < count; i++)
        await step.run(
          clubBatch(random, (club, kind) => (kind % 4 === club ? 1 : 0)),
          ++steps,
          1,
          rates,
        )
      return step.meanLoss()
    }
    const first = await trainOn(5)
    await trainOn(385)
    const last = await trainOn(10)
    expect(first).toBeGreaterThan(0.4)
    expect(last).toBeLessThan(0.02)
    step.dispose()
  })

  it('coin flips leave ln 2', async () => {
    const { step } = training()
    const random = seededRandom(3)
    for (let i = 1; i <= 120; i++) {
      await step.run(
        clubBatch(random, () => random.nextBelow(2)),
        i,
        1,
        { ...rates, dense: 1e-3, tables: 0.01 },
      )
      if (i === 50) await step.meanLoss()
    }
    // standard error of 4,480 flips' loss at the optimum is 0; what is left is the noise that is fitted
    expect(Math.abs((await step.meanLoss()) - Math.LN2)).toBeLessThan(0.02)
    step.dispose()
  })
})

describe('a step', () => {
  it('gives the same bits from the same seed, and others from another', async () => {
    const results: Map<string, Float32Array>[] = []
    for (const seed of [5, 5, 6]) {
      const { step, weights } = training({ seed, dropout: 0.3 })
      const random = seededRandom(7)
      for (let i = 1; i <= 4; i++)
        await step.run(
          clubBatch(random, (club) => club % 2),
          i,
          seed,
          rates,
        )
      results.push(await bits(weights))
      step.dispose()
      weights.dispose()
    }
    expect(results[1]).toEqual(results[0])
    for (const [name, values] of results[2]) expect(values, name).not.toEqual(results[0].get(name))
  })

  it('drops other units at every step and for every seed', async () => {
    const { step, weights } = training({ dropout: 0.5 })
    const still = { dense: 0, tables: 0, weightDecay: 0 }
    const one = clubBatch(seededRandom(8), (club) => club % 2)
    const losses = new Set<number>()
    for (const [number, seed] of [
      [1, 1],
      [2, 1],
      [1, 2],
      [1, 1],
    ]) {
      await step.run(one, number, seed, still)
      losses.add(await step.meanLoss())
    }
    expect(losses.size).toBe(3)
    step.dispose()
    weights.dispose()
  })

  it('moves a parameter by the rate at first, as Adam does whatever the gradient', async () => {
    const { step, weights } = training({ tasks: 2 })
    const random = seededRandom(9)
    const one = clubBatch(random, () => 1)
    const labels = Uint8Array.from({ length: R * 2 }, (_, i) => (i % 2 === 0 ? 1 : 0))
    await step.run({ ...one, labels, labelWeights: new Float32Array(R * 2).fill(1) }, 1, 1, rates)
    const [up, down] = await weights.read('mix.heads.bias')
    expect(up).toBeCloseTo(rates.dense, 6)
    expect(down).toBeCloseTo(-rates.dense, 6)
    step.dispose()
    weights.dispose()
  })

  it('reports the mean loss by the weights of labels, in batches of any size and over more steps than are kept aside', async () => {
    const { step, weights } = training({ tasks: 3 })
    for (const { name, rows, cols } of weights.set.entries()) weights.write(name, new Float32Array(rows * cols))
    // all weights zero but the heads' bias: the first task's logit is 1.5 for every row
    weights.write('mix.heads.bias', Float32Array.of(1.5, -2, 7))
    const random = seededRandom(10)
    const figures: StepFigures[] = []
    step.onSteps = (steps) => figures.push(...steps)
    let losses = 0
    let total = 0
    const expected: { step: number; rows: number; losses: number[] }[] = []
    for (let i = 1; i <= 70; i++) {
      const one = clubBatch(random, () => 0, i % 3 === 0 ? 1 + random.nextBelow(R) : R)
      const labels = Uint8Array.from({ length: one.rows * 3 }, () => random.nextBelow(2))
      const labelWeights = Float32Array.from(labels, () => random.nextBelow(3) / 2)
      await step.run({ ...one, labels, labelWeights }, i, 1, { dense: 0, tables: 0, weightDecay: 0 })
      for (let r = 0; r < one.rows; r++) {
        losses += labelWeights[r * 3] * Math.log1p(Math.exp(labels[r * 3] === 1 ? -1.5 : 1.5))
        total += labelWeights[r * 3]
      }
      const ofTask = [1.5, -2, 7].map((logit, t) => {
        const own = labels.filter((_, at) => at % 3 === t)
        const weightOf = (r: number) => labelWeights[r * 3 + t]
        const loss = (label: number) => Math.log1p(Math.exp(label === 1 ? -logit : logit))
        const all = own.reduce((sum, _, r) => sum + weightOf(r), 0)
        return own.reduce((sum, label, r) => sum + weightOf(r) * loss(label), 0) / all
      })
      expected.push({ step: i, rows: one.rows, losses: ofTask })
    }
    expect(await step.meanLoss()).toBeCloseTo(losses / total, 5)
    expect(await step.meanLoss()).toBeNaN()
    expect(figures.map(({ step, rows }) => [step, rows])).toEqual(expected.map(({ step, rows }) => [step, rows]))
    for (const [i, { losses: own, gradientNorm, rates: stepRates }] of figures.entries()) {
      expect(own.map((loss) => loss ?? Number.NaN)).toEqual(
        expected[i].losses.map((loss) => (Number.isNaN(loss) ? loss : expect.closeTo(loss, 4))),
      )
      expect(gradientNorm).toBeGreaterThan(0)
      expect(stepRates).toEqual({ dense: 0, tables: 0, weightDecay: 0 })
    }
    step.dispose()
    weights.dispose()
  })

  it('refuses numbers that are not finite, and goes on as if it had not been given them', async () => {
    const results: unknown[] = []
    for (const bad of [null, Number.NaN, Number.POSITIVE_INFINITY]) {
      const { step, weights } = training()
      const random = seededRandom(9)
      const batches = [1, 2].map(() => clubBatch(random, () => 1))
      await step.run(batches[0], 1, 1, rates)
      if (bad !== null) {
        const { item } = batches[1]
        const spoiled = { ...batches[1], item: { ...item, dense: item.dense.with(3, bad) } }
        const refusal = { name: 'BatchNumberError', row: 3, feature: 'noise' }
        await expect(step.run(spoiled, 2, 1, rates)).rejects.toMatchObject(refusal)
      }
      await step.run(batches[1], 2, 1, rates)
      results.push(await bits(weights))
      step.dispose()
    }
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
  })

  it('learns nothing from labels of no weight', async () => {
    const results: Map<string, Float32Array>[] = []
    for (const unknown of [0, 1]) {
      const { step, weights } = training()
      const one = clubBatch(seededRandom(12), (club) => club % 2)
      // Every third label is not known, and is another one then.
      for (let r = 0; r < R; r += 3) {
        one.labelWeights[r] = 0
        one.labels[r] = unknown
      }
      for (let i = 1; i <= 3; i++) await step.run(one, i, 1, rates)
      results.push(await bits(weights))
      step.dispose()
      weights.dispose()
    }
    expect(results[1]).toEqual(results[0])
  })

  it('under way beside the one before comes to the same bits as when each is waited for, and allocates nothing', async () => {
    const results: unknown[] = []
    for (const isWaitedFor of [false, true]) {
      const { step, weights } = training({ dropout: 0.2 })
      const random = seededRandom(13)
      const allocatedBytes = device.allocatedBytes
      // One batch for all, as training fills the same ones again and again.
      const batch = clubBatch(random, () => 0)
      for (let i = 1; i <= 40; i++) {
        const next = clubBatch(random, (club) => club % 2)
        batch.labels.set(next.labels)
        batch.user.dense.set(next.user.dense)
        batch.user.bags[0].ids.set(next.user.bags[0].ids)
        await step.run(batch, i, 1, rates)
        if (isWaitedFor) await device.idle()
      }
      expect(device.allocatedBytes).toBe(allocatedBytes)
      results.push([await bits(weights), await step.takeSums()])
      step.dispose()
      weights.dispose()
    }
    expect(results[1]).toEqual(results[0])
  })

  it('whose device is lost under it says so, as does every later one', async () => {
    const lost = await requestDevice({ label: 'to be lost' })
    const { step } = clubTraining(lost)
    const random = seededRandom(15)
    const batch = clubBatch(random, (club) => club % 2)
    for (let i = 1; i <= 3; i++) await step.run(batch, i, 1, rates)
    lost.gpuDevice.destroy()
    await expect(step.takeSums()).rejects.toThrow(DeviceLostError)
    for (let i = 4; i <= 6; i++) await expect(step.run(batch, i, 1, rates)).rejects.toThrow(DeviceLostError)
    step.dispose()
    lost.destroy()
  })

  it('trains tables of four parts in two buffers, and parameters in several runs, to the bits of undivided ones', async () => {
    // The largest parameter has 1536 bytes; so have parts of 48 kinds of 32 bytes.
    const divided = { maxStorageBufferBindingSize: 1536, maxBufferSize: 3072, minStorageBufferOffsetAlignment: 256 }
    const kinds = 190
    const results: Map<string, Float32Array>[] = []
    for (const limits of [device.limits, divided]) {
      const { tower, step, weights } = training({ limits, kinds })
      const { parts } = weights.table(tower.set.tables.find(({ rows }) => rows === kinds)!)
      const buffers = new Set(parts.map(({ values }) => values.storage.buffer))
      expect([parts.length, buffers.size]).toEqual(limits === divided ? [4, 2] : [1, 1])
      expect(weights.runs.length > 1).toBe(limits === divided)
      const random = seededRandom(14)
      for (let i = 1; i <= 5; i++)
        await step.run(
          clubBatch(random, (club, kind) => (kind % 4 === club ? 1 : 0), R, kinds),
          i,
          1,
          rates,
        )
      results.push(await bits(weights))
      step.dispose()
      weights.dispose()
    }
    expect(results[1]).toEqual(results[0])
  })

  it('trains the same under a profile, and gives its memory back', async () => {
    const before = device.allocatedBytes
    const results: Map<string, Float32Array>[] = []
    for (const profiled of [false, true]) {
      const { step, weights } = training()
      const one = clubBatch(seededRandom(11), (club) => club % 2)
      if (profiled) {
        const profile = new Map()
        const { kernelMs, wallMs } = await step.profile(one, 1, 1, rates, profile)
        expect(kernelMs).toBeGreaterThan(0)
        expect(wallMs).toBeGreaterThan(kernelMs)
        expect([...profile.keys()]).toContain('embedding.row-adagrad')
      } else await step.run(one, 1, 1, rates)
      results.push(await bits(weights))
      step.dispose()
      weights.dispose()
    }
    expect(results[1]).toEqual(results[0])
    expect(device.allocatedBytes).toBe(before)
  })
})
