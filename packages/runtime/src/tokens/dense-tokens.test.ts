import type { SideLayout } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DenseTokensConfig } from '../config/config.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { checkStep, TokenStep } from '../testing/token-step.ts'
import { declareDenseTokens, denseTokensBackward, denseTokensForward } from './dense-tokens.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'dense token tests' })
})
afterAll(() => device.destroy())

const cases: [F: number, width: number, config: DenseTokensConfig][] = [
  [5, 8, { tokens: 3, standardize: false, encoding: { kind: 'plain' } }],
  [9, 4, { tokens: 1, standardize: true, encoding: { kind: 'plain' } }],
  [5, 12, { tokens: 2, standardize: true, encoding: { kind: 'periodic', frequencies: 8, sigma: 0.3 } }],
  [1, 4, { tokens: 2, standardize: false, encoding: { kind: 'periodic', frequencies: 4, sigma: 0.3 } }],
  [7, 8, { tokens: 2, standardize: true, encoding: { kind: 'piecewise', bins: 5 } }],
  [4, 8, { tokens: 1, standardize: false, encoding: { kind: 'piecewise', bins: 1 } }],
]

it.each(cases)('%i values as tokens of width %i, %o, against float64', async (F, width, config) => {
  const random = seededRandom(F)
  const [planned, rows] = [9, 5]
  const layout: SideLayout = { dense: Array.from({ length: F }, (_, f) => `dense ${f}`), bags: [], sequence: null }
  const set = new ParameterSet()
  const tokens = declareDenseTokens(set, 'user', F, width, config)!
  const step = new TokenStep(device, set, { layout, bags: 'mean', recent: 0 }, planned, (rec, weights, batch) => {
    const y = rec.tensor('y', planned, config.tokens * width)
    const saved = denseTokensForward(rec, weights, tokens, batch.dense!, y)
    return { y, backward: (dy) => denseTokensBackward(rec, weights, tokens, saved, dy) }
  })
  const values = new Map<string, Float32Array>()
  if (config.encoding.kind === 'piecewise') {
    const { bins } = config.encoding
    const edges = new Float32Array(F * (bins + 1)).fill(-1.5)
    // A quarter of the bins have no width.
    for (let i = 0; i < edges.length; i++)
      if (i % (bins + 1) > 0) edges[i] = edges[i - 1] + (random.nextBelow(4) === 0 ? 0 : random.nextFloat() + 0.1)
    values.set('user.dense.edges', edges)
  }
  const batch = randomBatch(layout, rows, random)
  await checkStep(step, {
    first: randomBatch(layout, planned, random),
    batch,
    random,
    values,
    constants: ['user.dense.center', 'user.dense.scale', 'user.dense.edges'],
    reference: (at, r) => reading.denseTokens(at, config, width, reading.rowAt(layout, batch, r).dense).flat(),
  })
  step.dispose()
})

it('makes no token of nothing, and none where none is wanted', () => {
  const set = new ParameterSet()
  const plain = { standardize: true, encoding: { kind: 'plain' } } as const
  expect(declareDenseTokens(set, 'user', 0, 8, { tokens: 2, ...plain })).toBeNull()
  expect(declareDenseTokens(set, 'user', 5, 8, { tokens: 0, ...plain })).toBeNull()
  expect(set.entries()).toEqual([])
})
