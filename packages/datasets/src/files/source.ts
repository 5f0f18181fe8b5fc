import type { DuckDBConnection } from '@duckdb/node-api'
import type { Schema } from '@headwater/features'
import { LogError } from '../log/log-error.ts'
import { Column, type ColumnKind } from './column.ts'
import { parseCsvHeader } from './csv-header.ts'
import type { LogFile } from './log-files.ts'
import { identifier, literal, pathLiteral } from './sql.ts'

/** One file as SQL: a table function and the schema's columns in it, by their name in the log. */
export interface Source {
  readonly from: string
  readonly columns: ReadonlyMap<string, Column>
}

/** A CSV file is split by its delimiter, whatever its first lines look like: nothing about it is guessed. */
const csvDialect = ({ delimiter }: LogFile, { columns }: Schema) =>
  `auto_detect = false, delim = ${literal(delimiter)}, quote = '"', escape = '"', header = ${columns === undefined}`

/** Reads whole lines: no line holds this delimiter. */
const wholeLines = String.raw`auto_detect = false, delim = '\0', quote = '', escape = '', header = false`

const linesFormat = `format = 'newline_delimited', ignore_errors = true`
const arrayFormat = `format = 'array'`

/** Objects of a JSON file that are searched for the schema's columns before the whole file is. */
const sampledObjects = 10_000

/** The log's columns that a schema names, without repetition. */
function schemaColumns(schema: Schema): string[] {
  const fields = schema.fields.map((field) => field.column ?? field.name)
  return [...new Set([schema.user, schema.item, schema.time.column, ...fields])]
}

/**
 * Makes every file readable by the schema's column names.
 * @throws LogError where a file cannot be read or a column is missing
 */
export async function openSources(
  connection: DuckDBConnection,
  files: readonly LogFile[],
  schema: Schema,
): Promise<Source[]> {
  const names = schemaColumns(schema)
  const jsonFiles = files.filter(isJson)
  if (jsonFiles.length > 0) await findJsonKeys(connection, jsonFiles, names)
  const sources: Source[] = []
  for (const file of files) {
    sources.push(await reading([file], () => openSource(connection, file, names, schema)))
  }
  return sources
}

/** Turns DuckDB's complaint about one of several files into a LogError; it names the file in most of them. */
export async function reading<T>(files: readonly LogFile[], body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (cause) {
    if (cause instanceof LogError) throw cause
    const [reason] = (cause as Error).message.split('\n')
    const file = files.length === 1 ? files[0] : files.find(({ path }) => reason.includes(path))
    const remedy = `check that it is ${file?.format ?? 'whole'} and that there is disk space for temporary files`
    throw new LogError(`cannot be read: ${reason}`, remedy, file && { file: file.path }, { cause })
  }
}

async function openSource(
  connection: DuckDBConnection,
  file: LogFile,
  names: string[],
  schema: Schema,
): Promise<Source> {
  const path = pathLiteral(file.path)
  if (isJson(file)) {
    return {
      from: file.format === 'json' ? arrayRows(path, names) : lineRows(path, names),
      columns: new Map(names.map((name) => [name, new Column(name, 'json')])),
    }
  }
  if (file.format === 'parquet') {
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${path})`)
    const types = new Map(described.getRows().map(([name, type]) => [String(name), String(type)]))
    checkColumns(file, names, [...types.keys()])
    return {
      from: `read_parquet(${path})`,
      columns: new Map(names.map((name) => [name, new Column(name, kindOf(types.get(name)!))])),
    }
  }
  const header = schema.columns ?? (await readCsvHeader(connection, file))
  checkColumns(file, names, header)
  // Columns are read by position, so that no two names can clash.
  const columns = header.map((_, i) => `'c${i}': 'VARCHAR'`).join(', ')
  return {
    from: `read_csv(${path}, ${csvDialect(file, schema)}, store_rejects = true, columns = {${columns}})`,
    columns: new Map(names.map((name) => [name, new Column(`c${header.indexOf(name)}`, 'text')])),
  }
}

function isJson({ format }: LogFile): boolean {
  return format === 'jsonl' || format === 'json'
}

/** A line that is no JSON reads as an object without any key. */
function lineRows(path: string, names: readonly string[]): string {
  const columns = names.map((name) => `${literal(name)}: 'JSON'`).join(', ')
  return `read_json(${path}, ${linesFormat}, columns = {${columns}})`
}

/** A value that is no object reads as one without any key. */
function arrayRows(path: string, names: readonly string[]): string {
  const values = names.map((name) => {
    const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    return `json_extract(json, ${literal(pointer)}) AS ${identifier(name)}`
  })
  return `(SELECT ${values.join(', ')} FROM read_json_objects(${path}, ${arrayFormat}))`
}

async function readCsvHeader(connection: DuckDBConnection, file: LogFile): Promise<string[]> {
  const lines = await connection.runAndReadAll(
    `SELECT line FROM read_csv(${pathLiteral(file.path)}, ${wholeLines}, columns = {'line': 'VARCHAR'},
      ignore_errors = true) LIMIT 1`,
  )
  const line = lines.getRows()[0]?.[0]
  if (typeof line !== 'string') {
    const remedy = 'start it with a line of column names, or list them in the schema ("columns")'
    throw new LogError('is empty', remedy, { file: file.path })
  }
  const header = parseCsvHeader(line, file.delimiter)
  const twice = header.find((name, i) => header.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new LogError(`column "${twice}" is there twice`, 'rename one of the two', { file: file.path })
  }
  return header
}

/** A key may be missing from any object and from any file, not from all of them. */
async function findJsonKeys(connection: DuckDBConnection, files: LogFile[], names: string[]): Promise<void> {
  const found = new Set<string>()
  for (const limit of [`LIMIT ${sampledObjects}`, '']) {
    for (const file of files) {
      const result = await reading([file], () =>
        connection.runAndReadAll(
          `SELECT DISTINCT unnest(json_keys(json)) FROM
            (SELECT json FROM read_json_objects(${pathLiteral(file.path)}, ${file.format === 'json' ? arrayFormat : linesFormat}) ${limit})
          WHERE json_type(json) = 'OBJECT'`,
        ),
      )
      for (const [key] of result.getRows()) found.add(String(key))
      if (names.every((name) => found.has(name))) return
    }
  }
  checkColumns(files[0], names, [...found])
}

function checkColumns(file: LogFile, names: string[], present: readonly string[]): void {
  const missing = names.find((name) => !present.includes(name))
  if (missing === undefined) return
  const there = present.map((name) => `"${name}"`).join(', ') || 'none'
  const remedy = `correct the schema or the log; the columns are ${there}`
  throw new LogError(`has no column "${missing}"`, remedy, { file: file.path, field: missing })
}

function kindOf(type: string): ColumnKind {
  if (/\[\d*\]$/.test(type)) return 'list'
  if (/^(TIMESTAMP|DATE)/.test(type)) return 'timestamp'
  if (type === 'JSON') return 'json'
  return type === 'VARCHAR' ? 'text' : 'scalar'
}
