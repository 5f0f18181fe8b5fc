import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { padded } from '@headwater/kernels'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ParameterSet, Weights } from './parameters.ts'
import { Recorder } from './plan/recorder.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'parameter tests' })
})
afterAll(() => device.destroy())

function declared(): ParameterSet {
  const set = new ParameterSet()
  set.declare('bias', 1, 3, 'zero', { decay: false })
  set.declare('weight', 5, 3, { uniform: 1 }, { transposed: true })
  set.declare('square', 7, 7, { uniform: 1 }, { transposed: true })
  set.table('table', 6, 8, { uniform: 1 })
  return set
}

it('gives back what was written, whatever its padding', async () => {
  const weights = new Weights(device, declared(), true)
  const written = new Map<string, Float32Array>()
  for (const { name, rows, cols } of weights.set.entries()) {
    const data = Float32Array.from({ length: rows * cols }, (_, i) => i + 1 + name.length / 100)
    weights.write(name, data)
    written.set(name, data)
  }
  for (const [name, data] of written) expect(await weights.read(name)).toEqual(data)
  expect(weights.set.count).toBe(3 + 15 + 49 + 48)
  // what decays lies first, and no two overlap
  expect(weights.decayedFloats).toBe(5 * 4 + 7 * 8)
  expect(weights.totalFloats).toBe(weights.decayedFloats + 4)
  expect(weights.set.parameters.map(({ offset }) => offset)).toEqual([76, 0, 20])
  weights.dispose()
})

it('keeps transposed copies', async () => {
  const weights = new Weights(device, declared(), true)
  for (const { name, rows, cols } of weights.set.parameters)
    weights.write(
      name,
      Float32Array.from({ length: rows * cols }, (_, i) => i),
    )
  const rec = new Recorder(device)
  weights.recordTransposes(rec)
  const plan = rec.plan('transposes')
  plan.program.submit()
  for (const parameter of weights.set.parameters.filter((p) => p.transposed)) {
    const { storage, offset, stride } = weights.transposedValue(parameter)
    const { rows, cols } = parameter
    const got = new Float32Array(await device.read(storage.buffer!, cols * stride * 4, offset * 4))
    expect(stride).toBe(padded(rows))
    for (let c = 0; c < cols; c++)
      for (let r = 0; r < stride; r++) expect(got[c * stride + r]).toBe(r < rows ? r * cols + c : 0)
  }
  plan.dispose()
  weights.dispose()
})

it('refuses an unknown name and another size', async () => {
  const weights = new Weights(device, declared(), false)
  expect(() => weights.write('nobody', new Float32Array(3))).toThrow(RangeError)
  expect(() => weights.write('weight', new Float32Array(14))).toThrow('"weight" is 5 × 3, not 14 values')
  await expect(weights.read('nobody')).rejects.toThrow(RangeError)
  weights.dispose()
})
