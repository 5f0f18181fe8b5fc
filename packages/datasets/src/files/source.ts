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
  /** The number of a row in the file, from 1. */
  readonly row: string
  readonly columns: ReadonlyMap<string, Column>
  /** For each joined table the key that it does not know, else null. */
  readonly unjoined: readonly string[]
}

/** A CSV file is split by its delimiter, whatever its first lines look like: nothing about it is guessed. */
const csvDialect = ({ delimiter }: LogFile, hasHeader: boolean) =>
  `auto_detect = false, delim = ${literal(delimiter)}, quote = '"', escape = '"', header = ${hasHeader}`

/** Reads whole lines: no line holds this delimiter. */
const wholeLines = String.raw`auto_detect = false, delim = '\0', quote = '', escape = '', header = false`

const linesFormat = `format = 'newline_delimited', ignore_errors = true`
const arrayFormat = `format = 'array'`

/** Objects of a JSON file that are searched for the schema's columns before the whole file is. */
const sampledObjects = 10_000

/** The columns that a schema names, without repetition; of an outcome that negatives make only those that the files have. */
export async function schemaColumns(
  connection: DuckDBConnection,
  files: readonly LogFile[],
  schema: Schema,
): Promise<string[]> {
  const made = schema.negatives?.outcome
  const there = new Set<string>()
  if (made !== undefined)
    for (const file of files) for (const name of await columnNames(connection, file, schema.columns)) there.add(name)
  const fields = schema.fields
    .filter(({ name }) => name !== made || there.has(name))
    .map((field) => field.column ?? field.name)
  return [...new Set([schema.user, schema.item, schema.time.column, ...fields])]
}

/**
 * Makes every file readable by the names of its columns.
 * @param names that all files must have
 * @param header names of CSV files' columns where their first line holds none
 * @throws LogError where a file cannot be read or a column is missing
 */
export async function openSources(
  connection: DuckDBConnection,
  files: readonly LogFile[],
  names: readonly string[],
  header: readonly string[] | undefined,
): Promise<Source[]> {
  const jsonFiles = files.filter(isJson)
  if (jsonFiles.length > 0) await findJsonKeys(connection, jsonFiles, names)
  const sources: Source[] = []
  const options = { header, keepsRejects: true }
  for (const file of files) sources.push(await reading([file], () => openSource(connection, file, names, options)))
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

interface SourceOptions {
  /** Names of a CSV file's columns, where its first line holds none. */
  readonly header?: readonly string[] | undefined
  /** Whether lines that cannot be split are kept in tables of their own; else they are an error. */
  readonly keepsRejects: boolean
}

/** One file, readable by the names of its columns. @throws LogError where one is missing, or DuckDB's error */
export async function openSource(
  connection: DuckDBConnection,
  file: LogFile,
  names: readonly string[],
  { header: given, keepsRejects }: SourceOptions,
): Promise<Source> {
  const path = pathLiteral(file.path)
  const whole = { row: `row_number() OVER ()`, unjoined: [] }
  if (isJson(file)) {
    return {
      ...whole,
      from: file.format === 'json' ? arrayRows(path, names) : lineRows(path, names),
      columns: new Map(names.map((name) => [name, new Column(name, 'json')])),
    }
  }
  if (file.format === 'parquet') {
    const types = await parquetTypes(connection, file)
    checkColumns(file, names, [...types.keys()])
    return {
      ...whole,
      from: `read_parquet(${path})`,
      columns: new Map(names.map((name) => [name, new Column(name, kindOf(types.get(name)!))])),
    }
  }
  const header = given ?? (await readCsvHeader(connection, file))
  checkColumns(file, names, header)
  // Columns are read by position, so that no two names can clash.
  const columns = header.map((_, i) => `'c${i}': 'VARCHAR'`).join(', ')
  const rejects = keepsRejects ? 'store_rejects = true, ' : ''
  return {
    ...whole,
    from: `read_csv(${path}, ${csvDialect(file, given === undefined)}, ${rejects}columns = {${columns}})`,
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

/** Columns of a file by their types. */
async function parquetTypes(connection: DuckDBConnection, file: LogFile): Promise<Map<string, string>> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${pathLiteral(file.path)})`)
  return new Map(described.getRows().map(([name, type]) => [String(name), String(type)]))
}

/** The names of a file's columns; of JSON those that its first 10,000 objects have. @param header as of {@link openSource} @throws LogError */
export async function columnNames(
  connection: DuckDBConnection,
  file: LogFile,
  header?: readonly string[],
): Promise<readonly string[]> {
  return reading([file], async () => {
    if (file.format === 'csv') return header ?? readCsvHeader(connection, file)
    if (file.format === 'parquet') return [...(await parquetTypes(connection, file)).keys()]
    return jsonKeys(connection, file, `LIMIT ${sampledObjects}`)
  })
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

async function jsonKeys(connection: DuckDBConnection, file: LogFile, limit: string): Promise<string[]> {
  const format = file.format === 'json' ? arrayFormat : linesFormat
  const result = await connection.runAndReadAll(
    `SELECT DISTINCT unnest(json_keys(json)) FROM
      (SELECT json FROM read_json_objects(${pathLiteral(file.path)}, ${format}) ${limit})
    WHERE json_type(json) = 'OBJECT'`,
  )
  return result.getRows().map(([key]) => String(key))
}

/** A key may be missing from any object and from any file, not from all of them. */
async function findJsonKeys(
  connection: DuckDBConnection,
  files: readonly LogFile[],
  names: readonly string[],
): Promise<void> {
  const found = new Set<string>()
  for (const limit of [`LIMIT ${sampledObjects}`, '']) {
    for (const file of files) {
      for (const key of await reading([file], () => jsonKeys(connection, file, limit))) found.add(key)
      if (names.every((name) => found.has(name))) return
    }
  }
  checkColumns(files[0], names, [...found])
}

function checkColumns(file: LogFile, names: readonly string[], present: readonly string[]): void {
  const missing = names.find((name) => !present.includes(name))
  if (missing === undefined) return
  const there = present.map((name) => `"${name}"`).join(', ') || 'none'
  const remedy = `correct the schema or the log; the columns are ${there}`
  throw new LogError(`has no column "${missing}"`, remedy, { file: file.path, field: missing })
}

function kindOf(type: string): ColumnKind {
  if (/^(STRUCT|MAP|UNION)/.test(type)) return 'nested'
  if (/\[\d*\]$/.test(type)) return 'list'
  if (/^(TIMESTAMP|DATE)/.test(type)) return 'timestamp'
  if (type === 'JSON') return 'json'
  return type === 'VARCHAR' ? 'text' : 'scalar'
}
