import type { SideLayout } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { checkStep, TokenStep } from '../testing/token-step.ts'
import { dense } from './dense-tokens.ts'
import type { TokenConfig } from './token-kinds.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'dense token tests' })
})
afterAll(() => device.destroy())

const cases: [F: number, width: number, config: TokenConfig<'dense'>][] = [
  [5, 8, { kind: 'dense', tokens: 3 }],
  [9, 4, { kind: 'dense', tokens: 1, standardize: true }],
  [5, 12, { kind: 'dense', tokens: 2, standardize: true, encoding: { kind: 'periodic', frequencies: 8, sigma: 0.3 } }],
  [1, 4, { kind: 'dense', tokens: 2, encoding: { kind: 'periodic', frequencies: 4, sigma: 0.3 } }],
  [7, 8, { kind: 'dense', tokens: 2, standardize: true, encoding: { kind: 'piecewise', bins: 5 } }],
  [4, 8, { kind: 'dense', tokens: 1, encoding: { kind: 'piecewise', bins: 1 } }],
]

it.each(cases)('%i values as tokens of width %i, %o, against float64', async (F, width, config) => {
  const random = seededRandom(F)
  const [planned, rows] = [9, 5]
  const layout: SideLayout = { dense: Array.from({ length: F }, (_, f) => `dense ${f}`), bags: [], sequence: null }
  const set = new ParameterSet()
  const tokens = dense.declare(set, config, layout, width)
  const step = new TokenStep(device, set, { layout, bags: 'mean', recent: 0 }, planned, (rec, batch) => {
    const y = rec.tensor('y', planned, config.tokens * width)
    return { y, backward: tokens(rec, batch, y) }
  })
  const values = new Map<string, Float32Array>()
  if (config.encoding?.kind === 'piecewise') {
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
    reference: (at, r) => reading.denseTokens(at, config, width, reading.rowAt(layout, batch, r)).flat(),
  })
  step.dispose()
})

it('makes no token of nothing', () => {
  const nothing: SideLayout = { dense: [], bags: [], sequence: null }
  expect(dense.sources({ tokens: 2 }, nothing)).toEqual([])
})
