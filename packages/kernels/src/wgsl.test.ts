import { existsSync, readdirSync } from 'node:fs'
import { type AnyKernel, type GpuDevice, requestDevice, resolveWgsl, type Tuning } from '@headwater/gpu'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kernels } from './index.ts'
import { everyTuning } from './testing/test-device.ts'

/** What every kernel's WGSL is, to be read in reviews. */
const folder = `${import.meta.dirname}/../wgsl`
const fileOf = ({ kernel, tuning }: { kernel: AnyKernel; tuning: Tuning }) => `${kernel.name}.${tuning.name}.wgsl`

let compiler: GpuDevice
beforeAll(async () => {
  compiler = await requestDevice({ label: 'compile check', dawn: ['backend=null'] })
})
afterAll(() => compiler.destroy())

describe('compiles on a device that needs no driver and has the default limits', () => {
  for (const { kernel, tuning, name } of everyTuning)
    it(name, async () => {
      const { gpuDevice } = compiler
      gpuDevice.pushErrorScope('validation')
      const module = gpuDevice.createShaderModule({ code: resolveWgsl(kernel, tuning) })
      const { messages } = await module.getCompilationInfo()
      compiler.pipeline(kernel, tuning)
      const error = await gpuDevice.popErrorScope()
      expect(messages.map(({ lineNum, linePos, message }) => `${lineNum}:${linePos} ${message}`)).toEqual([])
      expect(error?.message).toBeUndefined()
    })
})

describe('the first tuning runs on every adapter', () => {
  for (const kernel of kernels) it(kernel.name, () => expect(kernel.tunings[0].minSubgroupSize).toBeUndefined())
})

describe('WGSL is as on file; npx vitest run --project kernels wgsl --update writes it', () => {
  for (const entry of everyTuning)
    it(entry.name, () =>
      expect(resolveWgsl(entry.kernel, entry.tuning)).toMatchFileSnapshot(`${folder}/${fileOf(entry)}`),
    )

  it('and none is on file that no kernel has', () => {
    const files = existsSync(folder) ? readdirSync(folder) : []
    const made = new Set(everyTuning.map(fileOf))
    expect(files.filter((file) => !made.has(file))).toEqual([])
  })
})
