import type { AnyKernel, Shape, Tuning } from '@headwater/gpu'
import { it } from 'vitest'
import { exampleArrays } from '../examples/example.ts'
import { adamw } from '../optimizer/adamw.ts'
import { expectReference } from '../testing/expect-reference.ts'
import { runKernel } from '../testing/run-kernel.ts'
import { randomOf, useDevice } from '../testing/test-device.ts'
import { packHalf } from './half.ts'
import { normBoundBackward, normBoundForward } from './norm-bound.ts'

const device = useDevice('large grids')

// With their own tunings, over 65,535 workgroups need more than one binding holds; with one lane each they do not.
const tile = { name: '1x1', lanes: 1, each: 1 }
const rowWise = { name: 'one lane', workgroupSize: 1 }
const normBound = { R: 65_599, D4: 1, bound: 1, xColumn: 0, xRow: 1, yColumn: 0, yRow: 1 }
const grids: [AnyKernel, Tuning, Shape][] = [
  [adamw, tile, { count4: 65_599, decayed4: 65_590 }],
  [packHalf, tile, { count: 65_599 * 8 - 3, xOffset: 0, yOffset: 0 }],
  [normBoundForward, rowWise, normBound],
  [normBoundBackward, rowWise, normBound],
]

for (const [kernel, tuning, shape] of grids)
  it(`${kernel.name} over 65,535 workgroups`, async () => {
    const arrays = exampleArrays(kernel, shape, randomOf(5))
    expectReference(kernel, tuning, shape, arrays, await runKernel(device(), kernel, tuning, shape, arrays))
  })
