/** `headwater model` as a user calls it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema } from '@headwater/features'
import { type ModelConfig, modelConfigSchema, presets } from '@headwater/runtime'
import { temporaryDirectory } from '@headwater/testkit'
import type { ModelDescription } from '@headwater/training'
import { describe, expect, test } from 'vitest'
import { Child, worker } from '../../testing/child.ts'
import { headwaterIn } from '../../testing/headwater.ts'

const schema: Schema = {
  version: 1,
  name: 'tiny',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'rating', of: 'outcome', type: 'float' },
    { name: 'tags', of: 'user', type: 'ids', maxValues: 2, buckets: 11 },
  ],
  tasks: [{ name: 'liked', field: 'rating', atLeast: 7 }],
  aggregations: [{ name: 'events', of: 'user', kind: 'count' }],
  sequence: { length: 4, value: 'rating', buckets: 13 },
  itemBuckets: 17,
}

const config: ModelConfig = {
  user: {
    tokenWidth: 4,
    tokens: [
      { kind: 'dense', tokens: 2 },
      { kind: 'bags', pooling: 'mean' },
      { kind: 'events', pooled: 1, recent: 2 },
    ],
    levels: [
      {
        extractors: [
          { kind: 'mlp', tokens: 1, hidden: 5 },
          { kind: 'cross', tokens: 1, layers: 1, rank: 3 },
        ],
        norm: 'layer',
        residual: true,
        dense: true,
      },
    ],
  },
  embeddings: { count: 2, width: 8, norm: { kind: 'layer' } },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 2 }, hidden: [6] },
}

function home(model: unknown = config): string {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'schema.json'), JSON.stringify(schema))
  writeFileSync(join(directory, 'model.json'), JSON.stringify(model))
  return directory
}

const run = (directory: string, ...args: string[]) => headwaterIn(directory, 'model', ...args)

const own = ['--schema', 'schema.json', '--config', 'model.json', '--rows', '32', '--json', 'out.json']

describe('a model described', () => {
  test('has the tokens, parameters and bytes that one counts by hand', async () => {
    const directory = home()
    const child = new Child(worker, ['model', 'describe', ...own], directory)
    expect({ code: await child.exited, stderr: child.stderr }).toEqual({ code: 0, stderr: '' })
    const { stdout } = child
    const found = JSON.parse(readFileSync(join(directory, 'out.json'), 'utf8')) as ModelDescription
    expect(found.levels).toEqual([
      {
        name: 'inputs',
        tokens: 6,
        sources: [
          { from: 'dense values', tokens: 2 },
          { from: 'bag tags', tokens: 1 },
          { from: 'pooled events', tokens: 1 },
          { from: 'recent events', tokens: 2 },
        ],
      },
      {
        name: 'level 1',
        tokens: 4,
        sources: [
          { from: 'mlp', tokens: 1 },
          { from: 'cross', tokens: 1 },
          { from: 'dense values', tokens: 2 },
        ],
      },
    ])
    expect(found.embeddingColumns).toBe(16)
    // Values that are known, and a count, to 2 tokens of 4. An event has three channels.
    const groups = [
      { name: 'user.dense-tokens', values: 2 * 8 + 8 },
      { name: 'user.sequence', values: (3 + 1) * 4 },
      { name: 'user.level1.residual', values: 4 * 6 },
      { name: 'user.level1.mlp', values: 24 * 5 + 5 + (5 * 4 + 4) },
      { name: 'user.level1.cross', values: 24 * 3 + (3 * 24 + 24) + 1 * 6 },
      { name: 'user.level1.norm', values: 4 + 4 },
      { name: 'user.output', values: 16 * 16 + 16 },
      // Of an item one dense value, padded to 4, and its embedding of 4.
      { name: 'mix.item-vector', values: 8 * 16 + 16 },
      { name: 'mix.from-interaction', values: (16 + 4) * 6 },
      { name: 'mix.from-item', values: 8 * 6 + 6 },
      { name: 'mix.heads', values: 6 + 1 },
    ]
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
    expect([...found.parameters.groups].sort(byName)).toEqual([...groups].sort(byName))
    const dense = groups.reduce((sum, { values }) => sum + values, 0)
    const tables = (11 + 13 + 17) * 4
    expect(found.parameters).toMatchObject({ dense, tables })
    expect(found.bytes.tables).toBe(tables * 4)
    // Rows padded to 4 values, and each parameter to 256 bytes: of the mix tower's head 6 rows of 4, for instance.
    expect(found.bytes.weights % 256).toBe(0)
    expect(found.bytes.weights).toBeGreaterThan(dense * 4)
    expect(found.bytes.gradients).toBe(found.bytes.weights)
    // Two moments a parameter, one accumulator a table row.
    expect(found.bytes.optimizer).toBe(2 * found.bytes.weights + (12 + 16 + 20) * 4)

    // A multiplication and an addition a weight; of the token map, for each of 4 columns. The rest is little beside it.
    const userProducts = 2 * (16 + 24 * 4 + (120 + 20) + (72 + 72 + 6 * 4) + 256)
    expect(found.flops.encoding).toBeGreaterThan(userProducts)
    expect(found.flops.encoding).toBeLessThan(1.6 * userProducts)
    const mixProducts = 2 * (128 + 120 + 48 + 6)
    expect(found.flops.forward - found.flops.encoding).toBeGreaterThan(mixProducts)
    expect(found.flops.forward - found.flops.encoding).toBeLessThan(1.6 * mixProducts)
    expect(found.flops.training).toBeGreaterThan(2.5 * found.flops.forward)

    for (const { plannedBytes, naiveBytes, largestBytes } of Object.values(found.plans)) {
      expect(plannedBytes).toBeLessThan(naiveBytes)
      // 6 tokens of 4 floats a row, at least
      expect(largestBytes).toBeGreaterThanOrEqual(32 * 24 * 4)
    }
    expect(found.limits.map(({ refusal }) => refusal)).toEqual([null, null])
    expect(stdout).toContain('  inputs      6: 2 dense values, 1 bag tags, 1 pooled events, 2 recent events\n')
    expect(stdout).toContain(`Parameters ${dense} dense, ${tables} in tables\n`)
  })

  test('with a matrix over what devices can bind says so', async () => {
    const directory = home({
      ...config,
      user: {
        ...config.user,
        tokenWidth: 1024,
        levels: [{ ...config.user.levels[0], extractors: [{ kind: 'mlp', tokens: 1, hidden: 65_536 }] }],
      },
    })
    const { code, stdout } = await run(directory, 'describe', ...own)
    expect(code).toBe(0)
    // 6 · 1024 × 65,536 floats
    expect(stdout).toMatch(
      /default limits[^\n]*\n +does not fit: Parameter user\.level1\.mlp\.\S+: 6144 × 65536 values/,
    )
    expect(stdout).toMatch(/data-centre GPU[^\n]*\n[^\n]*\n +fits/)
  })

  test('that cannot be is refused in a line, with the place', async () => {
    const { embeddings } = config
    const directory = home({ ...config, embeddings: { ...embeddings, width: 6 } })
    expect(await run(directory, 'describe', ...own)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'headwater: model.json: embeddings.width: is 6; give a multiple of 4 from 4 to 4096\n',
    })
    writeFileSync(join(directory, 'model.json'), '{')
    expect((await run(directory, 'describe', ...own)).stderr).toMatch(
      /^headwater: --config: \S+model.json is no JSON: /,
    )
  })
})

test('the schema of a model config is the one that it is checked by', async () => {
  const { code, stdout } = await run(home(), 'schema')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual(modelConfigSchema)
})

test('presets are of the sizes that they are for, on the bundled log', async () => {
  const directory = home()
  const sizes: Record<string, number> = {}
  for (const preset of Object.keys(presets)) {
    const { code } = await run(directory, 'describe', '--preset', preset, '--json', 'out.json')
    expect(code).toBe(0)
    const found = JSON.parse(readFileSync(join(directory, 'out.json'), 'utf8')) as ModelDescription
    sizes[preset] = found.flops.forward
    // Trainable with WebGPU's default limits, at the default of 2048 rows.
    expect(found.limits[0].refusal).toBeNull()
    expect(found.embeddingColumns).toBe(preset === 'small' ? 64 : 192)
  }
  expect(sizes.small).toBeGreaterThan(1e5)
  expect(sizes.small).toBeLessThan(2e5)
  expect(sizes.base).toBeGreaterThan(4e6)
  expect(sizes.base).toBeLessThan(6e6)
  expect(sizes.paper).toBeGreaterThan(1.6e8)
  expect(sizes.paper).toBeLessThan(2.4e8)
})
