import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import { Recorder } from '../plan/recorder.ts'
import { columns } from '../plan/tensor.ts'
import * as reading from '../reading-version.ts'
import { checkDropout } from '../testing/dropout-check.ts'
import { type CheckedLayer, checkLayer } from '../testing/layer-check.ts'
import { compressionBackward, compressionForward, declareCompression, type SavedCompression } from './compression.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'dot compression tests' })
})
afterAll(() => device.destroy())

interface Sizes {
  n: number
  d: number
  tokens: number
  columns: number
  hidden: number
  dropout?: number
}

function compressionOf({ n, d, dropout = 0, ...config }: Sizes): CheckedLayer<SavedCompression> {
  const set = new ParameterSet()
  const layer = declareCompression(set, 'compression', config, n * d, d, dropout)
  return {
    set,
    inputs: n * d,
    outputs: config.tokens * d,
    forward: (rec, weights, x, y, training) => compressionForward(rec, weights, layer, x, y, training),
    backward: (rec, weights, x, saved, dy, dx) => compressionBackward(rec, weights, layer, x, saved, dy, dx),
    reference: (values, x) => reading.compression(values, 'compression', config, reading.cut(x, d)).flat(),
  }
}

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
    'compression.hidden.weight',
  ))

it('says what columns and tensors it takes', () => {
  expect(() => compressionOf({ n: 3, d: 4, tokens: 2, columns: 6, hidden: 5 })).toThrow('6 columns')
  const layer = compressionOf({ n: 3, d: 4, tokens: 2, columns: 4, hidden: 5 })
  const weights = new Weights(device, layer.set, false)
  const rec = new Recorder(device)
  const wide = rec.tensor('wide', 2, 16)
  const y = { into: rec.tensor('y', 2, 8), accumulate: false }
  for (const from of [0, 4])
    expect(() => layer.forward(rec, weights, columns(wide, from, 12), y, false)).toThrow(RangeError)
  weights.dispose()
})
