import type { SideLayout } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { InputBatch } from '../inputs/input-batch.ts'
import { withWeights } from '../parameters/model-recorder.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import { Recorder } from '../plan/recorder.ts'
import { queueWrite } from '../plan/upload-ring.ts'
import * as reading from '../reading-version.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { checkStep, TokenStep } from '../testing/token-step.ts'
import type { TokenConfig } from './token-kinds.ts'
import { declareUserTokens } from './user-tokens.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'user token tests' })
})
afterAll(() => device.destroy())

const layout: SideLayout = {
  dense: ['age', 'known', 'clicks', 'views', 'days'],
  bags: [
    { name: 'tags', buckets: 7, maxValues: 3 },
    { name: 'country', buckets: 5, maxValues: 1 },
  ],
  sequence: { length: 4, buckets: 9, channels: 2, weights: 0, categories: [{ name: 'kind', buckets: 5 }] },
}

const dense: TokenConfig = {
  kind: 'dense',
  tokens: 2,
  standardize: true,
  encoding: { kind: 'periodic', frequencies: 4, sigma: 0.2 },
}
const bags: TokenConfig = { kind: 'bags', pooling: 'attention' }
const events: TokenConfig = { kind: 'events', blocks: { count: 1, heads: 2, hidden: 8 }, pooled: 2, recent: 1 }
const all = [dense, bags, events]
/** d */
const width = 8
const tower = { tokenWidth: width, levels: [] }

const none: SideLayout = { dense: [], bags: [], sequence: null }

it.each<[string, SideLayout, readonly TokenConfig[], number, number]>([
  ['every kind of token', layout, all, 7, 2],
  ['bags alone', { ...none, bags: layout.bags }, all, 2, 0],
  ['a sequence alone', { ...none, sequence: layout.sequence }, all, 3, 0],
  ['no tokens of the sequence', layout, [dense, { kind: 'bags', pooling: 'sum' }], 4, 2],
  ['dense values that are not used', layout, [{ kind: 'bags', pooling: 'mean' }, events], 5, 0],
  ['bags that are not used, dense values last', layout, [events, dense], 5, 2],
])('%s, against float64', async (_, given, wanted, count, denseTokens) => {
  const random = seededRandom(count)
  const set = new ParameterSet()
  const tokens = declareUserTokens(set, given, wanted, width)
  expect([tokens.tokens.length, tokens.dense.length]).toEqual([count, denseTokens])
  const step = new TokenStep(device, set, tokens.needs, 9, (rec, batch) => {
    const { x0, xDense, backward } = tokens.forward(rec, batch)
    expect(x0).toMatchObject({ rows: 9, cols: count * 8, stride: count * 8, offset: 0 })
    if (denseTokens === 0) expect(xDense).toBeNull()
    else
      expect(xDense).toEqual({ ...x0, cols: denseTokens * 8, offset: tokens.tokens.indexOf(tokens.dense[0]) * width })
    return { y: x0, backward }
  })
  const batch = randomBatch(given, 6, random)
  await checkStep(step, {
    first: randomBatch(given, 9, random),
    batch,
    random,
    constants: ['user.dense.center', 'user.dense.scale'],
    reference: (values, r) =>
      reading.inputTokens(values, { ...tower, tokens: wanted }, reading.rowAt(given, batch, r)).x0.flat(),
  })
  step.dispose()
})

it('gives the same tokens where nothing is kept for a backward', async () => {
  const set = new ParameterSet()
  const tokens = declareUserTokens(set, layout, all, width)
  const weights = new Weights(device, set, false)
  const random = seededRandom(2)
  const values: reading.Tensors = new Map(
    set.entries().map(({ name, rows, cols }) => {
      const data = Float32Array.from({ length: rows * cols }, () => random.nextNormal() / 2)
      weights.write(name, data)
      return [name, { rows, cols, data }]
    }),
  )
  const batch = new InputBatch(device, tokens.needs, 6, false)
  const rec = new Recorder(device)
  const x0 = rec.keep(tokens.forward(withWeights(rec, weights), batch).x0)
  const plan = rec.plan('tokens to serve')
  const given = randomBatch(layout, 6, random)
  batch.upload(given, queueWrite(device))
  plan.program.submit()
  const got = new Float32Array(await device.read(x0.storage.buffer!))
  const want = Array.from({ length: 6 }, (_, r) =>
    reading.inputTokens(values, { ...tower, tokens: all }, reading.rowAt(layout, given, r)).x0.flat(),
  ).flat()
  for (const [i, value] of want.entries()) expect(got[i], `element ${i}`).toBeCloseTo(value, 4)
  plan.dispose()
  batch.dispose()
  weights.dispose()
})

it('refuses a user without features', () => {
  expect(() => declareUserTokens(new ParameterSet(), none, all, width)).toThrow(/user side gives no token/)
})
