/** Forward and backward of a part of a model from given gradients of its output, whose gradients stay to be read. */

import type { SideBatch } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { type BindingLimits, rateSlots } from '@headwater/kernels'
import type { SeededRandom } from '@headwater/statistics'
import { expect } from 'vitest'
import { InputBatch, type InputNeeds } from '../inputs/input-batch.ts'
import { type ModelRecorder, withWeights } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import { Allocation } from '../plan/allocation.ts'
import { type Plan, Recorder } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'
import { queueWrite, type Write } from '../plan/upload-ring.ts'
import { type Float64Tensors, movedAlong } from './float64-tensors.ts'

export interface Recorded {
  readonly y: Tensor
  backward(dy: Tensor): void
}

/** Row-wise Adagrad starts at zero, so a table's gradient follows from its change. */
const tableRate = 1

export class TokenStep {
  readonly weights: Weights
  readonly #device: GpuDevice
  readonly #write: Write
  readonly #rows: number
  readonly #batch: InputBatch
  readonly #y: Tensor
  readonly #dy: Tensor
  readonly #plan: Plan
  readonly #allocation: Allocation

  constructor(
    device: GpuDevice,
    set: ParameterSet,
    needs: InputNeeds,
    rows: number,
    record: (rec: ModelRecorder, batch: InputBatch) => Recorded,
    limits?: BindingLimits,
  ) {
    this.#device = device
    this.#write = queueWrite(device)
    this.#rows = rows
    this.weights = new Weights(device, set, true, limits)
    this.#batch = new InputBatch(device, needs, rows, true)
    const rec = new Recorder(device)
    const { y, backward } = record(withWeights(rec, this.weights), this.#batch)
    this.#y = rec.keep(y)
    this.#allocation = new Allocation(device)
    this.#dy = this.#allocation.tensor('dy', rows, y.cols)
    backward(this.#dy)
    this.#plan = rec.plan('token step')
    const rates = new Float32Array(8)
    rates[rateSlots.tables] = tableRate
    rates[rateSlots.gradientScale] = 1
    this.#write(this.weights.rates, rates)
  }

  /** Of y. */
  get columns(): number {
    return this.#y.cols
  }

  async #read({ storage, rows, cols, stride, offset }: Tensor): Promise<number[]> {
    const bytes = (offset + (rows - 1) * stride + cols) * 4
    const data = new Float32Array(await this.#device.read(storage.buffer!, bytes, storage.offsetBytes))
    return Array.from({ length: rows * cols }, (_, i) => data[offset + Math.floor(i / cols) * stride + (i % cols)])
  }

  /** Fills parameters and tables with normal numbers, or with what `given` has of them. */
  randomize(random: SeededRandom, given: ReadonlyMap<string, Float32Array> = new Map()): Float64Tensors {
    const values: Float64Tensors = new Map()
    for (const { name, rows, cols } of this.weights.set.entries()) {
      const data = given.get(name) ?? Float32Array.from({ length: rows * cols }, () => random.nextNormal() / 2)
      this.weights.write(name, data)
      values.set(name, { rows, cols, data: Float64Array.from(data) })
    }
    return values
  }

  /**
   * Runs a batch of at most R rows.
   * @param dy [rows, columns of y]
   * @returns y and the gradient of every parameter and table, without padding
   */
  async run(batch: SideBatch, dy: Float32Array): Promise<{ y: number[]; gradients: Map<string, number[]> }> {
    const { weights } = this
    const before = new Map<string, Float32Array>()
    for (const { name } of weights.set.tables) before.set(name, await weights.read(name))
    this.#batch.upload(batch, this.#write)
    const whole = new Float32Array(this.#rows * this.#y.cols)
    whole.set(dy)
    this.#write(this.#dy, whole)
    this.#plan.program.submit()

    const gradients = new Map<string, number[]>()
    for (const parameter of weights.set.parameters)
      gradients.set(parameter.name, await this.#read(weights.gradientOf(parameter)))
    for (const table of weights.set.tables) {
      const squares = await this.#read({ ...weights.table(table).parts[0].squares!, cols: table.rows })
      const after = await weights.read(table.name)
      const start = before.get(table.name)!
      gradients.set(
        table.name,
        Array.from(after, (value, i) => {
          const root = Math.sqrt(squares[Math.floor(i / table.width)])
          return ((start[i] - value) / tableRate) * (root + 1e-8)
        }),
      )
    }
    return { y: await this.#read({ ...this.#y, rows: batch.rows }), gradients }
  }

  /** Forgets what the tables' Adagrad accumulated, which a table's gradient is worked out from. */
  clearSquares(): void {
    for (const table of this.weights.set.tables)
      this.#write(this.weights.table(table).parts[0].squares!, new Float32Array(table.rows))
  }

  dispose(): void {
    this.#plan.dispose()
    this.#batch.dispose()
    this.#allocation.dispose()
    this.weights.dispose()
  }
}

/**
 * Runs a batch, after another one that fills all planned rows, and compares y and every gradient with the reading version:
 * y to 1e-4, a gradient along a random direction with the central difference.
 * @param reference y of row r
 * @param constants parameters without gradient
 */
export async function checkStep(
  step: TokenStep,
  given: {
    readonly first: SideBatch
    readonly batch: SideBatch
    readonly random: SeededRandom
    readonly values?: ReadonlyMap<string, Float32Array>
    readonly constants?: readonly string[]
    readonly reference: (values: Float64Tensors, r: number) => readonly number[]
  },
): Promise<void> {
  const { batch, random, reference } = given
  const { rows } = batch
  const dyOf = (count: number) => Float32Array.from({ length: count }, () => random.nextNormal())
  step.randomize(random, given.values)
  await step.run(given.first, dyOf(given.first.rows * step.columns))
  step.clearSquares()
  const values = step.randomize(random, given.values)
  const dy = dyOf(rows * step.columns)
  const { y, gradients } = await step.run(batch, dy)

  const wanted = (at: Float64Tensors) => Array.from({ length: rows }, (_, r) => [...reference(at, r)]).flat()
  const want = wanted(values)
  expect(y).toHaveLength(want.length)
  for (const [i, value] of y.entries()) expect(value, `y, element ${i}`).toBeCloseTo(want[i], 4)

  const h = 1e-5
  for (const [name, gradient] of gradients) {
    if (given.constants?.includes(name)) continue
    const direction = gradient.map(() => random.nextNormal())
    const lossAt = (move: number) => {
      const moved = movedAlong(values, name, direction, move)
      return wanted(moved).reduce((sum, value, i) => sum + value * dy[i], 0)
    }
    const numeric = (lossAt(h) - lossAt(-h)) / (2 * h)
    const analytic = gradient.reduce((sum, value, i) => sum + value * direction[i], 0)
    const scale = Math.hypot(...gradient)
    expect(scale, name).toBeGreaterThan(0)
    expect(Math.abs(analytic - numeric), name).toBeLessThan(2e-4 * scale)
  }
}
