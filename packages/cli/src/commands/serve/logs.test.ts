import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import { itemTables } from '@headwater/encoder'
import { parseSchema } from '@headwater/features'
import { readServedLog } from '@headwater/logs'
import { servedStatus } from '@headwater/pooling'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { queried } from '../../testing/duckdb.ts'
import { openTenantLogs } from './logs.ts'
import { declareServe, type ServeOptions } from './options.ts'

const schema = parseSchema(
  {
    version: 1,
    name: 'clicks',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 'ms' },
    fields: [{ name: 'click', of: 'outcome', type: 'float' }],
    tasks: [{ name: 'click', field: 'click', atLeast: 1 }],
    aggregations: [],
  },
  'clicks',
)

const itemsOf = (models: readonly string[]) => {
  const source = (model: string) => itemTables({ directory: join(temporaryDirectory(), model) })
  return new Map(models.map((model) => [model, source(model)]))
}

test.each([
  [2, 2],
  [undefined, 5],
])('of each log --keep-files %j leaves %i of five', async (keepFiles, left) => {
  const directory = temporaryDirectory()
  const store = await openStore('memory:')
  const closers: (() => Promise<void>)[] = []
  const given = {
    eventLog: join(directory, 'events'),
    outcomeLog: join(directory, 'outcomes'),
    rotate: 600_000,
    keepFiles,
  }
  const warn = (error: unknown) => {
    throw error
  }
  const serving = {
    options: given as ServeOptions,
    closers,
    stopped: new AbortController().signal,
    say: () => {},
    warn,
  }
  const { served, events, outcomes } = await openTenantLogs(serving, 'shop', store, schema, itemsOf(['sum']))
  expect(served).toBeNull()
  for (let row = 0; row < 5; row++) {
    await events!.append([{ row, user: 'ann', item: 'i', timeMs: row, values: [1] }])
    await events!.rotate()
    const outcome = {
      downstream: 'ctr',
      request: `r${row}`,
      user: 'ann',
      prediction: 0.5,
      label: 1,
      timeMs: row,
    } as const
    await outcomes!.append([outcome])
    await outcomes!.rotate()
  }
  for (const log of ['events', 'outcomes']) {
    const files = readdirSync(join(directory, log, 'shop')).filter(
      (name) => name.endsWith('.jsonl') && !name.startsWith('.'),
    )
    expect(files).toHaveLength(left)
    expect(files.sort().at(-1)).toContain('000000000000004-000000000000005')
  }
  for (const close of closers) await close()
  await store.close()
})

test.each([
  [['--served-log-latest', '--vector-type', 'float32'], [2, 2], { type: 'FLOAT', logical_type: null }],
  [[], [0, 0], { type: 'FIXED_LEN_BYTE_ARRAY', logical_type: 'Float16Type()' }],
])(
  'with %j the newest embeddings of two models have %j numbers, and a Parquet reader sees vectors of %j',
  async (words, numbers, type) => {
    const directory = temporaryDirectory()
    const store = await openStore('memory:')
    const closers: (() => Promise<void>)[] = []
    const command = declareServe(new Command())
    command.parseOptions(['--served-log', directory, ...words])
    const models = ['a', 'b']
    const serving = {
      options: command.opts(),
      closers,
      stopped: new AbortController().signal,
      say: () => {},
      warn: () => {},
    }
    const { served } = await openTenantLogs(serving, 'shop', store, schema, itemsOf(models))
    const columns = {
      dim: 2,
      vectors: Float32Array.of(1, 2),
      halves: null,
      latest: Float32Array.of(3, 4),
      status: Uint8Array.of(servedStatus.fresh),
      snapshot: Uint32Array.of(1),
      frame: Uint32Array.of(1),
      featureTimeMs: Float64Array.of(5),
      ageMs: Float64Array.of(0),
      computed: null,
    }
    served!.record({ users: ['ann'], servedMs: 5, models: models.map((model) => ({ model, ...columns })) })
    for (const close of closers) await close()
    await store.close()
    const dims: number[] = []
    for await (const { latest } of readServedLog(join(directory, 'shop'))) dims.push(...latest.dims)
    expect(dims).toEqual(numbers)
    const files = join(directory, 'shop', '*.parquet')
    const query = `SELECT type, logical_type FROM parquet_schema('${files}') WHERE name = 'element' LIMIT 1`
    const [element] = await queried(query)
    expect(element).toEqual(type)
  },
)
