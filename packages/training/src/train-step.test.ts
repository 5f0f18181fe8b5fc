import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bits, clubBatch, clubTraining, R, rates } from './testing/club-training.ts'

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
    await trainOn(145)
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
    await step.run({ ...one, labels }, 1, 1, rates)
    const [up, down] = await weights.read('mix.heads.bias')
    expect(up).toBeCloseTo(rates.dense, 6)
    expect(down).toBeCloseTo(-rates.dense, 6)
    step.dispose()
    weights.dispose()
  })

  it('reports the mean loss over rows, in batches of any size and over more steps than are kept aside', async () => {
    const { step, weights } = training({ tasks: 3 })
    for (const { name, rows, cols } of weights.set.entries()) weights.write(name, new Float32Array(rows * cols))
    // all weights zero but the heads' bias: the first task's logit is 1.5 for every row
    weights.write('mix.heads.bias', Float32Array.of(1.5, -2, 7))
    const random = seededRandom(10)
    let losses = 0
    let rows = 0
    for (let i = 1; i <= 40; i++) {
      const one = clubBatch(random, () => 0, i % 3 === 0 ? 1 + random.nextBelow(R) : R)
      const labels = Uint8Array.from({ length: one.rows * 3 }, () => random.nextBelow(2))
      await step.run({ ...one, labels }, i, 1, { dense: 0, tables: 0, weightDecay: 0 })
      for (let r = 0; r < one.rows; r++) losses += Math.log1p(Math.exp(labels[r * 3] === 1 ? -1.5 : 1.5))
      rows += one.rows
    }
    expect(await step.meanLoss()).toBeCloseTo(losses / rows, 5)
    expect(await step.meanLoss()).toBeNaN()
    step.dispose()
    weights.dispose()
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
