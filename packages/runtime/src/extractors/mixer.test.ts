import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { type CheckedLayer, checkLayer } from '../testing/layer-check.ts'
import { declareMixer, mixerBackward, mixerForward, type SavedMixer } from './mixer.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'mixer tests' })
})
afterAll(() => device.destroy())

interface Sizes {
  n: number
  d: number
  tokens: number
  tokenHidden: number
  channelHidden: number
}

function mixerOf({ n, d, ...config }: Sizes): CheckedLayer<SavedMixer> {
  const set = new ParameterSet()
  const mixer = declareMixer(set, 'mixer', config, n * d, d)
  return {
    set,
    inputs: n * d,
    outputs: config.tokens * d,
    forward: (rec, weights, x, y, training) => mixerForward(rec, weights, mixer, x, y, training),
    backward: (rec, weights, x, saved, dy, dx) => mixerBackward(rec, weights, mixer, x, saved, dy, dx),
    reference: (values, x) => reading.mixer(values, 'mixer', config, reading.cut(x, d)).flat(),
  }
}

for (const [rows, sizes, whole, accumulate] of [
  [5, { n: 7, d: 12, tokens: 3, tokenHidden: 5, channelHidden: 13 }, false, true],
  [1, { n: 1, d: 4, tokens: 1, tokenHidden: 1, channelHidden: 3 }, true, false],
  [5, { n: 17, d: 4, tokens: 7, tokenHidden: 17, channelHidden: 8 }, false, false],
] as const)
  it(`${JSON.stringify(sizes)}, ${rows} rows${accumulate ? ', added' : ''}`, () =>
    checkLayer(device, seededRandom(sizes.n), mixerOf(sizes), { rows, whole, accumulate }))
