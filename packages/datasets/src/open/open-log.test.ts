import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { LogEvent, Schema } from '@headwater/features'
import { fuzz } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import { LogError } from '../index.ts'
import {
  csvOf,
  eventsOf,
  Folder,
  failure,
  jsonlOf,
  ownTemporaryFolder,
  readAndClose,
  row,
  rows,
  schema,
  sql,
} from '../testing/sample-log.ts'

describe('the same rows', () => {
  const expected: LogEvent[] = [
    event(0, 'bob', 10_000, [null, Float32Array.of(0.25, -4), 'home, sweet "home"', null, 0, 3]),
    event(1, 'bob', 20_500, [null, null, 'b', -3e-7, 0, 3]),
    event(2, 'ann', 30_000, [['x', 'y'], null, null, 1.5, 1, 5]),
    event(3, 'čen', 30_000, [['z'], null, null, null, 0, 2]),
  ]

  function event(number: number, user: string, timeMs: number, values: LogEvent['values']): LogEvent {
    return { row: number, user, item: 'thing', timeMs, values }
  }

  test('are the same events from CSV, JSONL and Parquet, compressed or not', async () => {
    const folder = new Folder()
    const plain = folder.write('log.csv', csvOf(rows))
    const zst = join(folder.path, 'log.csv.zst')
    await sql(`COPY (FROM read_csv('${plain}', all_varchar = true)) TO '${zst}' (FORMAT csv, COMPRESSION zstd)`)
    const logs = [
      plain,
      zst,
      folder.write('windows.CSV', `\uFEFF${csvOf(rows).replaceAll('\n', '\r\n')}`),
      folder.write('log.csv.gz', gzipSync(csvOf(rows))),
      folder.write('log.jsonl', jsonlOf(rows)),
      folder.write('log.ndjson.gz', gzipSync(jsonlOf(rows))),
      await folder.parquet('log.parquet', rows),
    ]
    for (const path of logs) {
      const log = await folder.open(path)
      expect(log).toMatchObject({ name: 'sample', rows: 4, skippedRows: 0, badRows: [] })
      expect(log.timeRange).toEqual({ firstMs: 10_000, lastMs: 30_000 })
      expect(await readAndClose(log), path).toEqual(expected)
    }
  })

  test('may be split over files of a glob, in the order of their names and of different formats', async () => {
    const folder = new Folder()
    folder.write('part-2.csv', csvOf(rows.slice(2, 3)))
    folder.write('part-3.jsonl', jsonlOf(rows.slice(3)))
    await folder.parquet('part-1.parquet', rows.slice(0, 2))
    const log = await folder.open(join(folder.path, 'part-*'))
    expect(await readAndClose(log)).toEqual(expected)
  })

  test('are found in a file whose name looks like a glob', async () => {
    const folder = new Folder()
    folder.write('log1.csv', csvOf([rows[0]]))
    expect(await readAndClose(await folder.open(folder.write('log[1]*.csv', csvOf(rows))))).toEqual(expected)
  })

  test('may leave keys out of JSONL objects, and may hold times as text or timestamps', async () => {
    const folder = new Folder()
    const iso = { ...schema, time: { column: 'at', unit: 'iso' } }
    const times = ['1970-01-01T01:00:30+01:00', '1970-01-01T00:00:10Z', '1970-01-01 00:00:30', '1970-01-01T00:00:20.5']
    const timed = rows.map((r, i) => ({ ...r, at: times[i] }))
    const present = timed.map((r) => Object.fromEntries(Object.entries(r).filter(([, value]) => value !== null)))
    const jsonl = folder.write('log.jsonl', present.map((r) => JSON.stringify(r)).join('\n'))
    const parquet = await folder.parquet(
      'log.parquet',
      rows,
      '* REPLACE (make_timestamp(("at" * 1e6)::BIGINT) AS "at")',
    )
    for (const path of [folder.write('log.csv', csvOf(timed)), jsonl, parquet]) {
      expect(await readAndClose(await folder.open(path, { json: iso })), path).toEqual(expected)
    }
    const numbers = await failure(folder.open(parquet))
    expect(numbers).toMatchObject({ file: parquet, field: 'at' })
    expect(numbers.message).toContain('holds timestamps, not numbers of s; set "unit" to "iso"')
  })
})

test('the share of the opening that is done rises to 1', async () => {
  const folder = new Folder()
  const shares: number[] = []
  const log = await folder.open(folder.write('log.csv', csvOf(rows)), { onProgress: (share) => shares.push(share) })
  await log.close()
  expect(shares).toEqual(shares.toSorted((a, b) => a - b))
  expect(shares.at(-1)).toBe(1)
  expect(shares[0]).toBeLessThan(1)
})

