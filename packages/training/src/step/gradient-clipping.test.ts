/** The step's gradient as the device left it, against clipping and AdamW in float64. */
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import type { BindingLimits } from '@headwater/kernels'
import type { Tensor, Weights } from '@headwater/runtime'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TrainingBatch } from '../examples/training-batch.ts'
import { bits, clubBatch, clubTraining, R, rates } from '../testing/club-training.ts'
import { TrainingOptionsError } from './training-options-error.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'clipping tests' })
})
afterAll(() => device.destroy())

const floats = async ({ storage }: Tensor) => new Float32Array(await device.read(storage.buffer!))

/** Everything that a step may change, tables' accumulators included. */
async function stateOf(weights: Weights) {
  const squares = weights.set.tables.map((table) => floats(weights.table(table).parts[0].squares!))
  const [{ values, first, second }] = weights.runs
  return {
    values: await floats(values),
    first: await floats(first!),
    second: await floats(second!),
    squares: await Promise.all(squares),
    named: await bits(weights),
  }
}

/** A step from fresh weights on the same batch; what was there before and is after. */
async function oneStep(
  maxNorm: number,
  change: (batch: TrainingBatch) => void = () => {},
  limits: BindingLimits = device.limits,
) {
  const { step, weights } = clubTraining(device, { maxNorm, limits })
  const batch = clubBatch(seededRandom(21), (club, kind) => (kind % 4 === club ? 1 : 0))
  change(batch)
  const before = await stateOf(weights)
  await step.run(batch, 1, 1, rates)
  const sums = await step.takeSums()
  const after = await stateOf(weights)
  const [run] = weights.runs
  const gradient = await floats(run.gradient!)
  const { decayedFloats } = run
  step.dispose()
  weights.dispose()
  return { before, after, gradient, decayedFloats, sums }
}

const normOf = (gradient: Float32Array) => Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0))

describe('clipping by global norm', () => {
  it.each([
    ['over the bound: scaled to it', 0.5],
    ['under the bound: left alone', 2],
  ])('a gradient %s', async (_, share) => {
    const free = await oneStep(0)
    const norm = normOf(free.gradient)
    expect(norm).toBeGreaterThan(1e-3)
    const clipped = await oneStep(norm * share)
    expect(clipped.gradient).toEqual(free.gradient)
    const scale = Math.min(1, share)
    expect(clipped.sums).toMatchObject({ weight: R, skipped: 0, clipped: share < 1 ? 1 : 0 })
    expect(clipped.sums.loss).toBe(free.sums.loss)

    for (const [i, g] of free.gradient.entries()) {
      const m = 0.1 * scale * g
      const v = 0.001 * (scale * g) ** 2
      expect(clipped.after.first[i]).toBeCloseTo(m, 7)
      expect(Math.abs(clipped.after.second[i] - v)).toBeLessThan(1e-5 * v + 1e-12)
      const kept = i < free.decayedFloats ? 1 - rates.dense * rates.weightDecay : 1
      const moved = (rates.dense * (m / 0.1)) / (Math.sqrt(v / 0.001) + 1e-8)
      expect(Math.abs(clipped.after.values[i] - (free.before.values[i] * kept - moved))).toBeLessThan(2e-6)
    }
    // Accumulators start at zero, so that they hold the mean square of a row's scaled gradient.
    for (const [t, squares] of free.after.squares.entries()) {
      expect(Math.max(...squares)).toBeGreaterThan(0)
      for (const [row, square] of squares.entries())
        expect(Math.abs(clipped.after.squares[t][row] - scale ** 2 * square)).toBeLessThan(1e-5 * square)
    }
  })

  it('goes by the norm of all parameters, where they lie in several runs', async () => {
    // The largest parameter has 1536 bytes.
    const limits = { maxStorageBufferBindingSize: 1536, maxBufferSize: 1536, minStorageBufferOffsetAlignment: 256 }
    const norm = normOf((await oneStep(0)).gradient)
    const whole = await oneStep(norm / 3)
    const divided = await oneStep(norm / 3, () => {}, limits)
    expect(divided.gradient.length).toBeLessThan(whole.gradient.length / 2)
    expect(divided.sums).toEqual(whole.sums)
    // What the scale went into, squared.
    for (const [t, squares] of whole.after.squares.entries())
      for (const [row, square] of squares.entries())
        expect(Math.abs(divided.after.squares[t][row] - square)).toBeLessThan(1e-5 * square + 1e-12)
  })

  it('without a bound is exactly the step of a bound that is never reached', async () => {
    expect((await oneStep(0)).after).toEqual((await oneStep(1e30)).after)
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e39])('to %s is refused', (maxNorm) => {
    expect(() => clubTraining(device, { maxNorm })).toThrow(TrainingOptionsError)
    expect(() => clubTraining(device, { maxNorm })).toThrow('maxNorm: needs a number of at least 0')
  })
})

describe('a step that is not finite', () => {
  const spoilt: [string, (batch: TrainingBatch) => void][] = [
    // Features that are not finite are refused; these are finite, and their sums are not.
    ['values of items that overflow', ({ item }) => item.dense.fill(3e38)],
    ['infinity as the weight of a label', ({ labelWeights }) => labelWeights.fill(Number.POSITIVE_INFINITY, 5, 6)],
    ['NaN as the weight of a label', ({ labelWeights }) => labelWeights.fill(Number.NaN, R - 1, R)],
  ]
  it.each(spoilt)('%s changes no bit, and counts as skipped', async (_, spoil) => {
    const { before, after, sums } = await oneStep(1, spoil)
    expect(after).toEqual(before)
    expect(sums).toEqual({ loss: 0, weight: 0, skipped: 1, clipped: 0 })
  })

  it('leaves the next steps as if it had not been, but for its number', async () => {
    const good = () => clubBatch(seededRandom(22), (club) => club % 2)
    const bad = good()
    bad.labelWeights.fill(Number.NaN, 3, 4)
    const results = []
    for (const steps of [[good()], [bad, bad, good()]]) {
      const { step, weights } = clubTraining(device)
      // Without dropout a step's number matters to the bias corrections alone, which are kept the same here.
      for (const batch of steps) await step.run(batch, 1, 1, rates)
      results.push({ state: await stateOf(weights), sums: await step.takeSums() })
      step.dispose()
      weights.dispose()
    }
    expect(results[1].state).toEqual(results[0].state)
    expect(results[1].sums).toEqual({ ...results[0].sums, skipped: 2 })
  })
})
