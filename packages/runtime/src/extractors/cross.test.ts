import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { checkedExtractor } from '../testing/checked-extractor.ts'
import { checkLayer } from '../testing/layer-check.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'cross layers tests' })
})
afterAll(() => device.destroy())

const crossOf = (n: number, d: number, tokens: number, layers: number, rank: number) =>
  checkedExtractor({ kind: 'cross', tokens, layers, rank }, { n, d })

for (const [rows, n, d, tokens, layers, rank, accumulate] of [
  [5, 7, 12, 3, 2, 5, true],
  [1, 1, 4, 1, 1, 1, false],
  [5, 17, 4, 7, 3, 8, false],
] as const)
  it(`${layers} layers of rank ${rank} over ${n} tokens of ${d}, ${rows} rows${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(n), crossOf(n, d, tokens, layers, rank), { rows, whole: true, accumulate }))
