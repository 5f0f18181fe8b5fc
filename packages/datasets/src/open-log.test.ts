import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { type LogEvent, type Schema, SchemaError } from '@headwater/features'
import { fuzz, temporaryDirectory } from '@headwater/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Log, LogError, openLog } from './index.ts'

const schema: Schema = {
  version: 1,
  name: 'sample',
  user: 'who',
  item: 'what',
  time: { column: 'at', unit: 's' },
  fields: [
    { name: 'tags', of: 'item', type: 'ids' },
    { name: 'shape', column: 'shape vector', of: 'item', type: 'vector', size: 2 },
    { name: 'place', of: 'context', type: 'id' },
    { name: 'price', of: 'item', type: 'float' },
    { name: 'click', of: 'outcome', type: 'float' },
    { name: 'stars', of: 'outcome', type: 'float' },
  ],
  tasks: [
    { name: 'click', field: 'click', atLeast: 1 },
    { name: 'liked', field: 'stars', atLeast: 4 },
  ],
  aggregations: [],
}

interface Row {
  who: string | null
  what: string | null
  at: number | string | null
  tags: string[] | null
  'shape vector': number[] | null
  place: string | null
  price: number | string | null
  click: number | null
  stars: number | null
}

/** Four rows, out of order, two of them at one time; what may be missing is missing once. */
const rows: Row[] = [
  row({ who: 'ann', at: 30, tags: ['x', 'y'], price: 1.5, click: 1, stars: 5 }),
  row({ who: 'bob', at: 10, 'shape vector': [0.25, -4], place: 'home, sweet "home"' }),
  row({ who: 'čen', at: 30, tags: ['z'], click: 0, stars: 2 }),
  row({ who: 'bob', at: 20.5, price: -3e-7, place: 'b' }),
]

function row(given: Partial<Row>): Row {
  const missing = { tags: null, 'shape vector': null, place: null, price: null }
  return { who: 'ann', what: 'thing', at: 1, click: 0, stars: 3, ...missing, ...given }
}

function csvOf(table: readonly Row[]): string {
  const cell = (value: unknown) => {
    const text = Array.isArray(value) ? value.join('|') : String(value ?? '')
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return `${[Object.keys(row({})), ...table.map((r) => Object.values(r))].map((r) => r.map(cell).join(',')).join('\n')}\n`
}

function jsonlOf(table: readonly Row[]): string {
  return table.map((r) => `${JSON.stringify(r)}\n`).join('')
}

class Folder {
  readonly path = temporaryDirectory()

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name)
    writeFileSync(path, content)
    return path
  }

  schema(json: unknown = schema): string {
    return this.write('schema.json', JSON.stringify(json))
  }

  /** Parquet by DuckDB's own conversion of JSONL. */
  async parquet(name: string, table: readonly Row[], columns = '*'): Promise<string> {
    const path = join(this.path, name)
    const types = `{who: 'VARCHAR', what: 'VARCHAR', "at": 'DOUBLE', tags: 'VARCHAR[]', "shape vector": 'DOUBLE[2]',
      place: 'VARCHAR', price: 'DOUBLE', click: 'BOOLEAN', stars: 'INTEGER'}`
    const json = join(temporaryDirectory(), 'rows.jsonl')
    writeFileSync(json, jsonlOf(table))
    await sql(
      `COPY (SELECT ${columns} FROM read_json('${json}', format = 'newline_delimited', columns = ${types}))
      TO '${path}' (FORMAT parquet)`,
    )
    return path
  }

  open(data: string, options: { json?: unknown; maxBadRows?: number; signal?: AbortSignal } = {}): Promise<Log> {
    const { json, ...rest } = options
    return openLog({ data, schema: this.schema(json), ...rest })
  }
}

async function sql(statement: string) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(statement)).getRowsJS()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function eventsOf(log: Log, range?: { from?: number; to?: number }): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for await (const chunk of log.events(range)) events.push(...chunk)
  return events
}