describe('labels', () => {
  const outcomes: Schema = {
    ...schema,
    fields: [
      ...schema.fields,
      { name: 'action', column: 'place', of: 'outcome', type: 'id' },
      { name: 'worth', column: 'price', of: 'outcome', type: 'float' },
    ],
    tasks: [schema.tasks[0], { ...schema.tasks[1], weightBy: 'worth' }],
  }

  test('may be missing in all tasks but the first, beside outcomes that are categories', async () => {
    const folder = new Folder()
    const path = folder.write(
      'log.csv',
      csvOf([row({ click: 1, stars: 5, place: 'tap' }), row({ stars: null, price: 0 }), row({ stars: 1, price: 2.5 })]),
    )
    const events = await readAndClose(await folder.open(path, { json: outcomes }))
    expect(events.map(({ values }) => values.slice(5))).toEqual([
      [5, 'tap', null],
      [null, null, 0],
      [1, null, 2.5],
    ])
    const oneClass = folder.write('ones.csv', csvOf([row({ click: 1, stars: 5 }), row({ stars: null })]))
    expect((await failure(folder.open(oneClass, { json: outcomes }))).message).toContain(
      'task "liked" (at least 4) has one class: its label is 1 in all rows',
    )
    const unknown = folder.write('none.csv', csvOf([row({ click: 1, stars: null }), row({ stars: null })]))
    expect((await failure(folder.open(unknown, { json: outcomes }))).message).toContain(
      'task "liked" has no label: "stars" is missing in all rows',
    )
  })

  test('have weights of at least 0', async () => {
    const folder = new Folder()
    const path = folder.write('log.csv', csvOf([row({ click: 1, stars: 5 }), row({ price: -0.5 }), row({ stars: 1 })]))
    expect(await failure(folder.open(path, { json: outcomes }))).toMatchObject({ row: 2, field: 'worth' })
    const log = await folder.open(path, { json: outcomes, maxBadRows: 1 })
    expect(log.badRows[0].reason).toBe('"-0.5" is below 0, but task "liked" takes it as a weight')
    await log.close()
  })
})

describe('order and streaming', () => {
  test('sorts by time and keeps the order of equal times, over chunks and files', async () => {
    await fuzz(
      (random) => ({
        rows: 2 + random.nextBelow(5999),
        times: 1 + random.nextBelow(50),
        files: 1 + random.nextBelow(3),
      }),
      async (shape, random) => {
        const folder = new Folder()
        const table = Array.from({ length: shape.rows }, (_, i) => {
          return row({ at: 1 + random.nextBelow(shape.times), place: String(i), click: i % 2, stars: 3 + (i % 2) })
        })
        for (let f = 0; f < shape.files; f++) {
          const part = table.slice((f * shape.rows) / shape.files, ((f + 1) * shape.rows) / shape.files)
          folder.write(`${f}.csv`, csvOf(part))
        }
        const log = await folder.open(join(folder.path, '*.csv'))
        const chunks: LogEvent[][] = []
        for await (const chunk of log.events()) chunks.push(chunk)
        await log.close()
        expect(chunks.every(({ length }) => length > 0 && length <= 2048)).toBe(true)
        const events = chunks.flat()
        expect(events.map((event) => event.row)).toEqual(table.map((_, i) => i))
        const sorted = table.toSorted((a, b) => Number(a.at) - Number(b.at))
        expect(events.map(({ timeMs, values }) => [timeMs / 1000, values[2]])).toEqual(
          sorted.map(({ at, place }) => [at, place]),
        )
      },
      { runs: 6 },
    )
  })

  test('reads a time range, its end excluded, with the row numbers of the whole', async () => {
    const folder = new Folder()
    const log = await folder.open(folder.write('log.csv', csvOf(rows)))
    const numbers = async (range: { from?: number; to?: number }) => (await eventsOf(log, range)).map((e) => e.row)
    expect(await numbers({ from: 20_500 })).toEqual([1, 2, 3])
    expect(await numbers({ to: 30_000 })).toEqual([0, 1])
    expect(await numbers({ from: 10_000.5, to: 30_000 })).toEqual([1])
    expect(await numbers({ from: 40_000 })).toEqual([])
    await log.close()
  })

  test('can be left early and read side by side; closing ends streams and removes temporary files', async () => {
    const folder = new Folder()
    const temporary = ownTemporaryFolder()
    const table = Array.from({ length: 10_000 }, (_, i) => row({ at: i, click: i % 2, stars: 3 + (i % 2) }))
    const log = await folder.open(folder.write('log.csv', csvOf(table)))
    expect(readdirSync(temporary).length).toBe(1)
    for (let i = 0; i < 20; i++) {
      for await (const [first] of log.events({ from: i * 1000 * 100 })) {
        expect(first.row).toBe(i * 100)
        break
      }
    }
    const one = log.events()[Symbol.asyncIterator]()
    const other = log.events()[Symbol.asyncIterator]()
    expect((await one.next()).value[0].row).toBe(0)
    const [next, first] = await Promise.all([one.next(), other.next()])
    expect([next.value[0].row, first.value[0].row]).toEqual([2048, 0])
    const [pending] = await Promise.all([one.next(), log.close(), log.close()])
    expect(pending.value[0].row).toBe(4096)
    await expect(one.next()).rejects.toThrow('sample: the log is closed')
    await expect(other.next()).rejects.toThrow(LogError)
    await expect(eventsOf(log)).rejects.toThrow(LogError)
    expect(readdirSync(temporary)).toEqual([])
  })

  test('ends with the reason of its signal', async () => {
    const folder = new Folder()
    const path = folder.write('log.csv', csvOf(rows))
    const reason = new Error('enough')
    await expect(folder.open(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const log = await folder.open(path, { signal: controller.signal })
    controller.abort(reason)
    await expect(eventsOf(log)).rejects.toBe(reason)
    await log.close()
  })

  test('an abort interrupts the sorting', async () => {
    const folder = new Folder()
    const path = join(folder.path, 'log.parquet')
    await sql(
      `COPY (SELECT 'u' || i AS who, 'w' AS what, hash(i) % 1000 AS "at", i % 2 AS click, 3 + i % 2 AS stars, NULL AS tags,
      NULL AS "shape vector", NULL AS place, 0.5 AS price FROM range(400000) t(i)) TO '${path}' (FORMAT parquet)`,
    )
    const controller = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 50)
    await expect(folder.open(path, { signal: controller.signal })).rejects.toBe(reason)
  })
})
