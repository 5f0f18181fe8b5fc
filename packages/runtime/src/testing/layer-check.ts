/**
 * Runs a layer's forward and backward on the GPU and compares them with the reading version: the results of training and
 * of serving, and dx and every parameter's gradient with the reference's central differences. Shape letter: R rows.
 */

import type { GpuDevice } from '@headwater/gpu'
import type { SeededRandom } from '@headwater/statistics'
import { expect } from 'vitest'
import { type ModelRecorder, withWeights } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import { Allocation } from '../plan/allocation.ts'
import { Recorder } from '../plan/recorder.ts'
import { columns, type Into, type Tensor } from '../plan/tensor.ts'
import { type Float64Tensors, movedAlong } from './float64-tensors.ts'

/** A layer and its reference, for rows of `inputs` numbers that become `outputs`. */
export interface CheckedLayer {
  readonly set: ParameterSet
  readonly inputs: number
  readonly outputs: number
  /** @returns its backward */
  forward(rec: ModelRecorder, x: Tensor, y: Into, training: boolean): (dy: Tensor, dx: Into) => void
  /** One row. */
  reference(values: Float64Tensors, x: readonly number[]): number[]
}

export interface CheckedShape {
  readonly rows: number
  /** x and dx are tensors of their own; otherwise they are columns of wider ones, as y and dy always are. */
  readonly whole: boolean
  /** y and dx are added to. */
  readonly accumulate: boolean
}

/** Fills every parameter, biases too, with normal numbers of a size that keeps activations near 1. */
export function randomValues(set: ParameterSet, weights: Weights, random: SeededRandom): Float64Tensors {
  const values: Float64Tensors = new Map()
  for (const { name, rows, cols, initialization } of set.parameters) {
    const deviation = 1 / Math.sqrt(typeof initialization === 'object' ? Math.max(rows, 4) : 4)
    const data = Float32Array.from({ length: rows * cols }, () => random.nextNormal() * deviation)
    weights.write(name, data)
    values.set(name, { rows, cols, data: Float64Array.from(data) })
  }
  return values
}

/** Columns `offset … offset + cols` of a tensor that `around` more floats a row, filled with normal numbers. */
export class Slice {
  readonly tensor: Tensor
  readonly given: Float32Array<ArrayBuffer>
  readonly #device: GpuDevice

  constructor(device: GpuDevice, allocation: Allocation, random: SeededRandom, shape: SliceShape) {
    const { rows, cols, offset = 0, around = 0 } = shape
    const all = allocation.tensor(shape.label, rows, cols + around)
    this.tensor = columns(all, offset, cols)
    this.#device = device
    this.given = Float32Array.from({ length: rows * all.stride }, () => random.nextNormal())
    device.gpuDevice.queue.writeBuffer(all.storage.buffer!, 0, this.given)
  }

  /** Row r of `data`, by default of what was given. */
  row(r: number, data: ArrayLike<number> = this.given): number[] {
    const { stride, offset, cols } = this.tensor
    return Array.from({ length: cols }, (_, i) => data[r * stride + offset + i])
  }

