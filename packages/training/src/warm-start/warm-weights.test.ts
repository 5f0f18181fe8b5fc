import {
  compileFeatures,
  type Field,
  type FieldValue,
  groupsByTime,
  type LogEvent,
  Replay,
  type Schema,
} from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { declareTower, type EncodingConfig, type ModelConfig, UserEncoder, Weights } from '@headwater/runtime'
import { SchemaChangeError, type Snapshot } from '@headwater/snapshot'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allocateExamples } from '../examples/training-batch.ts'
import { Scorer } from '../publication/scorer.ts'
import { initialize } from '../step/initialize.ts'
import { WarmStartError } from './warm-start-error.ts'
import { writeWarmWeights } from './warm-weights.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'warm start tests' })
})
afterAll(() => device.destroy())

const float = (name: string, of: Field['of']): Field => ({ name, of, type: 'float' })
const id = (name: string, of: Field['of'], buckets = 8): Field => ({ name, of, type: 'id', buckets })
const ids = (name: string, of: Field['of']): Field => ({ name, of, type: 'ids', buckets: 8, maxValues: 3 })

const before: Schema = {
  version: 1,
  name: 'warm',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 's' },
  fields: [
    id('tier', 'user'),
    ids('likes', 'user'),
    float('age', 'user'),
    id('kind', 'item'),
    float('price', 'item'),
    float('click', 'outcome'),
    id('surface', 'context'),
  ],
  tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
  aggregations: [{ name: 'user-mean', of: 'user', kind: 'mean', value: 'click' }],
  sequence: { length: 4, value: 'click', buckets: 16 },
  itemBuckets: 16,
}

/** New features of every kind before, between and behind those that were there. */
const after: Schema = {
  ...before,
  fields: [
    ids('brands', 'user'),
    ...before.fields.slice(0, 2),
    float('income', 'user'),
    id('city', 'user'),
    ...before.fields.slice(2, 4),
    float('weight', 'item'),
    id('maker', 'item'),
    ...before.fields.slice(4),
    id('device', 'context'),
    float('scroll', 'context'),
  ],
  aggregations: [{ name: 'since', of: 'user', kind: 'since' }, ...before.aggregations],
  sequence: { ...before.sequence!, categories: ['surface', 'device'] },
  calendar: ['hour'],
}

const config: ModelConfig = {
  user: {
    tokenWidth: 8,
    tokens: [
      { kind: 'dense', tokens: 2, standardize: true },
      { kind: 'bags', pooling: 'attention' },
      { kind: 'events', blocks: { count: 1, heads: 2, hidden: 8 }, pooled: 2, recent: 2 },
    ],
    levels: [
      {
        extractors: [
          { kind: 'mlp', tokens: 1, hidden: 12 },
          { kind: 'compression', tokens: 1, columns: 4, hidden: 8 },
          { kind: 'cross', tokens: 1, layers: 2, rank: 4 },
          { kind: 'mixer', tokens: 1, tokenHidden: 6, channelHidden: 8 },
        ],
        norm: 'layer',
        residual: true,
        dense: true,
      },
      {
        extractors: [
          { kind: 'mlp', tokens: 1, hidden: 8 },
          { kind: 'compression', tokens: 1, columns: 4, hidden: 8 },
          { kind: 'cross', tokens: 1, layers: 1, rank: 4 },
        ],
        norm: 'rms',
        residual: true,
        dense: true,
      },
    ],
  },
  embeddings: { count: 2, width: 8 },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 4 }, hidden: [8] },
}
const withEncoding = (encoding: EncodingConfig | undefined): ModelConfig => ({
  ...config,
  user: {
    ...config.user,
    tokens: config.user.tokens.map((own) => (own.kind === 'dense' && encoding ? { ...own, encoding } : own)),
  },
})

const value = (random: SeededRandom, { type }: Field): FieldValue => {
  if (type === 'float') return random.nextBelow(3) - 1
  const one = () => `v${random.nextBelow(6)}`
  return type === 'id' ? one() : Array.from({ length: random.nextBelow(4) }, one)
}

/** The last rows of a log of 60, encoded by a schema; fields that `known` has not are missing. */
function rows(schema: Schema, known: Schema) {
  const space = compileFeatures(schema)
  const random = seededRandom(3)
  const log = Array.from({ length: 60 }, (_, row): LogEvent => {
    // Drawn for every field that there ever is, so that both schemas see the same ones.
    const drawn = new Map(after.fields.map((field) => [field.name, value(random, field)]))
    const values = schema.fields.map(({ name, of }) => {
      if (of === 'outcome') return random.nextBelow(2)
      return known.fields.some((field) => field.name === name) ? drawn.get(name)! : null
    })
    return { row, user: `u${row % 7}`, item: `i${row % 5}`, timeMs: 1.7e12 + row * 60_000, values }
  })
  const batch = allocateExamples(space, 24)
  const replay = new Replay(space)
  for (const group of groupsByTime(log)) {
    for (const event of group) if (event.row >= 36) replay.encode(event, batch, event.row - 36)
    replay.ingest(group)
  }
  return batch
}

/** A snapshot, in memory, of a tower whose numbers are all random: biases, gains and constants too. */
function randomSnapshot(schema: Schema, of: ModelConfig): Snapshot {
  const space = compileFeatures(schema)
  const { set } = declareTower(space.user, space.item, 1, of)
  const random = seededRandom(5)
  const matrices = set.entries().map(({ name, rows, cols }) => {
    const isEdges = name.endsWith('.edges')
    const data = Float32Array.from({ length: rows * cols }, (_, i) =>
      isEdges ? (i % cols) - cols / 2 : name.endsWith('.scale') ? 0.5 + random.nextFloat() : random.nextNormal() * 0.4,
    )
    return [name, { name, rows, cols, data }] as const
  })
  const manifest = { snapshot: 1, config: of } as Snapshot['manifest']
  return { directory: 'old', manifest, schema, matrices: new Map(matrices), alignment: null, items: null, panel: null }
}

