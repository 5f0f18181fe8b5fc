import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { checkedExtractor } from '../testing/checked-extractor.ts'
import { checkDropout } from '../testing/dropout-check.ts'
import { checkLayer } from '../testing/layer-check.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'MLP extractor tests' })
})
afterAll(() => device.destroy())

const mlpOf = (n: number, d: number, tokens: number, hidden: number, dropout?: number) =>
  checkedExtractor({ kind: 'mlp', tokens, hidden }, { n, d, ...(dropout ? { dropout } : {}) })

for (const [rows, n, d, tokens, hidden, accumulate] of [
  [5, 7, 12, 3, 13, true],
  [1, 1, 4, 1, 8, false],
  [5, 17, 4, 7, 17, false],
] as const)
  it(`${hidden} units make ${tokens} of ${n} tokens of ${d}, ${rows} rows${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(n), mlpOf(n, d, tokens, hidden), { rows, whole: false, accumulate }))

it('drops in the backward what the forward dropped', () =>
  checkDropout(device, seededRandom(2), mlpOf(3, 4, 2, 21, 0.5), 'level.mlp.hidden.weight'))
