/** The family's models on rows whose labels follow a rule that only one kind of model can see. */
import { compileFeatures, type LogEvent } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { smallEvents, smallSchema } from '../testing/small-log.ts'
import { FactorModel } from './factor-model.ts'
import { downstreamFamily, rowSelector } from './family.ts'
import { RankingModel } from './ranking-model.ts'
import { defaultRanking, type RankingSettings } from './ranking-settings.ts'
import { type DownstreamModel, type DownstreamRows, RowBuffer, usualFlags } from './rows.ts'
import { SmallMlp } from './small-mlp.ts'

const space = compileFeatures(smallSchema)
/** No multiple of 4, as the statistics that are served in a vector's place need not be. */
const dim = 6

let device: GpuDevice

beforeAll(async () => {
  device = await requestDevice()
})

afterAll(() => device.destroy())

/** Steps of 64 rows whose label is 1 where the served vector's first number and the item's genre agree. */
function steps(count: number, rule: (vector: Float32Array, genre: number) => boolean): RowBuffer[] {
  const random = seededRandom(3)
  const events = smallEvents(64, 2)
  const item = space.allocate('item', 1)
  return Array.from({ length: count }, () => {
    const buffer = new RowBuffer(space, 64, dim, usualFlags)
    for (let row = 0; row < 64; row++) {
      const event = events[random.nextBelow(events.length)]
      const vector = Float32Array.from({ length: dim }, () => random.nextNormal())
      const genre = 'abc'.indexOf((event.values[0] as string[])[0])
      space.encodeItem(item, 0, space.newItemState(), event)
      buffer.push(random.nextBelow(100), item, 0, { vector, ageMs: 1000 }, rule(vector, genre) ? 1 : 0)
    }
    return buffer
  })
}

async function accuracy(model: DownstreamModel, all: readonly RowBuffer[]): Promise<number> {
  let right = 0
  let rows = 0
  for (const [i, { view }] of all.entries()) {
    await model.step(view)
    const logits = await model.logits()
    if (i < all.length * 0.8) continue
    logits.forEach((logit, row) => {
      if (logit > 0 === (view.labels[row] === 1)) right++
    })
    rows += logits.length
  }
  return right / rows
}

const interacts = (vector: Float32Array, genre: number) => (genre === 0 ? vector[0] > 0 : vector[0] <= 0)
const adds = (vector: Float32Array) => vector[0] + vector[1] > 0
const factors = (interaction: 'fm' | 'two-tower', rateFactor = 1) =>
  new FactorModel(space.item, { interaction, userBuckets: 128, dim, flags: usualFlags, seed: 1, rateFactor })
const dlrm = (rateFactor = 1) =>
  new RankingModel(device, space.item, { rows: 64, userBuckets: 128, dim, flags: usualFlags, seed: 1, rateFactor })
const mlp = (rateFactor = 1) => new SmallMlp(space.item, { dim, flags: usualFlags, seed: 1, rateFactor })

describe.each([
  ['factorization machine', (rateFactor?: number) => factors('fm', rateFactor)],
  ['two towers', (rateFactor?: number) => factors('two-tower', rateFactor)],
  ['small MLP', mlp],
  ['small DLRM', dlrm],
])('%s', (name, create) => {
  test('learns what the served vector tells alone', async () => {
    expect(await accuracy(create(), steps(150, adds))).toBeGreaterThan(0.9)
  })

  test('learns what vector and item tell together', async () => {
    const found = await accuracy(create(), steps(400, interacts))
    // An MLP is slower to find a product.
    expect(found).toBeGreaterThan(name === 'small MLP' ? 0.6 : 0.85)
  })

  test('predicts and is trained apart as it is in a step', async () => {
    const [whole, apart] = [create(), create()]
    for (const { view } of steps(20, adds)) {
      await whole.step(view)
      await apart.predict(view)
      await apart.train(view)
    }
    expect(await apart.logits()).toEqual(await whole.logits())
  })

  test('learns by its rate, and nothing at none', async () => {
    const [{ view }] = steps(1, adds)
    const changes = async (rateFactor: number) => {
      const model = create(rateFactor)
      const logits: Float32Array[] = []
      for (let step = 0; step < 3; step++) {
        await model.step(view)
        logits.push(await model.logits())
      }
      return logits[2].reduce((sum, logit, row) => sum + Math.abs(logit - logits[0][row]), 0)
    }
    const [none, usual, more] = [await changes(0), await changes(1), await changes(3)]
    expect(none).toBe(0)
    expect(usual).toBeGreaterThan(0)
    expect(more).toBeGreaterThan(1.5 * usual)
  })

  test('predicts a step before its labels, whatever they are', async () => {
    const [first, second] = [create(), create()]
    const all = steps(3, adds)
    for (const { view } of all.slice(0, 2)) for (const model of [first, second]) await model.step(view)
    await first.logits()
    await second.logits()
    await first.step(all[2].view)
    await second.step({ ...all[2].view, labels: all[2].view.labels.map((label) => 1 - label) })
    expect(await first.logits()).toEqual(await second.logits())
  })
})

