/** Gradients against central differences, and what is learnt and handed on against closed forms. */
import { compileFeatures } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { describe, expect, test } from 'vitest'
import type { Slope } from '../downstream/gradients.ts'
import { RowBuffer, usualFlags } from '../downstream/rows.ts'
import { TargetAttention } from '../downstream/target-attention.ts'
import { smallEvents, smallSchema } from '../testing/small-log.ts'
import { HistoryAutoencoder } from './history-autoencoder.ts'
import { paddedEvents } from './learned-source.ts'
import { MatrixFactorization } from './matrix-factorization.ts'
import { PooledHistory } from './pooled-history.ts'
import type { Example, Representation } from './representation.ts'
import { unitScale } from './unit-scale.ts'

const options = { users: 3, items: 5, dim: 7, rate: 0.1, penalty: 0, seed: 4 }

/** A few rows whose users have none, one and several events, one of them twice. */
const examples: Example[] = [
  { user: 0, item: 1, history: Uint32Array.of(), label: 1 },
  { user: 1, item: 2, history: Uint32Array.of(3), label: 0 },
  { user: 2, item: 0, history: Uint32Array.of(8, 1, 8, 5), label: 1 },
]

function logLoss(logit: number, label: number): number {
  return Math.log1p(Math.exp(label === 1 ? -logit : logit))
}

/** Holds every slope against (L(x + h) − L(x − h)) / 2h, with x in float32 and h too small to cross a kink of a ReLU. */
function checkSlopes(slopes: readonly Slope[], loss: () => number): void {
  const sums = new Map<Slope['block'], Map<number, number>>()
  for (const { block, row, gradient, factor } of slopes) {
    const own = sums.get(block) ?? new Map<number, number>()
    sums.set(block, own)
    for (let k = 0; k < block.width; k++) {
      const place = row * block.width + k
      own.set(place, (own.get(place) ?? 0) + factor * gradient[k])
    }
  }
  for (const [{ values }, own] of sums)
    for (const place of values.keys()) {
      const before = values[place]
      const [low, high] = [-1, 1].map((sign) => {
        values[place] = before + sign * 2 ** -18
        return { x: values[place], loss: loss() }
      })
      values[place] = before
      expect((high.loss - low.loss) / (high.x - low.x)).toBeCloseTo(own.get(place) ?? 0, 5)
    }
}

/** Weights that are none of the first ones, so that none of them is zero. */
function trained<Model extends Representation>(model: Model): Model {
  for (let i = 0; i < 5; i++) for (const example of examples) model.learn(example)
  return model
}

describe('gradients', () => {
  test('of the factors', () => {
    const model = trained(new MatrixFactorization(options))
    for (const example of examples)
      checkSlopes(model.slopes(example), () => logLoss(model.logit(example), example.label))
  })

  test('of the pooled history', () => {
    const model = trained(new PooledHistory(options))
    for (const example of examples)
      checkSlopes(model.slopes(example), () => logLoss(model.logit(example), example.label))
  })

  test('of the autoencoder', () => {
    const model = trained(new HistoryAutoencoder(options))
    const targets = [
      { event: 8, label: 1 },
      { event: 2, label: 0 },
      { event: 8, label: 0 },
    ] as const
    for (const kept of [[], [8], [1, 5, 1]])
      checkSlopes(model.slopes({ kept, targets }), () => model.loss({ kept, targets }))
  })

  test('of the target attention', async () => {
    const space = compileFeatures({ ...smallSchema, itemBuckets: 8, userBuckets: 4 })
    const buffer = new RowBuffer(space, 6, 5, usualFlags)
    const item = space.allocate('item', 1)
    const random = seededRandom(2)
    for (const [row, event] of smallEvents(6, 3).entries()) {
      space.encodeItem(item, 0, space.newItemState(), event)
      const history = Uint32Array.from({ length: row }, () => random.nextBelow(16))
      buffer.push(row % 4, item, 0, { vector: paddedEvents(history, 5), ageMs: 0 }, row % 2)
    }
    const { view } = buffer
    const model = new TargetAttention(space.item, { userBuckets: 4, events: 5, rate: 0.1, penalty: 0, seed: 5 })
    for (let i = 0; i < 5; i++) await model.step(view)
    for (const row of [0, 3, 5])
      checkSlopes(model.slopes(view, row), () => logLoss(model.logit(view, row), view.labels[row]))
  })
})

