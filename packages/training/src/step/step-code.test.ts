/** How much code a driver has to compile before a first step: seconds of it are measured by bench:cold, and grow with these. */
import { openLog } from '@headwater/datasets'
import { compileFeatures } from '@headwater/features'
import { requestDevice, resolveWgsl } from '@headwater/gpu'
import { kernels } from '@headwater/kernels'
import { declareTower, type PresetName, presets, Weights } from '@headwater/runtime'
import { expect, test } from 'vitest'
import { defaultTraining } from '../options/training-options.ts'
import { TrainStep } from './train-step.ts'

// WGSL in characters; the largest of a pipeline and that of all. A new kernel of a preset may raise them, by what it needs.
const bounds: readonly (readonly [PresetName, { pipelines: number; largest: number; all: number }])[] = [
  ['small', { pipelines: 28, largest: 14_500, all: 117_000 }],
  ['base', { pipelines: 36, largest: 28_000, all: 222_000 }],
]

test.each(bounds)('a step of %s is no more code than it was', async (preset, bound) => {
  const log = await openLog({ data: 'movietweetings' })
  const device = await requestDevice({ label: 'step code' })
  try {
    const { user, item, schema } = compileFeatures(log.schema)
    const tower = declareTower(user, item, schema.tasks.length, presets[preset])
    const weights = new Weights(device, tower.set, true)
    const taskWeights = schema.tasks.map(() => 1)
    const { plan } = new TrainStep(device, tower, weights, defaultTraining.batchRows, taskWeights)
    const { dispatches } = plan.program
    const code = new Set(
      dispatches.map(({ kernel, tuning }) => {
        const declared = kernels.find(({ name }) => name === kernel)!
        return resolveWgsl(declared, declared.tunings.find(({ name }) => name === tuning)!)
      }),
    )
    const sizes = [...code].map(({ length }) => length)
    expect(new Set(dispatches.map(({ pipeline }) => pipeline)).size).toBe(code.size)
    expect(code.size).toBeLessThanOrEqual(bound.pipelines)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(bound.largest)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(bound.all)
  } finally {
    device.destroy()
    await log.close()
  }
})
