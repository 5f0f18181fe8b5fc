import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { checkDropout } from '../testing/dropout-check.ts'
import { type CheckedLayer, checkLayer } from '../testing/layer-check.ts'
import { declareMlp, mlpBackward, mlpForward, type SavedMlp } from './mlp.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'MLP extractor tests' })
})
afterAll(() => device.destroy())

function mlpOf(n: number, d: number, tokens: number, hidden: number, dropout = 0): CheckedLayer<SavedMlp> {
  const set = new ParameterSet()
  const mlp = declareMlp(set, 'mlp', { tokens, hidden }, n * d, d, dropout)
  return {
    set,
    inputs: n * d,
    outputs: tokens * d,
    forward: (rec, weights, x, y, training) => mlpForward(rec, weights, mlp, x, y, training),
    backward: (rec, weights, x, saved, dy, dx) => mlpBackward(rec, weights, mlp, x, saved, dy, dx),
    reference: (values, x) => reading.mlp(values, 'mlp', { tokens, hidden }, reading.cut(x, d)).flat(),
  }
}

for (const [rows, n, d, tokens, hidden, accumulate] of [
  [5, 7, 12, 3, 13, true],
  [1, 1, 4, 1, 8, false],
  [5, 17, 4, 7, 17, false],
] as const)
  it(`${hidden} units make ${tokens} of ${n} tokens of ${d}, ${rows} rows${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(n), mlpOf(n, d, tokens, hidden), { rows, whole: false, accumulate }))

it('drops in the backward what the forward dropped', () =>
  checkDropout(device, seededRandom(2), mlpOf(3, 4, 2, 21, 0.5), 'mlp.hidden.weight'))
