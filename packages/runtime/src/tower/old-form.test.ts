/** Two snapshots that the version before lists of tokens and extractors wrote, and what its towers gave for a few rows. */
import { readFileSync } from 'node:fs'
import type { SideBatch } from '@headwater/features'
import { compileFeatures } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import { readSnapshot } from '@headwater/snapshot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ModelConfigError } from '../config/config-error.ts'
import { snapshotConfig, snapshotMatrices } from '../loading/snapshot-config.ts'
import { writeWeights } from '../loading/write-weights.ts'
import { loadUserTower } from '../serving/load-user-tower.ts'
import { GradientStep } from '../testing/gradient-step.ts'
import { modelConfigRule } from './config.ts'
import { parseModelConfig } from './config-check.ts'
import { presets } from './presets.ts'
import { declareTower } from './tower.ts'

let device: GpuDevice
beforeAll(async () => {
  device = await requestDevice({ label: 'old form tests' })
})
afterAll(() => device.destroy())

const directory = new URL('../testing/old-form/', import.meta.url).pathname
const read = (number: number) => readSnapshot(`${directory}snapshot-00000${number}`)

interface PlainSide {
  readonly rows: number
  readonly dense: readonly number[]
  readonly bags: readonly { readonly ids: readonly number[]; readonly lengths: readonly number[] }[]
  readonly sequence: {
    readonly ids: readonly number[]
    readonly channels: readonly number[]
    readonly lengths: readonly number[]
    readonly categories: readonly (readonly number[])[]
  } | null
}

interface Outputs {
  readonly user: PlainSide
  readonly item: PlainSide
  readonly embeddings: readonly number[]
  readonly logits: readonly number[]
}

const whole = (values: readonly number[]) => Uint32Array.from(values)

const batchOf = ({ rows, dense, bags, sequence }: PlainSide): SideBatch => ({
  rows,
  dense: Float32Array.from(dense),
  bags: bags.map(({ ids, lengths }) => ({ ids: whole(ids), lengths: whole(lengths) })),
  sequence: sequence && {
    ids: whole(sequence.ids),
    channels: Float32Array.from(sequence.channels),
    lengths: whole(sequence.lengths),
    categories: sequence.categories.map(whole),
  },
})

function expectClose(got: ArrayLike<number>, want: readonly number[]): void {
  expect(got).toHaveLength(want.length)
  for (const [i, value] of want.entries()) expect(Math.abs(got[i] - value), `number ${i}`).toBeLessThan(1e-5)
}

describe.each([1, 2])('snapshot %i of the form before', (number) => {
  it('gives the embeddings and the logits that it gave then', async () => {
    const snapshot = await read(number)
    const outputs: Outputs = JSON.parse(readFileSync(`${directory}outputs-${number}.json`, 'utf8'))
    const { embeddings, logits } = outputs
    const [user, item] = [batchOf(outputs.user), batchOf(outputs.item)]
    const tower = loadUserTower(device, snapshot)
    expectClose(await tower.encoder.encode(user), embeddings)
    tower.dispose()
    const { dropout: _, ...config } = snapshotConfig(snapshot)
    const space = compileFeatures(snapshot.schema)
    const tasks = space.tasks.length
    const step = new GradientStep(device, { user: space.user, item: space.item, tasks, config }, user.rows, [1, 1])
    writeWeights(step.weights, snapshot)
    const result = await step.run({ user, item, labels: new Array(user.rows * tasks).fill(0) })
    expectClose(result.logits, logits)
    step.plan.dispose()
    step.weights.dispose()
  })

  it('has the tensors of a tower of today and no others', async () => {
    const snapshot = await read(number)
    const { user, item, tasks } = compileFeatures(snapshot.schema)
    const { set } = declareTower(user, item, tasks.length, snapshotConfig(snapshot))
    const shapes = (entries: Iterable<{ name: string; rows: number; cols: number }>) =>
      [...entries].map(({ name, rows, cols }) => `${name} ${rows} × ${cols}`).sort()
    expect(shapes(snapshotMatrices(snapshot).values())).toEqual(shapes(set.entries()))
  })
})