test.each([
  ['logistic FM', () => factors('fm')],
  ['small MLP', mlp],
  ['small DLRM', dlrm],
])('what a %s held predicts as it was, while it is trained all the same', async (_, create) => {
  const [held, live] = [create(), create()]
  const all = steps(30, adds)
  for (const model of [held, live]) for (const { view } of all.slice(0, 10)) await model.step(view)
  await held.logits()
  await live.logits()
  held.hold()
  await held.predictHeld(all[10].view)
  const before = await held.logits()
  for (const model of [held, live]) for (const { view } of all.slice(10)) await model.step(view)
  await held.logits()
  await live.logits()
  await held.predictHeld(all[10].view)
  expect(await held.logits()).toEqual(before)
  held.hold()
  await held.predictHeld(all[10].view)
  await live.predict(all[10].view)
  expect(await held.logits()).toEqual(await live.logits())
})

describe('a ranking model of several tasks', () => {
  const ranking = (change: Partial<RankingSettings>, others = 1) =>
    new RankingModel(device, space.item, {
      rows: 64,
      userBuckets: 128,
      dim,
      flags: usualFlags,
      seed: 1,
      others,
      ranking: { ...defaultRanking, ...change },
    })
  /** Steps with another task whose label is the rule's, or its contrary, and of a weight. */
  const withOther = (count: number, turned: boolean, weight: number) =>
    steps(count, adds).map(({ view }) => {
      const labels = view.labels.map((label) => (turned ? 1 - label : label))
      return { ...view, others: { labels, weights: new Float32Array(view.rows).fill(weight) } }
    })
  const logitsOf = async (model: DownstreamModel, all: readonly DownstreamRows[]) => {
    for (const view of all) await model.step(view)
    return model.logits()
  }

  test('learns from the others where their labels are known, and predicts its own', async () => {
    const turned = await logitsOf(ranking({}), withOther(40, true, 1))
    const same = await logitsOf(ranking({}), withOther(40, false, 1))
    expect(turned).not.toEqual(same)
    const { labels } = steps(40, adds)[39].view
    const right = (logits: Float32Array) =>
      logits.subarray(-64).reduce((sum, logit, row) => sum + Number(logit > 0 === (labels[row] === 1)), 0)
    for (const logits of [turned, same]) expect(right(logits)).toBeGreaterThan(48)
  })

  test('learns nothing from labels that are unknown, or of no weight in the loss', async () => {
    const unknown = (turned: boolean) => logitsOf(ranking({}), withOther(6, turned, 0))
    expect(await unknown(true)).toEqual(await unknown(false))
    const unweighted = (turned: boolean) => logitsOf(ranking({ otherTasks: 0 }), withOther(6, turned, 1))
    expect(await unweighted(true)).toEqual(await unweighted(false))
  })

  test('drops units out in training alone', async () => {
    const model = ranking({ dropout: 0.5 }, 0)
    const all = steps(12, adds)
    const logits = await logitsOf(
      model,
      all.map(({ view }) => view),
    )
    const again = ranking({ dropout: 0.5 }, 0)
    for (const { view } of all) {
      await again.predict(view)
      await again.predict(view)
      await again.train(view)
    }
    const twice = await again.logits()
    for (let step = 0; step < 12; step++) {
      const [first, second] = [2 * step, 2 * step + 1].map((at) => twice.subarray(64 * at, 64 * (at + 1)))
      expect(first).toEqual(second)
      expect(first).toEqual(logits.subarray(64 * step, 64 * (step + 1)))
    }
    expect(logits).not.toEqual(
      await logitsOf(
        ranking({ dropout: 0 }, 0),
        all.map(({ view }) => view),
      ),
    )
  })

  test('an id’s first steps are small where Adagrad’s sums begin high', async () => {
    const [{ view }] = steps(1, adds)
    const moved = async (firstSquare: number) => {
      const rates = { ...defaultRanking.rates, dense: 0, weightDecay: 0 }
      const logits = await logitsOf(ranking({ firstSquare, rates }, 0), [view, view])
      return logits.subarray(64).reduce((sum, logit, row) => sum + Math.abs(logit - logits[row]), 0)
    }
    const [low, high] = [await moved(0), await moved(1)]
    expect(high).toBeGreaterThan(0)
    expect(low).toBeGreaterThan(10 * high)
  })
})

