/**
 * That a layer's backward drops what its forward dropped: finite differences of the GPU's own forward, at one step number,
 * which fixes who is dropped. Their error is far below what one unit dropped wrongly would make.
 */

import type { GpuDevice } from '@headwater/gpu'
import type { SeededRandom } from '@headwater/statistics'
import { expect } from 'vitest'
import { withWeights } from '../parameters/model-recorder.ts'
import { Weights } from '../parameters/weights.ts'
import { Allocation } from '../plan/allocation.ts'
import { Recorder } from '../plan/recorder.ts'
import { movedAlong } from './float64-tensors.ts'
import { type CheckedLayer, expectClose, randomValues, readGradient, Slice } from './layer-check.ts'

/** @param layer one that drops half of its hidden units in training @param parameter whose gradient is looked at beside dx */
export async function checkDropout(
  device: GpuDevice,
  random: SeededRandom,
  layer: CheckedLayer,
  parameter: string,
): Promise<void> {
  const rows = 5
  const { set, inputs, outputs } = layer
  const allocation = new Allocation(device)
  const weights = new Weights(device, set, true)
  const values = randomValues(set, weights, random)
  const own = (label: string, cols: number) => new Slice(device, allocation, random, { label, rows, cols })
  const [x, dx, dy] = [own('x', inputs), own('dx', inputs), own('dy', outputs)]
  const write = (data: ArrayLike<number>) =>
    device.gpuDevice.queue.writeBuffer(x.tensor.storage.buffer!, 0, Float32Array.from(data))
  const setStep = (step: number) =>
    device.gpuDevice.queue.writeBuffer(
      weights.step.storage.buffer!,
      weights.step.storage.offsetBytes,
      Uint32Array.of(step),
    )

  const planOf = (training: boolean) => {
    const y = own('y', outputs)
    const rec = new Recorder(device)
    const model = withWeights(rec, weights)
    const backward = layer.forward(model, x.tensor, { into: y.tensor, accumulate: false }, training)
    if (training) backward(dy.tensor, { into: dx.tensor, accumulate: false })
    const plan = rec.plan('dropout check')
    return {
      plan,
      run: () => {
        plan.program.submit()
        return y.read()
      },
    }
  }
  const [training, serving] = [planOf(true), planOf(false)]
  setStep(1)
  const want = Array.from({ length: rows }, (_, r) => layer.reference(values, x.row(r))).flat()
  const [first, served] = [[...(await training.run())], [...(await serving.run())]]
  expectClose(served, want, 2e-5, 'y of serving')
  setStep(2)
  const second = [...(await training.run())]
  for (const [a, b] of [
    [first, want],
    [first, second],
  ])
    expect(a.filter((value, i) => Math.abs(value - b[i]) > 1e-3).length).toBeGreaterThan(a.length / 2)

  const gotDx = [...(await dx.read())]
  const declared = set.parameters.find(({ name }) => name === parameter)!
  const gradient = await readGradient(device, weights.gradientOf(declared))
  // Small, so that hardly a unit goes through ReLU's bend.
  const h = 2e-4
  const loss = async () => (await training.run()).reduce((sum, value, i) => sum + value * dy.given[i], 0)
  const check = async (got: readonly number[], move: (by: number, direction: readonly number[]) => void) => {
    const direction = got.map(() => random.nextNormal())
    move(h, direction)
    const above = await loss()
    move(-h, direction)
    const below = await loss()
    move(0, direction)
    const analytic = got.reduce((sum, g, i) => sum + g * direction[i], 0)
    expect(Math.abs(analytic - (above - below) / (2 * h)) / Math.hypot(...got)).toBeLessThan(0.02)
  }
  for (let turn = 0; turn < 3; turn++) {
    await check(gotDx, (by, direction) => write(x.given.map((value, i) => value + by * direction[i])))
    await check(gradient, (by, direction) =>
      weights.write(parameter, Float32Array.from(movedAlong(values, parameter, direction, by).get(parameter)!.data)),
    )
  }
  for (const { plan } of [training, serving]) plan.dispose()
  weights.dispose()
  allocation.dispose()
}
