import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ExtractorConfig } from '../extractors/extractors.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { columns, type Tensor } from '../plan/tensor.ts'
import * as reading from '../reading-version.ts'
import { checkDropout } from '../testing/dropout-check.ts'
import { type CheckedLayer, checkLayer } from '../testing/layer-check.ts'
import type { LevelConfig } from './level.ts'
import { declarePyramid } from './pyramid.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'pyramid tests' })
})
afterAll(() => device.destroy())

interface Sizes {
  n: number
  d: number
  denseTokens: number
  /** Input tokens before the dense ones. */
  denseAt?: number
  dropout?: number
}

function pyramidOf(levels: readonly LevelConfig[], sizes: Sizes): CheckedLayer {
  const { n, d, denseTokens, denseAt = 0, dropout = 0 } = sizes
  const set = new ParameterSet()
  const tokens = Array.from({ length: n }, (_, i) => `token ${i}`)
  const names = tokens.slice(denseAt, denseAt + denseTokens)
  const pyramid = declarePyramid(set, levels, { tokens, width: d, dropout }, names)
  const dense = (x: Tensor) => (denseTokens > 0 ? columns(x, denseAt * d, denseTokens * d) : null)
  return {
    set,
    inputs: n * d,
    outputs: pyramid.tokens.length * d,
    forward(rec, x, y, training) {
      const recorded = pyramid.forward(rec, x, dense(x), training)
      copyTokens(rec, recorded.x, y)
      return (dy, dx) => {
        const dx0 = recorded.backward(dy)
        expect(dx0).toMatchObject({ rows: x.rows, cols: x.cols, stride: x.cols, offset: 0 })
        copyTokens(rec, dx0, dx)
      }
    },
    reference: (values, x) => {
      const x0 = reading.cut(x, d)
      const xDense = x0.slice(denseAt, denseAt + denseTokens)
      const last = levels.reduce(
        (tokens, config, k) => reading.level(values, `user.level${k + 1}`, config, tokens, xDense),
        x0,
      )
      return last.flat()
    },
  }
}

const none: LevelConfig = { extractors: [], norm: 'layer', residual: true, dense: true }
const extractors: readonly ExtractorConfig[] = [
  { kind: 'mlp', tokens: 1, hidden: 7 },
  { kind: 'compression', tokens: 2, columns: 4, hidden: 5 },
  { kind: 'cross', tokens: 1, layers: 2, rank: 3 },
  { kind: 'mixer', tokens: 2, tokenHidden: 3, channelHidden: 5 },
]
const norms = ['layer', 'rms', undefined] as const
/** A level with a norm and parts, `undefined` and `false` meaning without. */
function levelOf(extractors: readonly ExtractorConfig[], norm: (typeof norms)[number], off: Off = {}): LevelConfig {
  return {
    extractors,
    ...(norm ? { norm } : {}),
    ...(off.residual === false ? {} : { residual: true }),
    ...(off.dense === false ? {} : { dense: true }),
  }
}

interface Off {
  readonly residual?: false
  readonly dense?: false
}

const whole = { rows: 5, whole: true, accumulate: false }

describe('one level', () => {
  for (let subset = 0; subset < 16; subset++) {
    const on = extractors.filter((_, i) => subset & (1 << i))
    const norm = norms[subset % 3]
    it(`${on.map(({ kind }) => kind).join(', ') || 'no extractor'}, ${norm ?? 'no'} norm: result and gradients`, () =>
      checkLayer(device, seededRandom(subset), pyramidOf([levelOf(on, norm)], { n: 7, d: 4, denseTokens: 2 }), {
        ...whole,
        rows: 3,
      }))
  }

  it('has its tokens in the order of the list', () =>
    checkLayer(
      device,
      seededRandom(6),
      pyramidOf([levelOf(extractors.toReversed(), 'rms')], { n: 7, d: 4, denseTokens: 1 }),
      whole,
    ))

  it('has tokens without dense ones', () =>
    checkLayer(
      device,
      seededRandom(5),
      pyramidOf([levelOf(extractors.slice(0, 1), 'layer')], { n: 3, d: 12, denseTokens: 0 }),
      { ...whole, rows: 1 },
    ))
})

const off: Off = { residual: false, dense: false }

