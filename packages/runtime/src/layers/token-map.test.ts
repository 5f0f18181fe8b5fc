import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { add } from '../plan/tensor.ts'
import * as reading from '../reading-version.ts'
import { type CheckedLayer, checkLayer } from '../testing/layer-check.ts'
import { declareTokenMap, tokenMapBackward, tokenMapForward } from './token-map.ts'
import { copyTokens } from './token-matrix.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'token map tests' })
})
afterAll(() => device.destroy())

function mapOf(n: number, m: number, d: number, bias: boolean): CheckedLayer {
  const set = new ParameterSet()
  const map = declareTokenMap(set, 'map', n, m, d, { bias })
  return {
    set,
    inputs: n * d,
    outputs: m * d,
    forward: (rec, x, y) => {
      tokenMapForward(rec, map, x, y)
      return (dy, dx) => tokenMapBackward(rec, map, x, dy, dx)
    },
    reference: (values, x) => reading.tokenMap(values, 'map', reading.cut(x, d)).flat(),
  }
}

// The products for dW of 17 tokens of 4 are made in two parts.
for (const [rows, n, m, d, bias, accumulate] of [
  [5, 17, 17, 4, true, false],
  [1, 7, 3, 12, false, true],
  [5, 1, 1, 4, true, true],
  [3, 3, 17, 12, false, false],
] as const)
  it(`maps ${n} to ${m} tokens of ${d}, ${rows} rows${bias ? ', bias' : ''}${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(n * m), mapOf(n, m, d, bias), { rows, whole: false, accumulate }))

it('adds a residual', async () => {
  const [n, d] = [7, 4]
  const set = new ParameterSet()
  const map = declareTokenMap(set, 'map', n, n, d, { bias: true })
  const layer: CheckedLayer = {
    set,
    inputs: n * d,
    outputs: n * d,
    forward: (rec, x, y) => {
      tokenMapForward(rec, map, x, y, { residual: x })
      return (dy, dx) => {
        tokenMapBackward(rec, map, x, dy, dx)
        copyTokens(rec, dy, add(dx.into))
      }
    },
    reference: (values, x) =>
      reading
        .tokenMap(values, 'map', reading.cut(x, d))
        .flat()
        .map((value, i) => value + x[i]),
  }
  for (const accumulate of [false, true])
    await checkLayer(device, seededRandom(9), layer, { rows: 5, whole: false, accumulate })
})
