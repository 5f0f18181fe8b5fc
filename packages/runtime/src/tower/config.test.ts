import type { SideLayout } from '@headwater/features'
import type { SeededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit/fuzz'
import { describe, expect, it } from 'vitest'
import { ModelConfigError } from '../config/config-error.ts'
import { type ModelConfig, modelConfigRule, modelConfigSchema } from './config.ts'
import { checkModelConfig, parseModelConfig } from './config-check.ts'
import { presets } from './presets.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const isObject = (value: unknown): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The keywords of JSON Schema 2020-12 that the schema uses, as their specification says them; others are an error. */
function accepts(schema: Readonly<Record<string, unknown>>, value: Json): boolean {
  const holds: Record<string, (operand: never) => boolean> = {
    $schema: () => true,
    title: () => true,
    description: () => true,
    type: (type: string) =>
      ({
        object: isObject(value),
        array: Array.isArray(value),
        integer: typeof value === 'number' && Number.isInteger(value),
        number: typeof value === 'number' && Number.isFinite(value),
        boolean: typeof value === 'boolean',
        null: value === null,
      })[type]!,
    enum: (values: Json[]) => values.includes(value),
    const: (only: Json) => value === only,
    minimum: (least: number) => typeof value !== 'number' || value >= least,
    maximum: (most: number) => typeof value !== 'number' || value <= most,
    multipleOf: (step: number) => typeof value !== 'number' || Number.isInteger(value / step),
    minItems: (least: number) => !Array.isArray(value) || value.length >= least,
    maxItems: (most: number) => !Array.isArray(value) || value.length <= most,
    items: (of: Record<string, unknown>) => !Array.isArray(value) || value.every((item) => accepts(of, item)),
    required: (keys: string[]) => !isObject(value) || keys.every((key) => Object.hasOwn(value, key)),
    properties: (of: Record<string, Record<string, unknown>>) =>
      !isObject(value) || Object.entries(of).every(([key, rule]) => !(key in value) || accepts(rule, value[key])),
    additionalProperties: (allowed: boolean) =>
      allowed || !isObject(value) || Object.keys(value).every((key) => key in (schema.properties as object)),
    anyOf: (of: Record<string, unknown>[]) => of.some((rule) => accepts(rule, value)),
    oneOf: (of: Record<string, unknown>[]) => of.filter((rule) => accepts(rule, value)).length === 1,
  }
  return Object.entries(schema).every(([keyword, operand]) => {
    const rule = holds[keyword]
    if (!rule) throw new Error(`The schema has the keyword "${keyword}", which this test does not know.`)
    return rule(operand as never)
  })
}

/** Every place of a JSON value that something can be put into: its holder and key. */
function places(value: Json, found: [Json[] | { [key: string]: Json }, string][] = []) {
  if (typeof value !== 'object' || value === null) return found
  for (const [key, inner] of Object.entries(value)) {
    found.push([value, key])
    places(inner, found)
  }
  return found
}

const odd: readonly Json[] = [
  null,
  true,
  -1,
  0,
  1,
  3,
  4,
  6,
  0.5,
  1e9,
  'mean',
  'bound',
  '',
  [],
  [1],
  {},
  { kind: 'plain' },
]

/** One or two places changed: another value, a key less, a key more, an entry twice. */
function mutate(config: Json, random: SeededRandom): Json {
  const copy = structuredClone(config)
  for (let n = 1 + random.nextBelow(2); n > 0; n--) {
    const all = places(copy)
    const [holder, key] = all[random.nextBelow(all.length)]
    const slot = holder as { [key: string]: Json }
    const way = random.nextBelow(8)
    if (way === 0 && !Array.isArray(holder)) delete slot[key]
    else if (way === 1 && !Array.isArray(holder)) slot[`${key}2`] = slot[key]
    else if (way === 2 && Array.isArray(holder)) holder.push(structuredClone(slot[key]))
    else if (way === 3 && typeof slot[key] === 'number') slot[key] += 4 * (random.nextBelow(9) - 4)
    else slot[key] = structuredClone(odd[random.nextBelow(odd.length)])
  }
  return copy
}

/** `base` without what a tower may leave out. */
const withoutParts: ModelConfig = {
  ...presets.base,
  user: {
    ...presets.base.user,
    tokens: [{ kind: 'events', sums: true }],
    levels: presets.base.user.levels.map(({ extractors }) => ({ extractors })),
  },
  embeddings: { count: 2, width: 96, norm: { kind: 'bound', largest: 2 }, decorrelation: 0.1 },
}

const check = (config: Json) => {
  try {
    modelConfigRule.read(config, { source: 'test', path: '' })
    return true
  } catch (error) {
    if (error instanceof ModelConfigError) return false
    throw error
  }
}

describe('schema and check of a model config', () => {
  it('agree on changed configs', async () => {
    const counts = { taken: 0, refused: 0 }
    const configs = [...Object.values(presets), withoutParts] as unknown as Json[]
    await fuzz(
      (random) => mutate(configs[random.nextBelow(configs.length)], random),
      (config) => {
        const taken = accepts(modelConfigSchema, config)
        counts[taken ? 'taken' : 'refused']++
        expect(check(config)).toBe(taken)
      },
      { runs: 3000 },
    )
    expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(100)
  })

  it('take the presets, and give back what was given', () => {
    for (const [name, preset] of Object.entries({ ...presets, withoutParts })) {
      const json = JSON.parse(JSON.stringify(preset))
      expect(accepts(modelConfigSchema, json)).toBe(true)
      expect(parseModelConfig(json, name)).toEqual(preset)
    }
  })
})

const dense = (count: number) => Array.from({ length: count }, (_, i) => `value ${i}`)
const userLayout: SideLayout = {
  dense: dense(9),
  bags: [],
  sequence: { length: 32, buckets: 16, channels: 1, weights: 0, categories: [] },
}
const itemLayout: SideLayout = { dense: dense(1), bags: [], sequence: null }

/** `base` with the value at a path put in place of its own. */
function changed(path: string, value: unknown): ModelConfig {
  const config = structuredClone(presets.base) as unknown as Record<string, unknown>
  const keys = path.replaceAll('[', '.').replaceAll(']', '').split('.')
  const holder = keys.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, config)
  holder[keys.at(-1)!] = value
  return config as unknown as ModelConfig
}