describe('without the residual, the dense tokens or both', () => {
  const switches: readonly Off[] = [{ residual: false }, { dense: false }, off]
  for (const [i, own] of switches.entries())
    for (const extractor of extractors) {
      const { kind } = extractor
      const norm = norms[i]
      it(`${kind} alone, ${Object.keys(own).join(' and ')} off, ${norm ?? 'no'} norm: result and gradients`, () => {
        const sizes = { n: 6, d: kind === 'mixer' ? 4 : 12, denseTokens: 2 }
        const layer = pyramidOf([levelOf([extractor], norm, own)], sizes)
        return checkLayer(device, seededRandom(i), layer, { ...whole, rows: 2 })
      })
    }

  // Levels that hand dense tokens on, before, between and behind those that do not.
  for (const [i, [first, second]] of [
    [off, {}],
    [{}, off],
    [{ dense: false }, { residual: false }],
    [off, off],
  ].entries())
    it(`in one level of two, ${i + 1}: result and gradients`, () => {
      const levels = [
        levelOf(extractors, 'rms', first as Off),
        levelOf([{ kind: 'mlp', tokens: 2, hidden: 9 }], 'layer', second as Off),
      ]
      const sizes = { n: 9, d: 4, denseTokens: 2, denseAt: 3 }
      return checkLayer(device, seededRandom(20 + i), pyramidOf(levels, sizes), whole)
    })
})

describe('two levels', () => {
  const all = levelOf(extractors, 'layer')
  const sizes = { n: 17, d: 4, denseTokens: 1 }
  it('all extractors: result and gradients', () =>
    checkLayer(device, seededRandom(1), pyramidOf([all, { ...all, norm: 'rms' }], sizes), whole))
  for (const [k, extractor] of extractors.entries())
    it(`${extractor.kind}: result and gradients`, () => {
      const levels = [levelOf([extractor], 'layer'), levelOf([extractor], k % 2 ? undefined : 'layer')]
      const layer = pyramidOf(levels, {
        n: 5,
        d: 12,
        denseTokens: 2,
        denseAt: 3,
      })
      return checkLayer(device, seededRandom(k), layer, { ...whole, rows: 2 })
    })

  it('drop in the backward what the forward dropped, each units of its own', () => {
    const level: LevelConfig = {
      ...none,
      extractors: [
        { kind: 'mlp', tokens: 2, hidden: 24 },
        { kind: 'compression', tokens: 2, columns: 4, hidden: 24 },
      ],
      residual: true,
      dense: true,
    }
    const layer = pyramidOf([level, level], { ...sizes, dropout: 0.5 })
    return checkDropout(device, seededRandom(3), layer, 'user.level1.compression.hidden.weight')
  })
})

function randomLevel(random: SeededRandom): LevelConfig {
  const upTo = (most: number) => 1 + random.nextBelow(most)
  // Enough units that one of them is on, or there would be no gradient to check.
  const hidden = () => 8 + upTo(9)
  const own: ExtractorConfig[] = [
    { kind: 'compression', tokens: upTo(3), columns: 4 * upTo(2), hidden: hidden() },
    { kind: 'cross', tokens: upTo(3), layers: upTo(3), rank: upTo(6) },
    { kind: 'mixer', tokens: upTo(3), tokenHidden: upTo(6), channelHidden: upTo(9) },
  ]
  const mlp: ExtractorConfig = { kind: 'mlp', tokens: upTo(3), hidden: hidden() }
  return levelOf([mlp, ...own.filter(() => random.nextBelow(2) === 1)], norms[random.nextBelow(3)], {
    ...(random.nextBelow(3) === 0 && { residual: false }),
    ...(random.nextBelow(3) === 0 && { dense: false }),
  })
}

it('has the reference’s result and gradients whatever its sizes', () =>
  fuzz(
    (random) => {
      const n = 1 + random.nextBelow(9)
      const denseTokens = random.nextBelow(Math.min(n, 3) + 1)
      const denseAt = random.nextBelow(n - denseTokens + 1)
      const sizes = { n, d: 4 * (1 + random.nextBelow(3)), denseTokens, denseAt }
      const levels = Array.from({ length: 1 + random.nextBelow(2) }, () => randomLevel(random))
      const shape = { rows: 1 + random.nextBelow(4), whole: true, accumulate: random.nextBelow(2) === 1 }
      return { sizes, levels, shape }
    },
    ({ sizes, levels, shape }, random) => checkLayer(device, random, pyramidOf(levels, sizes), shape),
    { runs: 12 },
  ))