async function outputs(schema: Schema, of: ModelConfig, known: Schema, write: (weights: Weights) => void) {
  const space = compileFeatures(schema)
  const tower = declareTower(space.user, space.item, 1, of)
  const weights = new Weights(device, tower.set, false)
  initialize(weights, 7)
  write(weights)
  const batch = rows(schema, known)
  const encoder = new UserEncoder(device, { tower: tower.user, weights })
  const scorer = new Scorer(device, tower, weights, 24)
  const result = { embeddings: await encoder.encode(batch.user), logits: await scorer.score(batch) }
  encoder.dispose()
  scorer.dispose()
  weights.dispose()
  return result
}

/** Largest difference, as a share of the largest value. */
function gap(a: Float32Array, b: Float32Array): number {
  const largest = Math.max(...a.map(Math.abs))
  expect(largest).toBeGreaterThan(0.1)
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]))) / largest
}

async function expectSame(old: Schema, now: Schema, of: ModelConfig) {
  const snapshot = randomSnapshot(old, of)
  const want = await outputs(old, of, old, (weights) => {
    for (const { name, data } of snapshot.matrices.values()) weights.write(name, data)
  })
  const start = (weights: Weights) => writeWarmWeights(weights, compileFeatures(now), of, snapshot)
  const missing = await outputs(now, of, old, start)
  const given = await outputs(now, of, now, start)
  for (const [what, got] of [
    ['missing', missing],
    ['given', given],
  ] as const) {
    expect(gap(want.embeddings, got.embeddings), `embeddings where new features are ${what}`).toBeLessThan(1e-6)
    expect(gap(want.logits, got.logits), `predictions where new features are ${what}`).toBeLessThan(2e-6)
  }
}

describe('a tower that begins as a snapshot', () => {
  it.each<[string, EncodingConfig | undefined]>([
    ['plain', undefined],
    ['periodic', { kind: 'periodic', frequencies: 4, sigma: 1 }],
    ['piecewise', { kind: 'piecewise', bins: 5 }],
  ])('gives its embeddings and predictions, with features of every kind gained and %s dense values', (_, encoding) =>
    expectSame(before, after, withEncoding(encoding)),
  )

  it('gains a sequence', () => {
    const { sequence: _, ...without } = before
    return expectSame(without, before, config)
  })

  it('takes every number over where nothing changed', async () => {
    const snapshot = randomSnapshot(before, config)
    const space = compileFeatures(before)
    const weights = new Weights(device, declareTower(space.user, space.item, 1, config).set, false)
    initialize(weights, 7)
    expect(writeWarmWeights(weights, space, config, snapshot)).toEqual({ newDense: [] })
    for (const { name, data } of snapshot.matrices.values()) expect(await weights.read(name), name).toEqual(data)
    weights.dispose()
  })

  it('names the dense values that it gained', () => {
    const space = compileFeatures(after)
    const weights = new Weights(device, declareTower(space.user, space.item, 1, config).set, false)
    const { newDense } = writeWarmWeights(weights, space, config, randomSnapshot(before, config))
    const old = compileFeatures(before).user.dense
    expect(newDense.map((f) => space.user.dense[f])).toEqual(space.user.dense.filter((name) => !old.includes(name)))
    expect(newDense.length).toBeGreaterThan(1)
    weights.dispose()
  })
})

describe('what cannot be begun with, and then nothing is written', () => {
  const refused = async (schema: Schema, of: ModelConfig, snapshot: Snapshot, error: unknown, message: RegExp) => {
    const space = compileFeatures(schema)
    const weights = new Weights(device, declareTower(space.user, space.item, 1, of).set, false)
    initialize(weights, 7)
    const { name } = weights.set.entries()[0]
    const untouched = await weights.read(name)
    const start = () => writeWarmWeights(weights, space, of, snapshot)
    expect(start).toThrow(error as typeof WarmStartError)
    expect(start).toThrow(message)
    expect(await weights.read(name)).toEqual(untouched)
    weights.dispose()
  }
  const snapshot = randomSnapshot(before, config)

  it('another config, another schema, a tensor that is missing, too much or of another shape', async () => {
    const wide = { ...config, mix: { ...config.mix, hidden: [12] } }
    await refused(before, wide, snapshot, WarmStartError, /old: .* config, mix\.hidden\.0 was 8 and is 12\./)
    const changed = { ...before, fields: before.fields.slice(1) }
    await refused(changed, config, snapshot, SchemaChangeError, /field "tier": was removed/)
    const without = (name: string) => new Map([...snapshot.matrices].filter(([other]) => other !== name))
    const lost = { ...snapshot, matrices: without('user.output.bias') }
    await refused(before, config, lost, WarmStartError, /old: tensor user\.output\.bias is not in it\./)
    const matrix = { name: 'user.more', rows: 1, cols: 1, data: Float32Array.of(1) }
    const more = { ...snapshot, matrices: new Map([...snapshot.matrices, ['user.more', matrix]]) }
    await refused(before, config, more, WarmStartError, /old: tensor user\.more has no place in the new tower\./)
    const longer = new Map([...snapshot.matrices, ['user.output.bias', { ...matrix, name: 'user.output.bias' }]])
    await refused(
      before,
      config,
      { ...snapshot, matrices: longer },
      WarmStartError,
      /old: tensor user\.output\.bias is 1 × 1 and would have to be 1 × 16\./,
    )
  })
})