async function readAndClose(log: Log): Promise<LogEvent[]> {
  const events = await eventsOf(log)
  await log.close()
  return events
}

async function failure(opening: Promise<Log>): Promise<LogError> {
  const error = await opening.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(LogError)
  return error as LogError
}

/** Where this test's logs put temporary files, which no other process does. */
function ownTemporaryFolder(): string {
  const path = temporaryDirectory()
  vi.stubEnv('TMPDIR', path)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  return path
}

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

describe('bad rows', () => {
  const longKey = 'ž'.repeat(257)
  const cases: [title: string, bad: Partial<Row>, field: string, reason: string][] = [
    ['no user', { who: null }, 'who', 'is missing or empty'],
    ['no item', { what: null }, 'what', 'is missing or empty'],
    ['a long key', { what: longKey }, 'what', 'is a key of 514 bytes, longer than 512'],
    ['no time', { at: null }, 'at', 'is missing'],
    ['a time that is no number', { at: 'noon' }, 'at', '"noon" is no number of s since 1970'],
    ['a time of the wrong unit', { at: 1.6e12 }, 'at', 'is outside the years 1900 to 2200'],
    ['a label that is missing', { click: null }, 'click', 'is missing, and task "click" needs it'],
    ['a label that is neither 0 nor 1', { click: 2 }, 'click', '"2" is neither 0 nor 1, as task "click"'],
    ['a number that is none', { price: 'cheap' }, 'price', '"cheap" is no number'],
    ['NaN', { price: 'NaN' }, 'price', '"NaN" is no finite number'],
    ['infinity', { price: '-inf' }, 'price', '"-inf" is no finite number'],
    ['a vector of another size', { 'shape vector': [1, 2, 3] }, 'shape', 'has 3 numbers, not 2'],
    ['a vector of infinity', { 'shape vector': [1, '1e999' as never] }, 'shape', 'is no list of finite numbers'],
    ['a vector of texts', { 'shape vector': ['a' as never, 'b' as never] }, 'shape', 'is no list of finite numbers'],
  ]

  test.each(cases)('%s', async (_, bad, field, reason) => {
    const folder = new Folder()
    const table = [...rows, row(bad), row({ who: 'last' })]
    const csv = folder.write('log.csv', csvOf(table))
    const inCsv = await failure(folder.open(csv))
    expect(inCsv).toMatchObject({ file: csv, row: 5, line: 6, field })
    expect(inCsv.message).toContain(`${csv}, row 5 (line 6), field "${field}": `)
    expect(inCsv.message).toContain(reason)
    expect(inCsv.message).toContain('maxBadRows 1')
    const jsonl = folder.write('log.jsonl', jsonlOf(table))
    const inJsonl = await failure(folder.open(jsonl))
    expect(inJsonl).toMatchObject({ file: jsonl, row: 5, field })
    expect(inJsonl.message).toContain(`${jsonl}, row 5, field "${field}": `)
    expect(inJsonl.message).toContain(reason)

    const log = await folder.open(csv, { maxBadRows: 1 })
    expect(log).toMatchObject({ rows: 5, skippedRows: 1, badRows: [{ file: csv, row: 5, line: 6, field }] })
    expect((await readAndClose(log)).map(({ user }) => user)).toEqual(['last', 'bob', 'bob', 'ann', 'čen'])
  })

  test('in Parquet: a key that is null, a number that is NaN, a vector with a gap', async () => {
    const folder = new Folder()
    for (const [change, field, reason] of [
      ['CASE WHEN stars = 2 THEN NULL ELSE who END AS who', 'who', 'is missing or empty'],
      ["CASE WHEN stars = 2 THEN 'NaN' ELSE price END AS price", 'price', '"nan" is no finite number'],
      [
        'CASE WHEN stars = 2 THEN [1, NULL] ELSE "shape vector"::DOUBLE[] END AS "shape vector"',
        'shape',
        'is no list of finite numbers',
      ],
    ]) {
      const path = await folder.parquet('log.parquet', rows, `* REPLACE (${change})`)
      const error = await failure(folder.open(path))
      expect(error).toMatchObject({ file: path, row: 3, field })
      expect(error.message).toContain(reason)
    }
  })

  test('a negative number in a vector that an aggregation takes as weights', async () => {
    const folder = new Folder()
    const path = folder.write('log.csv', csvOf(rows))
    const aggregations = [{ name: 'seen', of: 'user', kind: 'sum', by: 'shape' }]
    const error = await failure(folder.open(path, { json: { ...schema, aggregations } }))
    expect(error).toMatchObject({ file: path, row: 2, line: 3, field: 'shape' })
    expect(error.message).toContain('-4.0 is below 0, but "seen" takes the numbers as weights')
  })

  test('CSV lines of too few or too many columns count, and later rows keep their line', async () => {
    const folder = new Folder()
    const lines = csvOf([...rows, row({ at: 'noon' })])
      .trimEnd()
      .split('\n')
    lines.splice(2, 0, 'short,line')
    lines.splice(4, 0, `${lines[1]},and,more`)
    const path = folder.write('log.csv', lines.join('\n'))
    const error = await failure(folder.open(path))
    expect(error).toMatchObject({ file: path, row: 2, line: 3 })
    expect(error.message).toContain('cannot be split into columns')
    expect(error.message).toContain('3 rows are bad and maxBadRows is 0')
    expect(error.message).toContain('row 4 (line 5): cannot be split')
    expect(error.message).toContain(`row 7 (line 8), field "at": "noon"`)
    const log = await folder.open(path, { maxBadRows: 3 })
    expect(log).toMatchObject({ rows: 4, skippedRows: 3 })
    expect(log.badRows.map((bad) => bad.line)).toEqual([3, 5, 8])
    await log.close()
    const odd = folder.write('log[1].csv', lines.join('\n')).replace(/\//g, '//')
    expect((await failure(folder.open(odd))).message).toContain('log[1].csv, row 7 (line 8), field "at": "noon"')
  })

  test('JSONL lines that are no objects', async () => {
    const folder = new Folder()
    const path = folder.write('log.jsonl', `${jsonlOf(rows)}{"who": "ann", \n[1]\n`)
    const error = await failure(folder.open(path))
    expect(error).toMatchObject({ file: path, row: 5 })
    expect(error.message).toContain("is no JSON object with any of the schema's columns")
    expect(error.message).toContain(`${path}, row 6`)
    await (await folder.open(path, { maxBadRows: 2 })).close()
  })

  test('are listed to ten, from all files, and one too many is told with the first', async () => {
    const folder = new Folder()
    const bad = Array.from({ length: 8 }, () => row({ who: null }))
    const first = folder.write('a.csv', csvOf([...rows, ...bad]))
    const second = folder.write('b.csv', csvOf(bad))
    const glob = join(folder.path, '*.csv')
    const error = await failure(folder.open(glob, { maxBadRows: 15 }))
    expect(error).toMatchObject({ file: first, row: 5 })
    expect(error.message).toContain('16 rows are bad and maxBadRows is 15')
    const log = await folder.open(glob, { maxBadRows: 16 })
    expect(log).toMatchObject({ rows: 4, skippedRows: 16 })
    expect(log.badRows.length).toBe(10)
    expect(log.badRows[9]).toMatchObject({ file: second, row: 2, line: 3 })
    await log.close()
  })
})

describe('a log that cannot be opened', () => {
  test('files that are missing, folders, unreadable or of unknown extension', async () => {
    const folder = new Folder()
    const missing = join(folder.path, 'none.csv')
    expect((await failure(folder.open(missing))).message).toBe(`${missing}: no such file; check the path`)
    const glob = join(folder.path, 'none-*.csv')
    expect((await failure(folder.open(glob))).message).toBe(`${glob}: no file matches; check the glob`)
    mkdirSync(join(folder.path, 'logs.csv'))
    expect((await failure(folder.open(join(folder.path, 'logs.csv')))).message).toContain('is a folder; name its files')
    for (const name of ['log.txt', 'log.parquet.gz', 'csv']) {
      const path = folder.write(name, csvOf(rows))
      expect((await failure(folder.open(path))).message).toContain(`${path}: no known extension; use .parquet, .csv`)
    }
    const locked = folder.write('locked.csv', csvOf(rows))
    chmodSync(locked, 0)
    // A superuser reads it all the same.
    if (process.getuid?.() !== 0) expect((await failure(folder.open(locked))).message).toContain('cannot be read')
  })

  test('files that are not what their extension says', async () => {
    const folder = new Folder()
    const cut = readFileSync(await folder.parquet('whole.parquet', rows))
    for (const path of [
      folder.write('text.parquet', csvOf(rows)),
      folder.write('cut.parquet', cut.subarray(0, cut.length - 20)),
      folder.write('text.csv.gz', csvOf(rows)),
      folder.write('text.jsonl.gz', jsonlOf(rows)),
    ]) {
      const error = await failure(folder.open(path))
      expect(error.file).toBe(path)
      expect(error.message).toContain(`${path}: cannot be read`)
    }
  })

  test('columns that are not there', async () => {
    const folder = new Folder()
    const json = { ...schema, fields: [...schema.fields, { name: 'colour', of: 'item', type: 'id' }] }
    for (const path of [
      folder.write('log.csv', csvOf(rows)),
      folder.write('log.jsonl', jsonlOf(rows)),
      await folder.parquet('log.parquet', rows),
    ]) {
      const error = await failure(folder.open(path, { json }))
      expect(error).toMatchObject({ file: path, field: 'colour' })
      expect(error.message).toContain(`${path}, field "colour": has no column "colour"`)
      expect(error.message).toMatch(/the columns are .*"shape vector"/)
    }
    const twice = folder.write('twice.csv', 'who,what,at,who\n')
    expect((await failure(folder.open(twice))).message).toContain('column "who" is there twice')
  })

  test('logs without rows, or with one class', async () => {
    const folder = new Folder()
    for (const content of [csvOf([]), csvOf([row({ who: null })])]) {
      const path = folder.write('empty.csv', content)
      expect((await failure(folder.open(path, { maxBadRows: 1 }))).message).toContain(`${path}: the log has no rows`)
    }
    const nothing = folder.write('nothing.csv', '')
    expect((await failure(folder.open(nothing))).message).toContain('is empty; start a CSV file with a line of column')
    const clicks = folder.write('ones.csv', csvOf([row({ stars: 5 }), row({ stars: 1 })]))
    const error = await failure(folder.open(clicks))
    expect(error).toMatchObject({ file: clicks, field: 'click' })
    expect(error.message).toContain('task "click" (at least 1) has one class: its label is 0 in all rows')
  })

  test('options and schemas that cannot be used', async () => {
    const folder = new Folder()
    const data = folder.write('log.csv', csvOf(rows))
    expect((await failure(openLog({ data }))).message).toContain('no schema is given')
    expect((await failure(openLog({ data, schema: 'none.json' }))).message).toContain('the schema cannot be read')
    const broken = folder.write('broken.json', '{')
    expect((await failure(openLog({ data, schema: broken }))).message).toContain('the schema is no JSON')
    await expect(folder.open(data, { json: { ...schema, version: 2 } })).rejects.toThrow(SchemaError)
    expect((await failure(folder.open(data, { maxBadRows: -1 }))).message).toContain('maxBadRows is -1')
    expect((await failure(openLog({ data: 'synthetic', schema: broken }))).message).toContain('has its own schema')
    expect((await failure(openLog({ data: 'synthetic', seed: 0.5 }))).message).toContain('the seed is 0.5')
  })

  test('leave no temporary files', async () => {
    const folder = new Folder()
    const temporary = ownTemporaryFolder()
    await failure(folder.open(folder.write('empty.csv', csvOf([]))))
    expect(readdirSync(temporary)).toEqual([])
  })
})
