/**
 * A few kernels of different kinds on a browser's WebGPU, as part of `npm test`. All of them, with all cases and random
 * shapes, run there by `npx nx run kernels:test-browser`.
 */
import { describe, expect, test } from 'vitest'
import { adamw, exampleArrays, gather, layerNormBackward, layerNormForward, matmul } from '../src/index.ts'
import { expectReference } from '../src/testing/expect-reference.ts'
import { runKernel } from '../src/testing/run-kernel.ts'
import { everyTuning, itRuns, randomOf, useDevice } from '../src/testing/test-device.ts'

const some: readonly object[] = [matmul, layerNormForward, layerNormBackward, gather, adamw]
const device = useDevice('kernels in a browser')

test('the device is the page’s own', () => {
  expect(globalThis).toHaveProperty('document')
  expect(device().adapter.vendor).not.toBe('')
})

describe('kernels against the float64 reference in a browser', () => {
  for (const { kernel, tuning, name, cases } of everyTuning)
    if (some.includes(kernel))
      for (const shape of cases.slice(0, 3))
        itRuns(device, `case ${JSON.stringify(shape)} of ${name}`, kernel, tuning, async () => {
          const arrays = exampleArrays(kernel, shape, randomOf(1))
          expectReference(kernel, tuning, shape, arrays, await runKernel(device(), kernel, tuning, shape, arrays))
        })
})
