/** In one file: each pipeline is compiled once, which on a software adapter that has none cached takes a second each. */
import type { Arrays, Shape } from '@headwater/gpu'
import type { SeededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit/fuzz'
import { describe, expect, it } from 'vitest'
import { exampleArrays } from './examples/example.ts'
import { kernels } from './index.ts'
import { expectReference } from './testing/expect-reference.ts'
import { outputsOf, runKernel, sameBits } from './testing/run-kernel.ts'
import { everyTuning, isShort, itRuns, randomOf, useDevice } from './testing/test-device.ts'

const device = useDevice('kernels against their references')

describe('every kernel against its float64 reference', () => {
  for (const { kernel, tuning, name, cases } of everyTuning)
    describe(name, () => {
      for (const [index, shape] of cases.entries())
        itRuns(
          device,
          `case ${JSON.stringify(shape)}`,
          kernel,
          tuning,
          async () => {
            const arrays = exampleArrays(kernel, shape, randomOf(1000 + index))
            const got = await runKernel(device(), kernel, tuning, shape, arrays)
            expectReference(kernel, tuning, shape, arrays, got)
            if (isShort && index > 0) return
            // The same bits every time.
            const again = await runKernel(device(), kernel, tuning, shape, arrays)
            for (const output of outputsOf(kernel)) expect(sameBits(again[output], got[output]), output).toBe(true)
          },
          shape,
        )
    })
})

describe('random shapes against the float64 reference', () => {
  for (const { kernel, tuning, name } of everyTuning)
    itRuns(device, name, kernel, tuning, () =>
      fuzz(
        (random: SeededRandom) => kernel.draw((low, high) => low + random.nextBelow(high - low + 1)),
        async (shape, random) => {
          if (!device().supports(tuning, shape)) return
          const arrays = exampleArrays(kernel, shape, () => random.nextFloat())
          expectReference(kernel, tuning, shape, arrays, await runKernel(device(), kernel, tuning, shape, arrays))
        },
        { runs: isShort ? 2 : 12 },
      ),
    )
})

// A broken weight must show: what the reference makes of NaN and infinity, the kernel makes of them too.
describe('NaN and infinity come out as in the reference', () => {
  for (const { kernel, tuning, name, cases } of everyTuning) {
    const shape = cases[Math.min(1, cases.length - 1)]
    const example: Arrays = exampleArrays(kernel, shape, randomOf(7))
    const inputs = Object.keys(example).filter(
      (binding) => example[binding] instanceof Float32Array && !kernel.finite?.includes(binding),
    )
    for (const binding of inputs)
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        itRuns(device, `${name}: ${binding} holds ${value}`, kernel, tuning, async () => {
          const arrays = { ...example, [binding]: example[binding].slice() }
          arrays[binding][Math.floor(randomOf(8)() * arrays[binding].length)] = value
          expectReference(kernel, tuning, shape, arrays, await runKernel(device(), kernel, tuning, shape, arrays))
        })
  }
})

describe('a declaration', () => {
  it('has a name of its own', () => {
    expect(new Set(kernels.map((kernel) => kernel.name)).size).toBe(kernels.length)
  })

  for (const kernel of kernels)
    it(`${kernel.name}: sizes are those of its examples`, () => {
      for (const shape of kernel.cases as readonly Shape[])
        for (const [binding, array] of Object.entries(exampleArrays(kernel, shape, () => 0.5) as Arrays)) {
          const lanes = kernel.bindings[binding].type.startsWith('vec4') ? 4 : 1
          expect(array.length, `${binding} of ${JSON.stringify(shape)}`).toBe(kernel.sizes(shape)[binding] * lanes)
        }
    })
})
