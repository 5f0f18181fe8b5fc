/**
 * docs/model-reference.md is enough to build the towers of docs/model.md elsewhere: its tables of tensors and buckets are held here
 * against the code, whatever the config. Shape letters as in its section on tensors.
 */
import { readFileSync } from 'node:fs'
import { type BagLayout, bucketOf, murmur3 } from '@headwater/features'
import { describe, expect, it } from 'vitest'
import type { JsonSchema } from '../config/config-rules.ts'
import type { ExtractorConfig, ExtractorKind } from '../extractors/extractors.ts'
import type { Initialization } from '../parameters/parameter-set.ts'
import { type TinyTower, tinyTowers } from '../testing/tiny-towers.ts'
import { headEmbeddings, modelConfigSchema, tokensOf } from './config.ts'
import type { LevelConfig } from './level.ts'
import { presets } from './presets.ts'
import { declareTower } from './tower.ts'

const read = (page: string) => readFileSync(new URL(`../../../../docs/${page}`, import.meta.url), 'utf8')
const reference = read('model-reference.md')

/** Cells of the only table whose first column has that title; the first row is its header. */
function table(title: string): string[][] {
  const lines = reference.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${title} `))
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'))
  const [header, , ...rows] = lines.slice(start, start + length).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
  return [header, ...rows]
}

const withoutTicks = (cell: string) => cell.replaceAll('`', '')

type Numbers = Readonly<Record<string, number>>

/** A size as the document has it: numbers and names, +, ·, parentheses and pad4(…). */
function evaluate(text: string, numbers: Numbers): number {
  const tokens = text.match(/pad4|\w+|[+·()]/g) ?? []
  const sum = (): number => {
    let value = product()
    while (tokens[0] === '+') {
      tokens.shift()
      value += product()
    }
    return value
  }
  const product = (): number => {
    let value = factor()
    while (tokens[0] === '·') {
      tokens.shift()
      value *= factor()
    }
    return value
  }
  const factor = (): number => {
    const token = tokens.shift()!
    if (token === 'pad4') return Math.ceil(factor() / 4) * 4
    if (token === '(') {
      const value = sum()
      tokens.shift()
      return value
    }
    const value = /^\d+$/.test(token) ? Number(token) : numbers[token]
    if (value === undefined) throw new Error(`docs/model-reference.md: "${text}": there is no ${token}`)
    return value
  }
  return sum()
}

/** A tensor's place: what the capitals in its name stand for. */
interface Place {
  readonly name: string
  readonly numbers: Numbers
  readonly bag?: BagLayout
  readonly level?: LevelConfig
}

const denseOf = ({ user, config }: TinyTower) => (user.dense.length > 0 ? tokensOf(config.user, 'dense') : undefined)
const memoryOf = ({ user, config }: TinyTower) => (user.sequence ? tokensOf(config.user, 'memory') : undefined)
const eventsOf = ({ user, config }: TinyTower) => (user.sequence ? tokensOf(config.user, 'events') : undefined)
const sumsOf = (tower: TinyTower) => (eventsOf(tower)?.sums ? tower.user.sequence!.weights : 0)
const mixedOf = (tower: TinyTower) => {
  const { pooled = 0, recent = 0, pointwise } = eventsOf(tower) ?? {}
  return pooled + recent + (pointwise?.queries ?? 0)
}
const extractorOf = <Kind extends ExtractorKind>(level: LevelConfig, kind: Kind) =>
  level.extractors.find((own): own is ExtractorConfig<Kind> => own.kind === kind)

/** By the text of the last column. */
const conditions: Readonly<Record<string, (tower: TinyTower, place: Place) => boolean>> = {
  always: () => true,
  'dense tokens': (tower) => denseOf(tower) !== undefined,
  'dense tokens, standardize': (tower) => denseOf(tower)?.standardize === true,
  'dense tokens, periodic': (tower) => denseOf(tower)?.encoding?.kind === 'periodic',
  'dense tokens, piecewise': (tower) => denseOf(tower)?.encoding?.kind === 'piecewise',
  'bag tokens': ({ config }) => tokensOf(config.user, 'bags') !== undefined,
  'bag tokens, attention, maxValues over 1': ({ config }, { bag }) =>
    tokensOf(config.user, 'bags')?.pooling === 'attention' && bag!.maxValues > 1,
  events: (tower) => mixedOf(tower) + sumsOf(tower) > 0,
  'events, pointwise': (tower) => eventsOf(tower)?.pointwise !== undefined,
  'mixed events, pointwise blocks': (tower) => mixedOf(tower) > 0 && eventsOf(tower)?.blocks?.pointwise !== undefined,
  'mixed events': (tower) => mixedOf(tower) > 0,
  memory: (tower) => memoryOf(tower) !== undefined,
  'memory, its own vectors': (tower) => memoryOf(tower) !== undefined && !memoryOf(tower)!.shared,
  linear: ({ user, config }) => config.embeddings.linear === true && user.dense.length > 0,
  residual: (_, { level }) => level!.residual === true,
  mlp: (_, { level }) => extractorOf(level!, 'mlp') !== undefined,
  compression: (_, { level }) => extractorOf(level!, 'compression') !== undefined,
  cross: (_, { level }) => extractorOf(level!, 'cross') !== undefined,
  mixer: (_, { level }) => extractorOf(level!, 'mixer') !== undefined,
  norm: (_, { level }) => level!.norm !== undefined,
  grouped: ({ config }) => config.mix.interaction.kind === 'grouped',
  pairwise: ({ config }) => config.mix.interaction.kind === 'pairwise',
}

function numbersOf({ user, item, tasks, config }: TinyTower): Numbers {
  const { tokenWidth: d, levels } = config.user
  const dense = tokensOf(config.user, 'dense')
  const encoding = dense?.encoding
  const tokens = dense?.tokens ?? 0
  const { count: K, width: D } = config.embeddings
  const { interaction, hidden, width } = config.mix
  const F = user.dense.length
  const perColumn = {
    plain: 1,
    periodic: encoding?.kind === 'periodic' ? 2 * encoding.frequencies + 4 : 0,
    piecewise: encoding?.kind === 'piecewise' ? Math.ceil(encoding.bins / 4) * 4 + 4 : 0,
  }[encoding?.kind ?? 'plain']
  const vectors = interaction.kind === 'pairwise' ? interaction.vectors : 0
  return {
    ...(encoding?.kind === 'periodic' ? { frequencies: encoding.frequencies, sigma: encoding.sigma } : {}),
    ...(encoding?.kind === 'piecewise' ? { bins: encoding.bins } : {}),
    d,
    tokens,
    F,
    E: F * perColumn,
    C: user.sequence?.channels ?? 0,
    M: tokensOf(config.user, 'events')?.pooled ?? 0,
    ...tokensOf(config.user, 'events')?.pointwise,
    J: K * D,
    O: headEmbeddings(config, user) * D,
    B: tokensOf(config.user, 'memory')?.decays.length ?? 0,
    U: tokensOf(config.user, 'memory')?.width ?? 0,
    G: interaction.kind === 'grouped' ? interaction.dots : 0,
    v: interaction.kind === 'grouped' ? K * D : vectors * D,
    P: ((K + vectors) * (K + vectors - 1)) / 2,
    X: Math.ceil(item.dense.length / 4) * 4 + item.bags.length * width,
    T: tasks,
    width,
    N: given(levels.at(-1)!, tokens),
    H1: hidden[0],
    HL: hidden.at(-1)!,
  }
}

/** Tokens that a level gives. */
function given({ extractors, dense }: LevelConfig, denseTokens: number): number {
  return extractors.reduce((sum, { tokens }) => sum + tokens, dense ? denseTokens : 0)
}

const upTo = (last: number, from = 1) => Array.from({ length: Math.max(0, last - from + 1) }, (_, i) => from + i)

/** Every tensor, or pair of weight and bias, that a row of the table stands for in a tower, whether it is there or not. */
function placesOf(pattern: string, tower: TinyTower): Place[] {
  const { user, item, config } = tower
  const { levels } = config.user
  const numbers = numbersOf(tower)
  const at = (capitals: string, value: number | string, more: object): Place => ({
    name: pattern.replace(capitals, String(value)),
    numbers,
    ...more,
  })
  if (pattern.includes('BAG'))
    return (pattern.startsWith('user.') ? user : item).bags.map((bag) =>
      at('BAG', bag.name, { bag, numbers: { ...numbers, buckets: bag.buckets } }),
    )
  if (pattern.includes('CATEGORY'))
    return (user.sequence?.categories ?? []).map(({ name, buckets }) =>
      at('CATEGORY', name, { numbers: { ...numbers, buckets } }),
    )
  if (pattern.includes('BLOCK')) {
    const { count = 0, heads = 0, hidden = 0, pointwise } = tokensOf(config.user, 'events')?.blocks ?? {}
    return upTo(count).map((b) => at('BLOCK', b, { numbers: { ...numbers, heads, hidden, ...pointwise } }))
  }
  if (pattern.includes('LEVEL')) {
    const bags = tokensOf(config.user, 'bags') ? user.bags.length : 0
    const remembered = memoryOf(tower)?.decays.length ?? 0
    let n = (denseOf(tower)?.tokens ?? 0) + bags + mixedOf(tower) + sumsOf(tower) + remembered
    return levels.flatMap((level, k) => {
      const m = given(level, denseOf(tower)?.tokens ?? 0)
      const { kind: _, ...sizes } = extractorOf(level, pattern.split('.')[2] as ExtractorKind) ?? {}
      const place = at('LEVEL', k + 1, { level, numbers: { ...numbers, ...(sizes as Numbers), n, m } })
      n = m
      return pattern.includes('LAYER')
        ? upTo(extractorOf(level, 'cross')?.layers ?? 0).map((l) => ({
            ...place,
            name: place.name.replace('LAYER', String(l)),
          }))
        : [place]
    })
  }
  if (pattern.includes('LAYER')) {
    const { hidden } = config.mix
    return upTo(hidden.length, 2).map((i) =>
      at('LAYER', i, { numbers: { ...numbers, H: hidden[i - 1], H0: hidden[i - 2] } }),
    )
  }
  return [{ name: pattern, numbers: { ...numbers, buckets: user.sequence?.buckets ?? 0 } }]
}

interface Entry {
  readonly name: string
  readonly rows: number
  readonly cols: number
  readonly initialization: Initialization
}

/** Starts that are numbers of their own. */
const valuesOf: Readonly<Record<string, (tower: TinyTower) => number[]>> = {
  'log decays': (tower) => memoryOf(tower)!.decays.map(Math.log),
  'log penalties': (tower) => {
    const { decays, width } = memoryOf(tower)!
    return decays.flatMap(() => [...new Array<number>(width).fill(Math.log(2)), Math.log(3.5), 0, 0, 0])
  },
  'one channel': (tower) => {
    const heads = memoryOf(tower)!.decays.length
    const { channels, weights } = tower.user.sequence!
    const first = channels - weights < 4 ? 0 : 3 * heads
    return Array.from({ length: channels * heads }, (_, i) => (i >= first && i < first + heads ? 1 : 0))
  },
}

function startOf(text: string, numbers: Numbers, tower: TinyTower): Initialization {
  if (text in valuesOf) return { values: valuesOf[text](tower) }
  if (text === '0') return 'zero'
  if (text === '1') return 'one'
  if (text === 'normal sigma') return { normal: numbers.sigma }
  return { uniform: 1 / Math.sqrt(evaluate(text.replace('±1/√', ''), numbers)) }
}

function entriesOf(kind: string, place: Place, rows: number, cols: number, tower: TinyTower): Entry[] {
  const { name, numbers, level } = place
  const [what, option] = kind.split(', ')
  const within = (count: number): Initialization => ({ uniform: 1 / Math.sqrt(count) })
  const weight = { name: `${name}.weight`, rows, cols }
  switch (what) {
    case 'linear':
      return [
        { ...weight, initialization: within(rows) },
        ...(option === 'without bias'
          ? []
          : [{ name: `${name}.bias`, rows: 1, cols, initialization: 'zero' as const }]),
      ]
    case 'token map':
      return [
        { ...weight, initialization: within(cols) },
        ...(option === 'with bias' || (option === 'with bias unless centered' && level?.norm !== 'layer')
          ? [{ name: `${name}.bias`, rows: 1, cols: rows, initialization: 'zero' as const }]
          : []),
      ]
    case 'norm': {
      const isRms = name.split('.').length === 3 && level?.norm === 'rms'
      return [
        { name: `${name}.gain`, rows, cols, initialization: 'one' },
        ...(isRms ? [] : [{ name: `${name}.shift`, rows, cols, initialization: 'zero' as const }]),
      ]
    }
    case 'table':
      return [{ name, rows, cols, initialization: { uniform: 0.05 } }]
    case 'matrix':
      return [{ name, rows, cols, initialization: startOf(option, numbers, tower) }]
    default:
      throw new Error(`docs/model-reference.md: there is no kind "${kind}"`)
  }
}

const oddTower = tinyTowers['bags, sequence, three tasks']

/** With those of the tests of towers: nothing of dense values, nothing of events. */
const towers: Readonly<Record<string, TinyTower>> = {
  ...tinyTowers,
  'of bags alone, though there are dense values and events': {
    ...oddTower,
    config: {
      ...oddTower.config,
      user: {
        ...oddTower.config.user,
        tokens: [{ kind: 'bags', pooling: 'attention' }],
        levels: [
          {
            extractors: [{ kind: 'mixer', tokens: 1, tokenHidden: 3, channelHidden: 2 }],
            norm: 'layer',
            residual: true,
            dense: true,
          },
        ],
      },
    },
  },
}

describe('the table of tensors', () => {
  const [, ...rows] = table('tensor').map((cells) => cells.map(withoutTicks))

  for (const [name, tower] of Object.entries(towers))
    it(`has each of a tower's, with its shape and its start, and no other: ${name}`, () => {
      const expected = rows.flatMap(([pattern, kind, height, width, where]) =>
        placesOf(pattern, tower)
          .filter((place) => conditions[where](tower, place))
          .flatMap((place) => {
            const [rows, cols] = [height, width].map((size) => evaluate(size, place.numbers))
            return entriesOf(kind, place, rows, cols, tower)
          }),
      )
      const { set } = declareTower(tower.user, tower.item, tower.tasks, tower.config)
      const byName = (a: Entry, b: Entry) => (a.name < b.name ? -1 : 1)
      const entries = set
        .entries()
        .map(({ name, rows, cols, initialization }) => ({ name, rows, cols, initialization }))
      expect(expected.sort(byName)).toEqual(entries.sort(byName))
    })

  it('has no row that none of these towers has', () => {
    const unused = rows.filter(([pattern, , , , where]) =>
      Object.values(towers).every((tower) =>
        placesOf(pattern, tower).every((place) => !conditions[where](tower, place)),
      ),
    )
    expect(unused).toEqual([])
  })
})

/** Keys of the schema, by their paths, that do not say what they mean. A `kind` is said by its variant. */
function silentKeys(schema: JsonSchema, path = ''): string[] {
  const variants = (schema.oneOf ?? []) as JsonSchema[]
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).filter(
    ([key]) => key !== 'kind',
  )
  return [
    ...(schema.description ? [] : [path]),
    ...variants.flatMap((variant, i) => silentKeys(variant, `${path}(${i})`)),
    ...properties.flatMap(([key, value]) => silentKeys(value, `${path}.${key}`)),
    ...(schema.items ? silentKeys(schema.items as JsonSchema, `${path}[]`) : []),
  ]
}

