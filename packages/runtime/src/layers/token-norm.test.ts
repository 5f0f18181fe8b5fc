import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { type CheckedLayer, checkLayer } from '../testing/layer-check.ts'
import { copyTokens } from './token-matrix.ts'
import { declareTokenNorm } from './token-norm.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'token norm tests' })
})
afterAll(() => device.destroy())

function normOf(kind: 'layer' | 'rms', n: number, d: number): CheckedLayer {
  const set = new ParameterSet()
  const norm = declareTokenNorm(set, 'norm', kind, d)
  return {
    set,
    inputs: n * d,
    outputs: n * d,
    forward(rec, x, y) {
      if (!y.accumulate) return norm(rec, x, y.into)
      // The forward itself assigns only.
      const behind = rec.tensor('behind', x.rows, n * d)
      const backward = norm(rec, x, behind)
      copyTokens(rec, behind, y)
      return backward
    },
    reference: (values, x) => reading.cut(x, d).flatMap((token) => reading.norm(values, 'norm', kind, token)),
  }
}

for (const [kind, rows, n, d, whole, accumulate] of [
  ['layer', 5, 7, 12, false, false],
  ['layer', 1, 1, 4, false, true],
  // more tokens than a slice of the sums for gain and shift
  ['layer', 89, 3, 4, true, false],
  ['rms', 5, 3, 12, false, true],
  ['rms', 1, 17, 4, true, false],
] as const)
  it(`${kind} norm of ${n} tokens of ${d}, ${rows} rows${whole ? ', whole' : ''}${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(n), normOf(kind, n, d), { rows, whole, accumulate }))
