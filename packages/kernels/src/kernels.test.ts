import { type GpuDevice, requestDevice, resolveWgsl, type Shape, type Tuning } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bceMultiTask, gatherMean, kernels, layerNormForward, matmul } from './index.ts'
import { expectReference, outputsOf, runKernel } from './testing/run-kernel.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'kernel tests' })
})
afterAll(() => device.destroy())

const randomOf = (seed: number) => {
  const random = seededRandom(seed)
  return () => random.nextFloat()
}

describe('every kernel against its float64 reference', () => {
  for (const kernel of kernels)
    for (const tuning of kernel.tunings as readonly Tuning[])
      describe(`${kernel.name}, ${tuning.name}`, () => {
        for (const [index, shape] of (kernel.cases as readonly Shape[]).entries())
          it(`case ${JSON.stringify(shape)}`, async () => {
            // What the adapter cannot run is still compiled by the check below.
            if (!device.supports(tuning.needs))
              return console.log(`not applicable on ${device.adapter.description}: ${kernel.name}/${tuning.name}`)
            const arrays = kernel.example(shape, randomOf(1000 + index))
            const got = await runKernel(device, kernel, tuning, shape, arrays)
            expectReference(kernel, tuning, shape, arrays, got)
            const again = await runKernel(device, kernel, tuning, shape, arrays)
            for (const name of outputsOf(kernel)) expect(again[name]).toEqual(got[name])
            return undefined
          })
      })
})

describe('WGSL', () => {
  it('compiles for every kernel and tuning, on a device that needs no driver and has the default limits', async () => {
    const compiler = await requestDevice({ label: 'compile check', dawn: ['backend=null'] })
    for (const kernel of kernels)
      for (const tuning of kernel.tunings as readonly Tuning[]) {
        const module = compiler.gpuDevice.createShaderModule({ code: resolveWgsl(kernel, tuning) })
        const { messages } = await module.getCompilationInfo()
        expect(messages.map((m) => `${kernel.name}/${tuning.name}:${m.lineNum}:${m.linePos} ${m.message}`)).toEqual([])
        compiler.pipeline(kernel, tuning)
        expect(() => compiler.check(), kernel.name).not.toThrow()
      }
    compiler.destroy()
  })

  it('has no two kernels of one name', () => {
    expect(new Set(kernels.map((k) => k.name)).size).toBe(kernels.length)
  })
})

// A broken weight must show in the loss: NaN in gives NaN out, also through ReLU.
describe('NaN passes through', () => {
  for (const [kernel, shape, input] of [
    [matmul, { ...matmul.cases[3], relu: 1 }, 'a'],
    [layerNormForward, layerNormForward.cases[2], 'x'],
    [gatherMean, { ...gatherMean.cases[1], V: 1 }, 'table'],
    [bceMultiTask, bceMultiTask.cases[1], 'logits'],
  ] as const)
    for (const tuning of kernel.tunings)
      it(`${kernel.name}, ${tuning.name}`, async () => {
        if (!device.supports(tuning.needs))
          return console.log(`not applicable on ${device.adapter.description}: ${kernel.name}/${tuning.name}`)
        const arrays: Record<string, Float32Array | Uint32Array> = kernel.example(shape as never, randomOf(1))
        arrays[input][0] = Number.NaN
        const [output] = outputsOf(kernel)
        const got = await runKernel(device, kernel, tuning, shape, arrays)
        expect(got[output].some(Number.isNaN)).toBe(true)
        return undefined
      })
})
