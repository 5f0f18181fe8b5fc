import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { fuzz } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ParameterSizeError, placeParameters } from './parameter-runs.ts'
import { ParameterSet } from './parameter-set.ts'
import { Weights } from './weights.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'parameter tests' })
})
afterAll(() => device.destroy())

function declared(): ParameterSet {
  const set = new ParameterSet()
  set.declare('bias', 1, 3, 'zero', { decay: false })
  set.declare('weight', 5, 3, { uniform: 1 })
  set.declare('square', 7, 7, { uniform: 1 })
  set.table('table', 60, 8, { uniform: 1 })
  return set
}
const alignment = { minStorageBufferOffsetAlignment: 256 }
const small = { maxBufferSize: 1024, maxStorageBufferBindingSize: 512, ...alignment }

describe('weights', () => {
  for (const [name, limits, runs] of [
    [
      'in one run, the table in one part',
      { ...small, maxStorageBufferBindingSize: 4096, maxBufferSize: 4096 },
      [[768, 512]],
    ],
    [
      'in two runs, the table in four parts of two buffers',
      small,
      [
        [512, 512],
        [256, 0],
      ],
    ],
  ] as const)
    it(`give back what was written, ${name}`, async () => {
      const weights = new Weights(device, declared(), true, limits)
      const written = new Map<string, Float32Array>()
      for (const { name, rows, cols } of weights.set.entries()) {
        const data = Float32Array.from({ length: rows * cols }, (_, i) => i + 1 + name.length / 100)
        weights.write(name, data)
        written.set(name, data)
      }
      for (const [name, data] of written) expect(await weights.read(name)).toEqual(data)
      expect(weights.set.count).toBe(3 + 15 + 49 + 480)
      expect(weights.runs.map(({ floats, decayedFloats }) => [floats * 4, decayedFloats * 4])).toEqual(runs)
      weights.dispose()
    })

  it('are tensors of a range of their own, that nothing else reaches', () => {
    const weights = new Weights(device, declared(), true)
    const [run] = weights.runs
    for (const what of ['value', 'gradientOf'] as const) {
      const places = weights.set.parameters.map((parameter) => {
        const { storage, offset, rows, cols, stride } = weights[what](parameter)
        expect({ offset, rows, cols }).toEqual({ offset: 0, rows: parameter.rows, cols: parameter.cols })
        expect(storage.sizeBytes).toBe(rows * stride * 4)
        expect(storage.buffer).toBe(what === 'value' ? run.values.storage.buffer : run.gradient!.storage.buffer)
        return storage.offsetBytes
      })
      // bias last, as it does not decay
      expect(places).toEqual([512, 0, 256])
    }
    weights.dispose()
  })

  it('of no device have the sizes of those that are there', () => {
    for (const training of [false, true]) {
      const before = device.allocatedBytes
      const there = new Weights(device, declared(), training)
      const laidOut = new Weights(null, declared(), training, device.limits)
      expect(laidOut.sizes).toEqual(there.sizes)
      expect(laidOut.sizes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(device.allocatedBytes - before)
      expect(laidOut.value(laidOut.set.parameters[0]).storage.buffer).toBeNull()
      expect(() => laidOut.write('bias', new Float32Array(3))).toThrow('laid out only')
      there.dispose()
    }
  })

  it('refuse an unknown name and another size', async () => {
    const weights = new Weights(device, declared(), false)
    expect(() => weights.write('nobody', new Float32Array(3))).toThrow(RangeError)
    expect(() => weights.write('weight', new Float32Array(14))).toThrow('"weight" is 5 × 3, not 14 values')
    await expect(weights.read('nobody')).rejects.toThrow(RangeError)
    weights.dispose()
  })

  it('that no binding holds are refused with name and numbers, and nothing is allocated', () => {
    const before = device.allocatedBytes
    const set = declared()
    set.declare('level.wide', 9, 30, 'zero')
    expect(() => new Weights(device, set, true, { ...small, maxStorageBufferBindingSize: 1023 })).toThrow(
      ParameterSizeError,
    )
    expect(() => new Weights(device, set, true, { ...small, maxStorageBufferBindingSize: 1023 })).toThrow(
      'level.wide: 9 × 30 values are 1152 bytes, over the 1023 that one binding',
    )
    const tables = declared()
    tables.table('too-long', 1000, 4, 'zero')
    expect(() => new Weights(device, tables, true, { ...small, maxStorageBufferBindingSize: 1023 })).toThrow(
      /Table too-long: 1000 rows of 16 bytes are 16000 bytes, more than 4 bindings of at most 1023/,
    )
    expect(device.allocatedBytes).toBe(before)
  })
})

it('parameters lie in runs of one binding, aligned, apart, and those that decay first', async () => {
  await fuzz(
    (random) => ({
      limit: 16 * (16 + random.nextBelow(200)),
      sizes: Array.from(
        { length: 1 + random.nextBelow(30) },
        () => [random.nextBelow(4) > 0, 1 + random.nextBelow(60)] as const,
      ),
    }),
    ({ limit, sizes }) => {
      const set = new ParameterSet()
      for (const [i, [decay, floats]] of sizes.entries()) set.declare(`p${i}`, 1, floats, 'zero', { decay })
      const { runs, places } = placeParameters(set.parameters, {
        maxBufferSize: 2 ** 20,
        maxStorageBufferBindingSize: limit,
      })
      const taken = runs.map(({ floats }) => new Uint8Array(floats))
      for (const parameter of set.parameters) {
        const { run, offsetBytes } = places.get(parameter)!
        expect(offsetBytes % 256).toBe(0)
        const { floats, decayedFloats } = runs[run]
        const end = offsetBytes / 4 + parameter.cols
        expect(end).toBeLessThanOrEqual(floats)
        expect(parameter.decay ? end <= decayedFloats : offsetBytes / 4 >= decayedFloats).toBe(true)
        expect(taken[run].subarray(offsetBytes / 4, end).every((owner) => owner === 0)).toBe(true)
        taken[run].fill(1, offsetBytes / 4, end)
      }
      for (const { floats } of runs) {
        expect(floats * 4).toBeLessThanOrEqual(limit)
        expect(floats % 4).toBe(0)
      }
    },
    { runs: 100 },
  )
})

it('gives every dropout a site of its own', () => {
  const set = new ParameterSet()
  expect([set.site(), set.site(), set.site()]).toEqual([1, 2, 3])
})
