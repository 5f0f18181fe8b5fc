import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { checkedExtractor } from '../testing/checked-extractor.ts'
import { checkLayer } from '../testing/layer-check.ts'
import type { ExtractorConfig } from './extractors.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'mixer tests' })
})
afterAll(() => device.destroy())

type Sizes = { n: number; d: number } & Omit<ExtractorConfig<'mixer'>, 'kind'>

const mixerOf = ({ n, d, ...sizes }: Sizes) => checkedExtractor({ kind: 'mixer', ...sizes }, { n, d })

for (const [rows, sizes, whole, accumulate] of [
  [5, { n: 7, d: 12, tokens: 3, tokenHidden: 5, channelHidden: 13 }, false, true],
  [1, { n: 1, d: 4, tokens: 1, tokenHidden: 1, channelHidden: 3 }, true, false],
  [5, { n: 17, d: 4, tokens: 7, tokenHidden: 17, channelHidden: 8 }, false, false],
] as const)
  it(`${JSON.stringify(sizes)}, ${rows} rows${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(sizes.n), mixerOf(sizes), { rows, whole, accumulate }))
