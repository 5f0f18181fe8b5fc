/** A log of four rows, as tests open it from files of each kind. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { LogEvent, Schema } from '@headwater/features'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, onTestFinished, vi } from 'vitest'
import { type Log, LogError, type OpenLogOptions, openLog } from '../index.ts'

export const schema: Schema = {
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

export interface Row {
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
export const rows: Row[] = [
  row({ who: 'ann', at: 30, tags: ['x', 'y'], price: 1.5, click: 1, stars: 5 }),
  row({ who: 'bob', at: 10, 'shape vector': [0.25, -4], place: 'home, sweet "home"' }),
  row({ who: 'čen', at: 30, tags: ['z'], click: 0, stars: 2 }),
  row({ who: 'bob', at: 20.5, price: -3e-7, place: 'b' }),
]

export function row(given: Partial<Row>): Row {
  const missing = { tags: null, 'shape vector': null, place: null, price: null }
  return { who: 'ann', what: 'thing', at: 1, click: 0, stars: 3, ...missing, ...given }
}

export function csvOf(table: readonly Row[]): string {
  const cell = (value: unknown) => {
    const text = Array.isArray(value) ? value.join('|') : String(value ?? '')
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return `${[Object.keys(row({})), ...table.map((r) => Object.values(r))].map((r) => r.map(cell).join(',')).join('\n')}\n`
}

export function jsonlOf(table: readonly Row[]): string {
  return table.map((r) => `${JSON.stringify(r)}\n`).join('')
}

/** What `openLog` is told beside the file; `json`: the schema, another than `schema`. */
type SampleOptions = { readonly json?: unknown } & Omit<OpenLogOptions, 'data' | 'schema'>

/** A temporary folder with the sample log in files of each kind. */
export class Folder {
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

  open(data: string, options: SampleOptions = {}): Promise<Log> {
    const { json, ...rest } = options
    return openLog({ data, schema: this.schema(json), ...rest })
  }
}

export async function sql(statement: string) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(statement)).getRowsJS()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

export async function eventsOf(log: Log, range?: { from?: number; to?: number }): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for await (const chunk of log.events(range)) events.push(...chunk)
  return events
}

export async function readAndClose(log: Log): Promise<LogEvent[]> {
  const events = await eventsOf(log)
  await log.close()
  return events
}

export async function failure(opening: Promise<Log>): Promise<LogError> {
  const error = await opening.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(LogError)
  return error as LogError
}

/** Where this test's logs put temporary files, which no other process does. */
export function ownTemporaryFolder(): string {
  const path = temporaryDirectory()
  vi.stubEnv('TMPDIR', path)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  return path
}