describe('the family', () => {
  const events = smallEvents(500, 4)
  const labels = new Uint8Array(space.tasks.length)
  const weights = new Float32Array(space.tasks.length)
  const rowsOf = (spec: ReturnType<typeof downstreamFamily>[number], selects = rowSelector(space, spec)) =>
    events.filter((event: LogEvent) => {
      space.labels(event, labels, weights)
      return selects(event, labels, weights)
    })

  test('has four models of different shape, the last on the surface that it is told', () => {
    const family = downstreamFamily(space, { field: 'device', value: 'd1' })
    expect(new Set(family.map(({ shape }) => shape)).size).toBe(4)
    expect(family.map(({ unseen }) => unseen)).toEqual([false, false, false, true])
    expect(rowsOf(family[3])).toEqual(events.filter(({ values }) => values[2] === 'd1'))
  })

  test('the scarce model has whole users, about one in five', () => {
    const own = rowsOf(downstreamFamily(space, null)[2])
    const users = new Set(own.map(({ user }) => user))
    expect(own).toEqual(events.filter(({ user }) => users.has(user)))
    expect(users.size).toBeGreaterThan(1)
    expect(users.size).toBeLessThan(20)
  })
})

describe('a small DLRM whose vector has coefficients', () => {
  const layout = { learnt: 4, width: 4, heads: [{ coefficients: 4, intercept: 8 }] }
  const random = seededRandom(5)
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.nextNormal())
  /** Of the items' buckets. */
  const table = normals(64 * 4)
  const items = smallEvents(600, 2)

  /** Labels follow intercept + m·q, which no item's vector is learnt for. */
  function meetings(count: number): DownstreamRows[] {
    const item = space.allocate('item', 1)
    return Array.from({ length: count }, () => {
      const buffer = new RowBuffer(space, 64, 12, usualFlags, 0, 4)
      for (let row = 0; row < 64; row++) {
        const event = items[random.nextBelow(items.length)]
        space.encodeItem(item, 0, space.newItemState(), event)
        const vector = Float32Array.of(...normals(4), ...normals(4), 0.3 * random.nextNormal(), 0, 0, 0)
        const q = table.slice(item.bags[itemPlace].ids[0] * 4).slice(0, 4)
        const score = q.reduce((sum, value, i) => sum + value * vector[4 + i], vector[8])
        buffer.push(random.nextBelow(100), item, 0, { vector, ageMs: 1000, item: q }, score > 0 ? 1 : 0)
      }
      return buffer.view
    })
  }
  const itemPlace = space.item.bags.findIndex(({ name }) => name === 'item')
  const own = { rows: 64, userBuckets: 128, dim: 12, flags: usualFlags, seed: 1 } as const
  const meeting = (vectors: 'snapshot' | 'own', rateFactor = 1) =>
    new RankingModel(device, space.item, { ...own, rateFactor, meeting: { layout, vectors } })
  /** Mean loss over ln 2 of the last steps, each predicted before it is learnt. */
  async function entropy(model: DownstreamModel, steps: readonly DownstreamRows[], last: number): Promise<number> {
    let loss = 0
    for (const [i, rows] of steps.entries()) {
      await model.step(rows)
      const logits = await model.logits()
      if (i < steps.length - last) continue
      for (const [row, z] of logits.entries()) loss += Math.log1p(Math.exp(rows.labels[row] === 1 ? -z : z))
    }
    model.dispose()
    return loss / (last * 64 * Math.LN2)
  }

  test('adds intercept + m·q to the logit at the start, in float64', async () => {
    const [rows] = meetings(1)
    const logitsOf = async (given: DownstreamRows) => {
      const model = meeting('snapshot', 0)
      await model.predict(given)
      const logits = await model.logits()
      model.dispose()
      return logits
    }
    const [met, without] = [await logitsOf(rows), await logitsOf({ ...rows, itemVectors: new Float32Array(64 * 4) })]
    for (let row = 0; row < 64; row++) {
      let product = 0
      for (let i = 0; i < 4; i++) product += rows.vectors[row * 12 + 4 + i] * rows.itemVectors[row * 4 + i]
      expect(met[row] - without[row]).toBeCloseTo(product, 4)
    }
  })

  test('knows at once by the snapshot’s item vectors what it must learn with its own', async () => {
    const steps = meetings(60)
    const first = steps.slice(0, 2)
    const [given, own] = [await entropy(meeting('snapshot'), first, 2), await entropy(meeting('own'), first, 2)]
    expect(given).toBeLessThan(0.75 * own)
    expect(await entropy(meeting('own'), steps, 5)).toBeLessThan(0.6)
  })
})
