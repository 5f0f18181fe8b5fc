import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withWeights } from '../parameters/model-recorder.ts'
import { Weights } from '../parameters/weights.ts'
import { Recorder } from '../plan/recorder.ts'
import { columns } from '../plan/tensor.ts'
import { checkedExtractor } from '../testing/checked-extractor.ts'
import { checkDropout } from '../testing/dropout-check.ts'
import { checkLayer } from '../testing/layer-check.ts'
import type { ExtractorConfig } from './extractors.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'dot compression tests' })
})
afterAll(() => device.destroy())

type Sizes = { n: number; d: number; dropout?: number } & Omit<ExtractorConfig<'compression'>, 'kind'>

const compressionOf = ({ n, d, dropout = 0, ...sizes }: Sizes) =>
  checkedExtractor({ kind: 'compression', ...sizes }, { n, d, dropout })

for (const [rows, sizes, accumulate] of [
  [5, { n: 7, d: 12, tokens: 3, columns: 4, hidden: 13 }, true],
  [1, { n: 3, d: 4, tokens: 1, columns: 4, hidden: 8 }, false],
  [5, { n: 17, d: 4, tokens: 7, columns: 12, hidden: 9 }, false],
] as const)
  it(`${JSON.stringify(sizes)}, ${rows} rows${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(sizes.n), compressionOf(sizes), { rows, whole: true, accumulate }))

it('drops in the backward what the forward dropped', () =>
  checkDropout(
    device,
    seededRandom(2),
    compressionOf({ n: 5, d: 4, tokens: 2, columns: 4, hidden: 21, dropout: 0.5 }),
    'level.compression.hidden.weight',
  ))

it('says what tensors it takes', () => {
  const layer = compressionOf({ n: 3, d: 4, tokens: 2, columns: 4, hidden: 5 })
  const weights = new Weights(device, layer.set, false)
  const rec = withWeights(new Recorder(device), weights)
  const wide = rec.tensor('wide', 2, 16)
  const y = { into: rec.tensor('y', 2, 8), accumulate: false }
  for (const from of [0, 4]) expect(() => layer.forward(rec, columns(wide, from, 12), y, false)).toThrow(RangeError)
  weights.dispose()
})
