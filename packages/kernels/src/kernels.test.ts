import {
  type AnyKernel,
  type GpuDevice,
  Program,
  prepareDispatch,
  type ReferenceArrays,
  requestDevice,
  resolveWgsl,
  type Shape,
  type Tuning,
} from '@headwater/gpu'
import { seededRandom } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kernels } from './index.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'kernel tests' })
})
afterAll(() => device.destroy())

const outputsOf = (kernel: AnyKernel) =>
  Object.entries(kernel.bindings as Record<string, { access: string }>).flatMap(([name, b]) =>
    b.access === 'read_write' ? [name] : [],
  )

async function run(
  kernel: AnyKernel,
  tuning: Tuning,
  shape: Shape,
  arrays: Record<string, Float32Array | Uint32Array>,
) {
  const buffers = Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
      const buffer = device.buffer(name, array.byteLength, usage)
      device.gpuDevice.queue.writeBuffer(buffer, 0, array as Float32Array<ArrayBuffer>)
      return [name, buffer]
    }),
  )
  const program = new Program(device, [prepareDispatch(device, kernel, shape, buffers, tuning)], kernel.name)
  program.submit()
  const outputs: Record<string, Float32Array> = {}
  for (const name of outputsOf(kernel))
    outputs[name] = new Float32Array(await device.read(buffers[name]!, arrays[name]!.byteLength))
  program.dispose()
  for (const buffer of Object.values(buffers)) device.release(buffer)
  return outputs
}

const widen = (arrays: Record<string, Float32Array | Uint32Array>): ReferenceArrays =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, a]) => [name, a instanceof Float32Array ? Float64Array.from(a) : a.slice()]),
  )

describe('every kernel against its float64 reference', () => {
  for (const kernel of kernels)
    for (const tuning of kernel.tunings as readonly Tuning[])
      describe(`${kernel.name}, ${tuning.name}`, () => {
        for (const [index, shape] of (kernel.cases as readonly Shape[]).entries())
          it(`case ${JSON.stringify(shape)}`, async () => {
            // What the adapter cannot run is still compiled by the check below.
            if (!device.supports(tuning.needs))
              return console.log(`not applicable on ${device.adapter.description}: ${kernel.name}/${tuning.name}`)
            const arrays = kernel.example(shape, seededRandom(1000 + index).next)
            const got = await run(kernel, tuning, shape, arrays)
            const want = widen(arrays)
            kernel.reference(shape, want)
            const { absolute, relative } = kernel.tolerance(shape, tuning)
            for (const name of outputsOf(kernel)) {
              let worst = 0
              let at = -1
              for (const [i, value] of want[name]!.entries()) {
                const error =
                  Math.abs(got[name]![i]! - value) / (absolute + relative * Math.abs(value) + Number.MIN_VALUE)
                if (!(error <= worst)) [worst, at] = [error, i]
              }
              expect(worst, `${name}[${at}]: got ${got[name]![at]}, want ${want[name]![at]}`).toBeLessThanOrEqual(1)
            }
            const again = await run(kernel, tuning, shape, arrays)
            for (const name of outputsOf(kernel)) expect(again[name]).toEqual(got[name])
            return undefined
          })
      })
})

describe('WGSL', () => {
  it('compiles for every kernel and tuning', async () => {
    for (const kernel of kernels)
      for (const tuning of kernel.tunings as readonly Tuning[]) {
        const module = device.gpuDevice.createShaderModule({ code: resolveWgsl(kernel, tuning) })
        const { messages } = await module.getCompilationInfo()
        expect(
          messages.filter((m) => m.type === 'error').map((m) => `${kernel.name}:${m.lineNum} ${m.message}`),
        ).toEqual([])
      }
  })
  it('has no two kernels of one name', () => {
    expect(new Set(kernels.map((k) => k.name)).size).toBe(kernels.length)
  })
})
