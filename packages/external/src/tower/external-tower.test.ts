import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures, type LogEvent, parseSchema, type SideBatch } from '@headwater/features'
import { publishSnapshot, SnapshotError } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  dailyMap,
  embeddingOf,
  type SmallModelOptions,
  shopItems,
  shopSchema,
  smallMap,
  smallTower,
  width,
  writeSmallTower,
} from '../../testing/small-tower.ts'
import {
  ExternalTowerError,
  loadExternalTower,
  openTowerSource,
  proposeMap,
  readModelFacts,
  readTowerSource,
} from '../index.ts'
import { checkTower } from './check-tower.ts'
import type { ImportedTower } from './import-tower.ts'

const space = compileFeatures(shopSchema)
const tower = smallTower(1)
const nowMs = 1_700_000_000_000

interface Past {
  readonly age: number | null
  /** Item's number, seconds before now, and outcome. */
  readonly events: readonly (readonly [item: number, agoS: number, bought: number])[]
}

/** One who is new, one of few events, one of more than the window, one of an item that the vocabulary does not have. */
const pasts: readonly Past[] = [
  { age: null, events: [] },
  { age: 31, events: [[3, 7200, 1]] },
  { age: 55, events: Array.from({ length: 8 }, (_, i) => [i, 9000 - 1000 * i, i % 2] as const) },
  { age: null, events: [[99, 60, 0], [5, 5, 1]] }, // biome-ignore format: an event a pair
]

function rowsOf(users: readonly Past[]): SideBatch {
  const batch = space.allocate('user', users.length)
  for (const [row, { age, events }] of users.entries()) {
    const state = space.newUserState()
    for (const [item, agoS, bought] of events) {
      const event: LogEvent = {
        ...{ row: 0, user: 'u', item: `item-${item}`, timeMs: nowMs - 1000 * agoS },
        values: [age, null, null, bought],
      }
      space.update(state, space.newItemState(), event)
    }
    space.encodeUser(batch, row, state, nowMs)
  }
  return batch
}

/** By hand: rows 0 and 1 of the table are padding and unknown. */
function expected({ age, events }: Past, unitS = 1): number[] {
  const outcomes = events.map(([, , bought]) => bought)
  const mean = outcomes.reduce((sum, bought) => sum + bought, 0)
  const numbers = [
    events.length > 0 ? 1 : 0,
    age ?? 0,
    events.length > 0 ? (mean + 3 * 0.4) / (events.length + 3) - 0.4 : 0,
  ]
  const recent = events.slice(-5).map(([item, agoS]) => ({
    row: item < shopItems.length ? item + 2 : 1,
    ageS: agoS / unitS,
  }))
  return embeddingOf(tower, numbers as [number, number, number], recent)
}

/** Reads and opens what a test wrote. */
async function open(
  options: SmallModelOptions = {},
  map: object = smallMap,
  items = shopItems,
): Promise<ImportedTower> {
  const directory = temporaryDirectory()
  const model = writeSmallTower(directory, tower, options, map, items)
  return openTowerSource(await readTowerSource(model, join(directory, 'map.json'), shopSchema))
}

const withInputs = (inputs: object) => ({ ...smallMap, inputs: { ...smallMap.inputs, ...inputs } })

function expectClose(vectors: Float32Array, users: readonly Past[]): void {
  expect(vectors).toHaveLength(users.length * width)
  for (const [i, value] of users.flatMap((user) => expected(user)).entries()) expect(vectors[i]).toBeCloseTo(value, 4)
}