function refusal(act: () => unknown): ModelConfigError {
  try {
    act()
  } catch (error) {
    if (error instanceof ModelConfigError) return error
    throw error
  }
  throw new Error('The config was taken.')
}

const noExtractors = { extractors: [], residual: true, dense: true }

describe('a config that cannot be', () => {
  it('is refused with its place', () => {
    for (const [path, value] of [
      ['user.depth', 3],
      ['user.tokenWidth', 30],
      ['user.tokenWidth', 2048],
      ['user.tokenWidth', '32'],
      ['user.tokens[0].kind', 'clicks'],
      ['user.tokens[1].pooling', 'max'],
      ['user.tokens[0].encoding.kind', 'fourier'],
      ['user.tokens[0].encoding.frequencies', 8],
      ['user.tokens[0].standardize', false],
      ['user.tokens[2].blocks.heads', 0],
      ['user.levels', []],
      ['user.levels[1].extractors[0].kind', 'attention'],
      ['user.levels[1].extractors[0].hidden', 1.5],
      ['user.levels[0].extractors[1].columns', 6],
      ['user.levels[0].extractors[1].rank', 2],
      ['user.levels[1].residual', null],
      ['user.levels[0].dense', 0],
      ['embeddings.count', 0],
      ['embeddings.width', 94],
      ['embeddings.norm', null],
      ['embeddings.norm.kind', 'unit'],
      ['mix.hidden[0]', 1e9],
      ['dropout', 0],
      ['dropout', 1],
      ['dropout', Number.NaN],
    ] as const) {
      const error = refusal(() => parseModelConfig(changed(path, value), 'my-model.json'))
      expect(error.path).toBe(path)
      expect(error.message).toContain(`my-model.json: ${path}: `)
      expect(error.remedy).not.toBe('')
    }
    expect(refusal(() => parseModelConfig([], 'my-model.json')).path).toBe('(root)')
  })

  it('is refused where sizes do not fit each other', () => {
    for (const [path, value, at = path] of [
      ['user.tokens[2].blocks.heads', 3],
      ['user.tokens[1]', { kind: 'dense', tokens: 1 }, 'user.tokens[1].kind'],
      ['user.tokens[2]', { kind: 'events' }, 'user.tokens[2]'],
      ['user.levels[1].extractors[1]', { kind: 'mlp', tokens: 1, hidden: 3 }, 'user.levels[1].extractors[1].kind'],
      ['mix.interaction.dots', 5],
      // 3 + 2 + 2 + 2 extracted tokens and 8 dense ones are what the second level gets
      ['user.levels[1].extractors[0].tokens', 7, 'user.levels[1]'],
      ['user.levels[1].extractors[1].rank', 17 * 32 + 1],
      [
        'user.levels[1].extractors[1]',
        { kind: 'compression', tokens: 1, columns: 20, hidden: 4 },
        'user.levels[1].extractors[1].columns',
      ],
    ] as const)
      expect(refusal(() => parseModelConfig(changed(path, value), 'test')).path).toBe(at)
    const config = changed('user.levels', [noExtractors])
    const bare = { ...config, user: { ...config.user, tokens: config.user.tokens.slice(1) } }
    expect(refusal(() => parseModelConfig(bare, 'test')).path).toBe('user.levels[0]')
    for (const kept of ['residual', 'dense']) {
      const without = changed('user.levels', [{ extractors: [], [kept]: true }])
      expect(refusal(() => parseModelConfig(without, 'test')).path).toBe('user.levels[0]')
    }
  })

  it('is refused where it does not fit the features', () => {
    const withoutSequence = { ...userLayout, sequence: null }
    const check = (config: ModelConfig, user = userLayout, item = itemLayout) => checkModelConfig(config, user, item)
    expect(() => check(presets.base)).not.toThrow()
    for (const [path, value, at, user = userLayout] of [
      // 8 + 4 + 8 tokens
      ['user.levels[0].extractors[1].columns', 24, 'user.levels[0].extractors[1].columns'],
      ['user.levels[0].extractors[2].rank', 20 * 32 + 1, 'user.levels[0].extractors[2].rank'],
      ['user.tokens[2].recent', 33, 'user.tokens[2].recent'],
      ['user.tokens[0].tokens', 8, 'user.tokens[0]', { ...userLayout, dense: [] }],
      ['user.tokens', [{ kind: 'bags', pooling: 'mean' }], 'user.tokens', withoutSequence],
      ['user.tokens[2].sums', true, 'user.tokens[2].sums', userLayout],
      ['user.tokens[3]', { kind: 'memory', decays: [0.1, 0.2, 0.3, 0.4], width: 64 }, 'embeddings.count'],
      // A table of two widths, and one of two sizes.
      ['user.tokens[3]', { kind: 'memory', decays: [0.1], width: 24, shared: true }, 'user.tokens[3].width'],
      ['user.tokens[3]', { kind: 'memory', decays: [0.1], width: 32, shared: true }, 'user.tokens[3].shared'],
    ] as const)
      expect(refusal(() => check(changed(path, value), user as SideLayout)).path).toBe(at)
    expect(refusal(() => check(presets.base, userLayout, { dense: [], bags: [], sequence: null })).path).toBe('mix')
    expect(() => check(changed('user.levels[0].extractors[1].columns', 20))).not.toThrow()
    const shared = { kind: 'memory', decays: [0.1, 0.5], width: 32, shared: true }
    const items = { ...itemLayout, bags: [{ name: 'item', buckets: 16, maxValues: 1 }] }
    expect(() => check(changed('user.tokens[3]', shared), userLayout, items)).not.toThrow()
    // the schema decides how many tokens the first level gets
    expect(() => check(changed('user.levels[0].extractors[0].tokens', 50))).not.toThrow()
  })
})