it('leaves to the schema of a config what each key means, and the schema says it of all', () => {
  expect(silentKeys(modelConfigSchema)).toEqual([])
})

it('begins with the preset small', () => {
  const [, example] = /^```json\n(.*?)^```$/ms.exec(read('model.md')) ?? []
  expect(JSON.parse(example)).toEqual(presets.small)
})

describe('the table of buckets', () => {
  const [header, ...rows] = table('field')
  const number = (cell: string) => Number(cell.replace(/,| buckets/g, ''))
  const counts = header.slice(4).map(number)

  it('has several counts, and values of other scripts, empty and long ones', () => {
    expect(counts.length).toBeGreaterThan(3)
    expect(rows.length).toBeGreaterThan(5)
  })

  for (const [field, cell, seed, hash, ...buckets] of rows.map((cells) => cells.map(withoutTicks)))
    it(`is what the features come to: ${field} "${cell}"`, () => {
      const repeated = /^(\d+) × (.)$/.exec(cell)
      const value = cell === '(empty)' ? '' : repeated ? repeated[2].repeat(Number(repeated[1])) : cell
      expect(murmur3(field, 0).toString(16).padStart(8, '0')).toBe(seed)
      expect(murmur3(value, murmur3(field, 0)).toString(16).padStart(8, '0')).toBe(hash)
      expect(counts.map((count) => bucketOf(field, value, count))).toEqual(buckets.map(number))
    })
})
