import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { itemTables } from '@headwater/encoder'
import { parseSchema } from '@headwater/features'
import { readServedLog } from '@headwater/logs'
import { servedStatus } from '@headwater/pooling'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { openTenantLogs } from './logs.ts'
import type { ServeOptions } from './options.ts'

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
  [true, [2, 2]],
  [undefined, [0, 0]],
])(
  'with --served-log-latest %j the newest embeddings of two models have %j numbers',
  async (servedLogLatest, numbers) => {
    const directory = temporaryDirectory()
    const store = await openStore('memory:')
    const closers: (() => Promise<void>)[] = []
    const given = { servedLog: directory, servedLogLatest, rotate: 600_000 }
    const models = ['a', 'b']
    const serving = {
      options: given as ServeOptions,
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
  },
)