describe('a tower with a vocabulary, ages and a mask', () => {
  let imported: ImportedTower
  beforeAll(async () => {
    imported = await open({ dataFile: 'table.bin' })
    return () => imported.tower.dispose()
  })

  test('gives what its formula gives for users by their events', async () => {
    expectClose(await imported.tower.encode(rowsOf(pasts)), pasts)
  })

  test('is checked without complaint, and says how many keys its vocabulary has', async () => {
    const { known, shared } = await checkTower(imported.tower, rowsOf(pasts))
    expect(known).toEqual({ items: (1 + 5 + 1) / (1 + 5 + 2) })
    expect(shared).toEqual({ items: 0 })
  })

  test('is a snapshot that gives the same, turned by its alignment, and refuses a file that was changed', async () => {
    const { record, files } = imported
    const alignment = { dim: width, weight: new Float32Array(width * width), bias: Float32Array.of(1, 2, 3, 4) }
    // Number i becomes number i + 1, and so on around.
    for (let i = 0; i < width; i++) alignment.weight[i * width + ((i + 1) % width)] = 1
    const about = { snapshot: 4, frame: 2, dataCutoffMs: 5, trainedRows: 0, config: {}, external: record }
    const directory = await publishSnapshot(temporaryDirectory(), shopSchema, [], about, { alignment, tower: files })
    const loaded = await loadExternalTower(directory)
    expect([loaded.manifest.snapshot, loaded.dim, loaded.schema]).toEqual([4, width, shopSchema])
    const vectors = await loaded.encode(rowsOf(pasts))
    for (const [r, past] of pasts.entries())
      for (const [i, value] of expected(past).entries()) {
        const j = (i + 1) % width
        expect(vectors[r * width + j]).toBeCloseTo(value + alignment.bias[j], 4)
      }
    await loaded.dispose()
    writeFileSync(join(directory, 'tower', 'items.vocabulary.json'), '[]')
    await expect(loadExternalTower(directory)).rejects.toThrow(SnapshotError)
  })
})

test.each<[string, SmallModelOptions, object, RegExp]>([
  [
    'an input that is not mapped',
    {},
    { ...smallMap, inputs: { age: smallMap.inputs.age } },
    /input "known": is not mapped/,
  ],
  ['one that is left open', {}, withInputs({ ages: null }), /input "ages": is not mapped yet/],
  [
    'one that the model does not have',
    {},
    withInputs({ more: { from: 'event-age' } }),
    /input "more": is none of the model/,
  ],
  ['a source that there is not', {}, withInputs({ ages: { from: 'clock' } }), /input "ages": "from" is "clock"/],
  [
    'a key that a source does not have',
    {},
    withInputs({ ages: { from: 'event-age', of: 1 } }),
    /input "ages": \/of is no key/,
  ],
  [
    'another width',
    {},
    withInputs({ age: { from: 'columns', names: ['known', 'age'] } }),
    /input "age": .*\[rows, 1\].*\[rows, 2\]/,
  ],
  [
    'a column that there is not',
    {},
    withInputs({ known: { from: 'columns', names: ['knwon'] } }),
    /input "known": .*"knwon"/,
  ],
  [
    'a window that the schema does not keep',
    {},
    { ...smallMap, events: { last: 9 } },
    /input "items": .*last 9 events/,
  ],
  ['no such vocabulary', {}, withInputs({ items: { from: 'event-items', vocabulary: 'x' } }), /input "items": .*"x"/],
  ['ids for numbers', {}, withInputs({ mask: { from: 'event-items' } }), /input "mask": is float32/],
  [
    'an unknown row that is a key',
    {},
    withInputs({ items: { ...smallMap.inputs.items, unknown: 7 } }),
    /input "items": row 7/,
  ],
  ['a fixed number of rows', { rows: 8 }, smallMap, /input "known": takes exactly 8 rows/],
  ['an opset that there is not', { opset: 999 }, smallMap, /ONNX Runtime refuses the model.*opset 999/s],
  ['another output', {}, { ...smallMap, embeddings: { output: 'x', count: 1, width: 4 } }, /no output "x".*embeddings/],
  ['no map at all', {}, { version: 1 }, /--propose/],
])('%s is refused', async (_, options, map, message) => {
  const opening = open(options, map)
  await expect(opening).rejects.toThrow(message)
  await expect(opening).rejects.toThrow(ExternalTowerError)
})

test('a tower of halves gives what its formula gives, as near as halves are', async () => {
  const { tower: half } = await open({ half: true }, dailyMap)
  const vectors = await half.encode(rowsOf(pasts))
  // 11 bits of sums of numbers below 1, of five events at most, and as much again for the inputs.
  const daily = pasts.flatMap((past) => expected(past, 86_400))
  for (const [i, value] of daily.entries()) expect(Math.abs(vectors[i] - value)).toBeLessThan(2 * 5 * 2 ** -11)
  await checkTower(half, rowsOf(pasts))
  await half.dispose()
})

