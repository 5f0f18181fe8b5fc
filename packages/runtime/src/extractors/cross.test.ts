import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { type CheckedLayer, checkLayer } from '../testing/layer-check.ts'
import { crossBackward, crossForward, declareCross, type SavedCross } from './cross.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'cross layers tests' })
})
afterAll(() => device.destroy())

function crossOf(n: number, d: number, tokens: number, layers: number, rank: number): CheckedLayer<SavedCross> {
  const set = new ParameterSet()
  const cross = declareCross(set, 'cross', { tokens, layers, rank }, n * d, d)
  return {
    set,
    inputs: n * d,
    outputs: tokens * d,
    forward: (rec, weights, x, y) => crossForward(rec, weights, cross, x, y),
    backward: (rec, weights, x, saved, dy, dx) => crossBackward(rec, weights, cross, x, saved, dy, dx),
    reference: (values, x) => reading.cross(values, 'cross', { tokens, layers, rank }, reading.cut(x, d)).flat(),
  }
}

for (const [rows, n, d, tokens, layers, rank, accumulate] of [
  [5, 7, 12, 3, 2, 5, true],
  [1, 1, 4, 1, 1, 1, false],
  [5, 17, 4, 7, 3, 8, false],
] as const)
  it(`${layers} layers of rank ${rank} over ${n} tokens of ${d}, ${rows} rows${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(n), crossOf(n, d, tokens, layers, rank), { rows, whole: true, accumulate }))