test('factors come to the optimum of a log whose users and items meet again and again', () => {
  // Shares of positives that no biases alone can give: users like opposite items.
  const shares = [
    [0.9, 0.2],
    [0.3, 0.8],
  ]
  const model = new MatrixFactorization({ users: 2, items: 2, dim: 4, rate: 0.1, penalty: 0, seed: 1 })
  const history = new Uint32Array(0)
  for (let pass = 0; pass < 2000; pass++)
    for (const [user, own] of shares.entries())
      for (const [item, share] of own.entries()) {
        const label = pass % 10 < Math.round(10 * share) ? 1 : 0
        model.learn({ user, item, history, label })
      }
  for (const [user, own] of shares.entries())
    for (const [item, share] of own.entries())
      expect(1 / (1 + Math.exp(-model.logit({ user, item })))).toBeCloseTo(share, 1)
  expect(model.embed(0)).toHaveLength(4)
})

test('a pooled history is the mean of its events’ own vectors, as published', () => {
  const model = trained(new PooledHistory(options))
  const vectors = () => Array.from({ length: 10 }, (_, event) => model.embed(0, Uint32Array.of(event)))
  const first = vectors()
  model.publish()
  const published = vectors()
  expect(published).not.toEqual(first)
  trained(model)
  expect(vectors()).toEqual(published)
  for (const history of [[8, 1, 8, 5], [0], [9, 3]]) {
    const mean = new Float64Array(options.dim)
    for (const event of history) for (let k = 0; k < mean.length; k++) mean[k] += published[event][k]
    const vector = model.embed(0, Uint32Array.from(history))
    for (let k = 0; k < mean.length; k++) expect(vector[k]).toBeCloseTo(mean[k] / history.length, 10)
  }
  expect(model.embed(0, new Uint32Array(0))).toEqual(new Float64Array(options.dim))
})

test('an autoencoder learns which events go together', () => {
  const model = new HistoryAutoencoder({ ...options, items: 8, dim: 4 })
  const random = seededRandom(6)
  // Events are even or odd with their user.
  for (let i = 0; i < 3000; i++) {
    const user = i % 2
    const history = Uint32Array.from({ length: 4 }, () => 2 * random.nextBelow(8) + user)
    model.learn({ user, item: 0, history, label: 0 })
  }
  const lossOf = (event: number, label: 0 | 1) => model.loss({ kept: [2, 6, 10], targets: [{ event, label }] })
  for (const event of [0, 4, 8, 12, 14]) expect(lossOf(event, 1)).toBeLessThan(lossOf(event + 1, 1))
})

test('vectors are brought to unit size by one number, so that they keep their proportions', () => {
  const vectors = [
    [1, 10],
    [3, 10],
    [5, 16],
  ].map((own) => Float64Array.from(own))
  // Means 3 and 12; squares 4 + 0 + 4 and 4 + 4 + 16, over six numbers: 32 / 6.
  const s = Math.sqrt(32 / 6)
  const scaled = vectors.map((own) => [...unitScale(vectors, 2)(own)])
  const expected = [
    [-2 / s, -2 / s],
    [0, -2 / s],
    [2 / s, 4 / s],
  ]
  for (const [i, own] of scaled.entries()) for (const k of [0, 1]) expect(own[k]).toBeCloseTo(expected[i][k], 12)
  const same = Float64Array.of(4, 5)
  expect(unitScale([same, same], 2)(same)).toEqual(Float64Array.of(0, 0))
  expect(unitScale([], 2)(same)).toEqual(same)
})