test('a tower may be told the hour', async () => {
  const withHours = parseSchema({ ...shopSchema, userCalendar: ['hour'] }, 'schema of the test')
  const directory = temporaryDirectory()
  const map = withInputs({ mean: { from: 'calendar', name: 'hour' } })
  const model = writeSmallTower(directory, tower, {}, map)
  const { tower: hourly } = await openTowerSource(await readTowerSource(model, join(directory, 'map.json'), withHours))
  const own = compileFeatures(withHours)
  const batch = own.allocate('user', 2)
  const times = [Date.UTC(2024, 1, 29, 23, 59, 59), Date.UTC(2024, 2, 1)]
  for (const [row, timeMs] of times.entries()) own.encodeUser(batch, row, own.newUserState(), timeMs)
  const vectors = await hourly.encode(batch)
  const byHand = [23, 0].flatMap((hour) => embeddingOf(tower, [0, 0, hour], []))
  for (const [i, value] of byHand.entries()) expect(vectors[i]).toBeCloseTo(value, 5)
  await checkTower(hourly, batch)
  await hourly.dispose()
})

test('a data file that is missing is refused with its tensor', async () => {
  const directory = temporaryDirectory()
  const model = writeSmallTower(directory, tower, { dataFile: 'table.bin' })
  rmSync(join(directory, 'table.bin'))
  const reading = readTowerSource(model, join(directory, 'map.json'), shopSchema)
  await expect(reading).rejects.toThrow(/tensor "table" lies in the file "table.bin"/)
})

/** Enough users for their keys to be judged. */
const many = Array.from({ length: 40 }, (_, i) => pasts[1 + (i % 2)])

test.each<[string, SmallModelOptions, object, readonly string[], RegExp]>([
  [
    'a table that is too short',
    {},
    withInputs({ items: { ...smallMap.inputs.items, first: 3 } }),
    shopItems,
    /input "items": .*row 32/,
  ],
  [
    'the vocabulary of another log',
    {},
    smallMap,
    shopItems.map((key) => `other-${key}`),
    /input "items": .*another log/,
  ],
  ['numbers that are not finite', { breaksForKnown: true }, smallMap, shopItems, /input "known": .*Infinity/],
  [
    'another width of output',
    {},
    { ...smallMap, embeddings: { count: 1, width: 8 } },
    shopItems,
    /\[1, 4\] for 1 rows, not \[1, 8\]/,
  ],
  ['vectors that depend on the batch', { overBatch: true }, smallMap, shopItems, /depends on the users beside it/],
])('%s is refused by the check', async (_, options, map, items, message) => {
  const imported = await open(options, map, [...items])
  await expect(checkTower(imported.tower, rowsOf(many))).rejects.toThrow(message)
  await imported.tower.dispose()
})

test('a map is proposed by names, with null for what they do not tell', async () => {
  const directory = temporaryDirectory()
  const facts = await readModelFacts(writeSmallTower(directory, tower))
  expect(proposeMap(facts, shopSchema)).toEqual({
    version: 1,
    embeddings: { output: 'embeddings', count: 1, width },
    events: { last: 5 },
    vocabularies: { items: { file: 'items.json' } },
    inputs: {
      known: { from: 'columns', names: ['known'] },
      age: { from: 'field', name: 'age' },
      mean: null,
      items: { from: 'event-items', vocabulary: 'items' },
      ages: { from: 'event-age' },
      mask: { from: 'event-mask' },
    },
  })
})

test('hours are proposed where the schema has them, and ages in hours are ages', () => {
  const withHours = parseSchema(
    { ...shopSchema, userCalendar: ['hour'], sequence: { ...shopSchema.sequence, calendar: ['hour'] } },
    'schema of the test',
  )
  const port = (name: string, ...dims: number[]) => ({ name, type: 'int64' as const, dims: ['rows', ...dims] })
  const inputs = [port('hour'), port('history_hours', 5), port('age_hours', 5), port('weekday')]
  const facts = { inputs, outputs: [], opset: 17, producer: '', dataFiles: new Map() }
  expect(proposeMap(facts, withHours).inputs).toEqual({
    hour: { from: 'calendar', name: 'hour' },
    history_hours: { from: 'event-calendar', name: 'hour' },
    age_hours: { from: 'event-age' },
    weekday: null,
  })
})
