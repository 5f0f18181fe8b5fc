/**
 * docs/model.md is enough to build the towers elsewhere: its tables of tensors, config keys and buckets are held here against
 * the code, whatever the config. Shape letters as in its section on tensors.
 */
import { readFileSync } from 'node:fs'
import { type BagLayout, bucketOf, murmur3 } from '@headwater/features'
import { describe, expect, it } from 'vitest'
import type { LevelConfig } from '../config/config.ts'
import type { JsonSchema } from '../config/config-rules.ts'
import type { Initialization } from '../parameters/parameter-set.ts'
import { type TinyTower, tinyTowers } from '../testing/tiny-towers.ts'
import { modelConfigSchema } from './config-schema.ts'
import { declareTower } from './tower.ts'

const document = readFileSync(new URL('../../../../docs/model.md', import.meta.url), 'utf8')

/** Cells of the only table whose first column has that title; the first row is its header. */
function table(title: string): string[][] {
  const lines = document.split('\n')
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
    if (value === undefined) throw new Error(`docs/model.md: "${text}": there is no ${token}`)
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

const hasDense = ({ user, config }: TinyTower) => user.dense.length > 0 && config.user.dense.tokens > 0
const sumsOf = ({ user, config }: TinyTower) => (config.user.sequence.sums ? (user.sequence?.weights ?? 0) : 0)
const hasMixedEvents = ({ user, config: { user: config } }: TinyTower) =>
  user.sequence !== null && config.sequence.pooled + config.sequence.recent > 0

/** By the text of the last column. */
const conditions: Readonly<Record<string, (tower: TinyTower, place: Place) => boolean>> = {
  always: () => true,
  'dense tokens': hasDense,
  'dense tokens, standardize': (tower) => hasDense(tower) && tower.config.user.dense.standardize,
  'dense tokens, periodic': (tower) => hasDense(tower) && tower.config.user.dense.encoding.kind === 'periodic',
  'dense tokens, piecewise': (tower) => hasDense(tower) && tower.config.user.dense.encoding.kind === 'piecewise',
  'attention, maxValues over 1': ({ config }, { bag }) => config.user.bags === 'attention' && bag!.maxValues > 1,
  events: (tower) => hasMixedEvents(tower) || sumsOf(tower) > 0,
  'mixed events': hasMixedEvents,
  'unless it is false': (_, { level }) => level!.residual !== false,
  mlp: (_, { level }) => level!.mlp !== null,
  compression: (_, { level }) => level!.compression !== null,
  cross: (_, { level }) => level!.cross !== null,
  mixer: (_, { level }) => level!.mixer !== null,
  'norm is layer or rms': (_, { level }) => level!.norm !== 'none',
  grouped: ({ config }) => config.mix.interaction.kind === 'grouped',
  pairwise: ({ config }) => config.mix.interaction.kind === 'pairwise',
}

function numbersOf({ user, item, tasks, config }: TinyTower): Numbers {
  const { tokenWidth: d, dense, sequence, levels } = config.user
  const { encoding } = dense
  const { count: K, width: D } = config.embeddings
  const { interaction, hidden, width } = config.mix
  const F = user.dense.length
  const perColumn = {
    plain: 1,
    periodic: encoding.kind === 'periodic' ? 2 * encoding.frequencies + 4 : 0,
    piecewise: encoding.kind === 'piecewise' ? Math.ceil(encoding.bins / 4) * 4 + 4 : 0,
  }[encoding.kind]
  const vectors = interaction.kind === 'pairwise' ? interaction.vectors : 0
  return {
    ...(encoding.kind === 'periodic' ? { frequencies: encoding.frequencies, sigma: encoding.sigma } : {}),
    ...(encoding.kind === 'piecewise' ? { bins: encoding.bins } : {}),
    d,
    tokens: dense.tokens,
    F,
    E: F * perColumn,
    C: user.sequence?.channels ?? 0,
    M: sequence.pooled,
    J: K * D,
    G: interaction.kind === 'grouped' ? interaction.dots : 0,
    v: interaction.kind === 'grouped' ? K * D : vectors * D,
    P: ((K + vectors) * (K + vectors - 1)) / 2,
    X: Math.ceil(item.dense.length / 4) * 4 + item.bags.length * width,
    T: tasks,
    width,
    N: given(levels.at(-1)!, dense.tokens),
    H1: hidden[0],
    HL: hidden.at(-1)!,
  }
}

/** Tokens that a level gives. */
function given({ mlp, compression, cross, mixer, dense }: LevelConfig, denseTokens: number): number {
  let tokens = dense === false ? 0 : denseTokens
  for (const extractor of [mlp, compression, cross, mixer]) tokens += extractor?.tokens ?? 0
  return tokens
}

const upTo = (last: number, from = 1) => Array.from({ length: Math.max(0, last - from + 1) }, (_, i) => from + i)

/** Every tensor, or pair of weight and bias, that a row of the table stands for in a tower, whether it is there or not. */
function placesOf(pattern: string, tower: TinyTower): Place[] {
  const { user, item, config } = tower
  const { dense, sequence, levels } = config.user
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
  if (pattern.includes('BLOCK'))
    return upTo(sequence.blocks).map((b) => at('BLOCK', b, { numbers: { ...numbers, hidden: sequence.hidden } }))
  if (pattern.includes('LEVEL')) {
    let n = dense.tokens * (user.dense.length > 0 ? 1 : 0) + user.bags.length
    if (user.sequence) n += sequence.pooled + sequence.recent + sumsOf(tower)
    return levels.flatMap((level, k) => {
      const m = given(level, dense.tokens)
      const extractor = pattern.split('.')[2]
      const sizes = (level as unknown as Record<string, Numbers | null>)[extractor] ?? {}
      const place = at('LEVEL', k + 1, { level, numbers: { ...numbers, ...sizes, n, m } })
      n = m
      return pattern.includes('LAYER')
        ? upTo(level.cross?.layers ?? 0).map((l) => ({ ...place, name: place.name.replace('LAYER', String(l)) }))
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

function startOf(text: string, numbers: Numbers): Initialization {
  if (text === '0') return 'zero'
  if (text === '1') return 'one'
  if (text === 'normal sigma') return { normal: numbers.sigma }
  return { uniform: 1 / Math.sqrt(evaluate(text.replace('±1/√', ''), numbers)) }
}

function entriesOf(kind: string, { name, numbers, level }: Place, rows: number, cols: number): Entry[] {
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
        ...(option === 'with bias'
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
      return [{ name, rows, cols, initialization: startOf(option, numbers) }]
    default:
      throw new Error(`docs/model.md: there is no kind "${kind}"`)
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
        dense: { ...oddTower.config.user.dense, tokens: 0 },
        sequence: { ...oddTower.config.user.sequence, pooled: 0, recent: 0 },
        levels: [
          {
            mlp: null,
            compression: null,
            cross: null,
            mixer: { tokens: 1, tokenHidden: 3, channelHidden: 2 },
            norm: 'rms',
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
          .flatMap((place) => entriesOf(kind, place, evaluate(height, place.numbers), evaluate(width, place.numbers))),
      )
      const { set } = declareTower(tower.user, tower.item, tower.tasks, tower.config)
      const byName = (a: Entry, b: Entry) => (a.name < b.name ? -1 : 1)
      expect(expected.sort(byName)).toEqual(set.entries().sort(byName))
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

/** A key of the config, and what it may hold as the document writes it. */
type Key = readonly [key: string, values: string]

const range = (low: unknown, high: unknown) => [low, high].map((x) => Number(x).toLocaleString('en')).join(' … ')

function keysOf(schema: JsonSchema, path = ''): Key[] {
  if (schema.anyOf) return keysOf((schema.anyOf as JsonSchema[])[0], path)
  if (schema.oneOf) {
    const variants = (schema.oneOf as JsonSchema[]).map(({ properties }) => properties as Record<string, JsonSchema>)
    return [
      [`${path}.kind`, variants.map(({ kind }) => kind.const).join(', ')],
      ...variants.flatMap(({ kind: _, ...properties }) => keysOf({ type: 'object', properties }, path)),
    ]
  }
  if (schema.enum) return [[path, (schema.enum as string[]).join(', ')]]
  switch (schema.type) {
    case 'object':
      return Object.entries(schema.properties as Record<string, JsonSchema>).flatMap(([key, value]) =>
        keysOf(value, path === '' ? key : `${path}.${key}`),
      )
    case 'array': {
      const items = schema.items as JsonSchema
      const own: Key = [path, range(schema.minItems, schema.maxItems)]
      return items.type === 'object' ? [own, ...keysOf(items, `${path}[]`)] : [own]
    }
    case 'boolean':
      return [[path, 'true, false']]
    default:
      return [
        [
          path,
          `${range(schema.minimum, schema.maximum)}${schema.multipleOf ? ` ×${schema.multipleOf as number}` : ''}`,
        ],
      ]
  }
}

it('has every key of a config, in the order of its schema, with its bounds', () => {
  const [, ...rows] = table('key')
  // Behind the bounds of a list stands what it is a list of.
  const found = rows.map(([key, values]) => [withoutTicks(key), values.replace(/ (levels|layers)$/, '')])
  expect(found).toEqual(keysOf(modelConfigSchema))
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