  /** All memory as it is now. What is not of the slice must be what was given. */
  async read(): Promise<Float32Array> {
    const { storage, rows, stride, offset, cols } = this.tensor
    const now = new Float32Array(await this.#device.read(storage.buffer!, rows * stride * 4))
    for (const [i, value] of now.entries())
      if (i % stride < offset || i % stride >= offset + cols)
        expect(value, `${storage.label}, beside`).toBe(this.given[i])
    return now
  }
}

interface SliceShape {
  readonly label: string
  readonly rows: number
  readonly cols: number
  readonly offset?: number
  readonly around?: number
}

/** A gradient on the device, without padding. */
export async function readGradient(device: GpuDevice, gradient: Tensor): Promise<number[]> {
  const { storage, rows, cols, stride } = gradient
  const data = new Float32Array(await device.read(storage.buffer!, rows * stride * 4, storage.offsetBytes))
  return Array.from({ length: rows * cols }, (_, i) => data[Math.floor(i / cols) * stride + (i % cols)])
}

/** Within `tolerance` of the largest of the numbers wanted. */
export function expectClose(got: readonly number[], want: readonly number[], tolerance: number, what: string): void {
  const scale = Math.max(1, ...want.map(Math.abs))
  expect(got.length, what).toBe(want.length)
  for (const [i, value] of got.entries())
    expect(Math.abs(value - want[i]) / scale, `${what}, number ${i}: ${value}, wanted ${want[i]}`).toBeLessThan(
      tolerance,
    )
}

export async function checkLayer(
  device: GpuDevice,
  random: SeededRandom,
  layer: CheckedLayer,
  { rows, whole, accumulate }: CheckedShape,
): Promise<void> {
  const { set, inputs, outputs } = layer
  const allocation = new Allocation(device)
  const weights = new Weights(device, set, true)
  const values = randomValues(set, weights, random)
  const slice = (label: string, cols: number, offset: number, around: number) =>
    new Slice(device, allocation, random, { label, rows, cols, offset, around })
  const x = whole ? slice('x', inputs, 0, 0) : slice('x', inputs, 4, 12)
  const dx = whole ? slice('dx', inputs, 0, 0) : slice('dx', inputs, 8, 8)
  const y = slice('y', outputs, 8, 16)
  const dy = slice('dy', outputs, 4, 4)

  const rec = new Recorder(device)
  const model = withWeights(rec, weights)
  const served = slice('y of serving', outputs, 0, 8)
  layer.forward(model, x.tensor, { into: served.tensor, accumulate }, false)
  const backward = layer.forward(model, x.tensor, { into: y.tensor, accumulate }, true)
  backward(dy.tensor, { into: dx.tensor, accumulate })
  const plan = rec.plan('layer check')
  // Twice from the same start: nothing may depend on what an earlier step left in the shared buffers.
  for (const again of [false, true]) {
    if (again)
      for (const { tensor, given } of [y, served, dx])
        device.gpuDevice.queue.writeBuffer(tensor.storage.buffer!, 0, given)
    plan.program.submit()
  }

  const dyRows = Array.from({ length: rows }, (_, r) => dy.row(r))
  const lossOf = (moved: Float64Tensors, r: number, row: readonly number[]) =>
    layer.reference(moved, row).reduce((sum, value, i) => sum + value * dyRows[r][i], 0)
  const h = 1e-5
  const difference = (at: (move: number) => number) => (at(h) - at(-h)) / (2 * h)

  const gotDx = await dx.read()
  const results = [
    [y, await y.read()],
    [served, await served.read()],
  ] as const
  for (let r = 0; r < rows; r++) {
    const before = (given: number[]) => given.map((value) => (accumulate ? value : 0))
    const want = layer.reference(values, x.row(r))
    for (const [result, got] of results)
      expectClose(
        result.row(r, got),
        before(result.row(r)).map((value, i) => value + want[i]),
        5e-5,
        `row ${r} of ${result.tensor.storage.label}`,
      )
    const xRow = x.row(r)
    const wantDx = xRow.map((value, i) => difference((move) => lossOf(values, r, xRow.with(i, value + move))))
    expectClose(
      dx.row(r, gotDx),
      before(dx.row(r)).map((value, i) => value + wantDx[i]),
      2e-4,
      `row ${r} of dx`,
    )
  }
  for (const parameter of set.parameters) {
    const { name } = parameter
    const gradient = await readGradient(device, weights.gradientOf(parameter))
    const scale = Math.hypot(...gradient)
    expect(scale, name).toBeGreaterThan(0)
    for (let turn = 0; turn < 2; turn++) {
      const direction = gradient.map(() => random.nextNormal())
      const numeric = difference((move) => {
        const moved = movedAlong(values, name, direction, move)
        let loss = 0
        for (let r = 0; r < rows; r++) loss += lossOf(moved, r, x.row(r))
        return loss
      })
      const analytic = gradient.reduce((sum, g, i) => sum + g * direction[i], 0)
      // The second term is what rounding leaves of a gradient that is zero, as a bias's in front of a norm that removes it.
      expect(Math.abs(analytic - numeric), name).toBeLessThan(2e-4 * scale + 2e-5)
    }
  }
  plan.dispose()
  weights.dispose()
  allocation.dispose()
}