/** The preset `small` as it was written then. */
const old = {
  user: {
    tokenWidth: 16,
    bags: 'mean',
    dense: { tokens: 5, standardize: false, encoding: { kind: 'plain' } },
    sequence: { blocks: 0, heads: 1, hidden: 64, pooled: 1, recent: 0 },
    levels: [{ mlp: { tokens: 1, hidden: 256 }, compression: null, cross: null, mixer: null, norm: 'layer' }],
  },
  embeddings: { count: 2, width: 96, norm: 'layer', bound: 16, decorrelation: 0 },
  mix: { width: 16, interaction: { kind: 'grouped', dots: 8 }, hidden: [64] },
  dropout: 0.1,
}
const [level] = old.user.levels

function refusal(json: unknown): ModelConfigError {
  try {
    parseModelConfig(json, 'my-model.json')
  } catch (error) {
    if (error instanceof ModelConfigError) return error
    throw error
  }
  throw new Error('The config was taken.')
}

describe('a config of the form before', () => {
  it('is one of today', () => {
    const tokens = presets.small.user.tokens.map((own) => (own.kind === 'dense' ? { kind: 'dense', tokens: 5 } : own))
    expect(parseModelConfig(structuredClone(old), 'test')).toEqual({
      ...presets.small,
      user: { ...presets.small.user, tokens },
      embeddings: { count: 2, width: 96, norm: { kind: 'layer' } },
    })
    const bare = {
      ...old,
      user: {
        ...old.user,
        dense: { ...old.user.dense, tokens: 0 },
        sequence: { ...old.user.sequence, blocks: 2, pooled: 0, sums: true },
        levels: [{ ...level, norm: 'none', residual: false, dense: false }],
      },
      embeddings: { ...old.embeddings, norm: 'bound' },
      dropout: 0,
    }
    expect(parseModelConfig(bare, 'test')).toEqual({
      user: {
        tokenWidth: 16,
        tokens: [
          { kind: 'bags', pooling: 'mean' },
          { kind: 'events', sums: true },
        ],
        levels: [{ extractors: [{ kind: 'mlp', tokens: 1, hidden: 256 }] }],
      },
      embeddings: { count: 2, width: 96, norm: { kind: 'bound', largest: 16 } },
      mix: presets.small.mix,
    })
  })

  const changed = (user: object, embeddings: object = {}) => ({
    ...old,
    user: { ...old.user, ...user },
    embeddings: { ...old.embeddings, ...embeddings },
  })

  it.each<[path: string, config: unknown]>([
    ['user.dense.tokens', changed({ dense: { ...old.user.dense, tokens: -1 } })],
    ['user.dense.encoding.kind', changed({ dense: { ...old.user.dense, encoding: { kind: 'fourier' } } })],
    ['user.bags', changed({ bags: 'max' })],
    ['user.sequence.pooled', changed({ sequence: { ...old.user.sequence, pooled: 1.5 } })],
    ['user.sequence.heads', changed({ sequence: { ...old.user.sequence, blocks: 1, heads: 3 } })],
    ['user.sequence.blocks', changed({ sequence: { ...old.user.sequence, blocks: 17 } })],
    ['user.levels[0].mlp.hidden', changed({ levels: [{ ...level, mlp: { tokens: 1, hidden: 0 } }] })],
    ['user.levels[0].attention', changed({ levels: [{ ...level, attention: { tokens: 1 } }] })],
    ['user.levels[0].residual', changed({ levels: [{ ...level, residual: 1 }] })],
    ['user.depth', changed({ depth: 1 })],
    ['embeddings.norm', changed({}, { norm: 'unit' })],
    ['embeddings.bound', changed({}, { norm: 'bound', bound: 0 })],
    // What cannot be translated.
    ['user.dense', changed({ dense: undefined })],
    ['user.sequence', changed({ sequence: null })],
    ['user.levels[0].mlp', changed({ levels: [{ ...level, mlp: 3 }] })],
    ['user.levels[0].extractors', changed({ levels: [{ ...level, extractors: [] }] })],
  ])('is refused by the path that its file has: %s', (path, config) => {
    const { message, remedy } = refusal(JSON.parse(JSON.stringify(config)))
    expect(message).toContain(`my-model.json: ${path}: `)
    expect(remedy).not.toBe('')
  })

  it('is known nowhere else', () => {
    expect(() => modelConfigRule.read(old, { source: 'test', path: '' })).toThrow(ModelConfigError)
  })
})
