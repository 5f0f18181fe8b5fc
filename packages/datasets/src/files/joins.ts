/** Tables of what is known of items or users, joined to a log's rows by a key. */
import type { DuckDBConnection } from '@duckdb/node-api'
import { LogError } from '../log/log-error.ts'
import { Column } from './column.ts'
import { findLogFiles, isThere, type LogFile } from './log-files.ts'
import { columnNames, openSource, reading, type Source } from './source.ts'
import { identifier } from './sql.ts'
import { checkWhole } from './whole-file.ts'

/** A joined file in the database: table `join0`, `join1`, … of `key` and `c0`, `c1`, … */
interface JoinedTable {
  readonly file: LogFile
  readonly table: string
  /** Column of the log whose text is the key. */
  readonly logColumn: string
  /** Of the table, by the names that the schema calls them by. */
  readonly columns: ReadonlyMap<string, Column>
}

/** What is to be read of a log and of what is joined to it. */
export interface JoinedColumns {
  /** By name, of log or joined files; `all`: but those that two of the files have. */
  readonly columns: readonly string[] | 'all'
  /** Columns by which a file is joined that names no key. */
  readonly keys: readonly string[]
  /** The log's columns where its files do not name them. */
  readonly header?: readonly string[] | undefined
}

/** What joined files add to the rows of a log. */
export interface Joins {
  /** Columns that the log's own files must have. */
  readonly ownColumns: readonly string[]
  /** All that are read. */
  readonly columns: readonly string[]
  /** Where `all` are asked for: names that two files have, which are left out. */
  readonly clashes: readonly string[]
  /** A file of the log with the columns of all joined ones. A row that a table does not know has nulls in their place. */
  joined(source: Source): Source
  /** Of the table `events`: a sentence for each joined file that does not know some of the keys. */
  warnings(connection: DuckDBConnection, files: readonly LogFile[]): Promise<string[]>
}

/**
 * Loads the files that are joined to a log.
 *
 * @param given paths, each alone or as `PATH:KEY` or `PATH:KEY=COLUMN`, where the log calls the key otherwise. Alone: the key
 *   is the column of the schema's item or user, or the only one that file and log have in common
 * @throws LogError where a file cannot be read, its key is not clear, missing in a row or there twice, or where two files have
 *   one of the schema's columns
 */
export async function openJoins(
  connection: DuckDBConnection,
  given: readonly string[],
  files: readonly LogFile[],
  { columns: asked, keys, header }: JoinedColumns,
): Promise<Joins> {
  const tables: JoinedTable[] = []
  const isAll = asked === 'all'
  const logColumns = given.length > 0 || isAll ? await columnNames(connection, files[0], header) : []
  const clashes = new Set<string>()
  const known = new Map(logColumns.map((name) => [name, files[0].path]))
  for (const text of given) {
    const { path, key, logColumn } = partsOf(text)
    if (!isThere(path)) throw new LogError('no such file', 'check the path that is to be joined', { file: path })
    const [file] = await findLogFiles(connection, path, undefined)
    await checkWhole(file.path)
    const present = await columnNames(connection, file)
    const by = key ?? chosenKey(file, present, logColumns, keys)
    const column = logColumn ?? by
    checkHas(file, present, by)
    checkHas(files[0], logColumns, column)
    const offered = present.filter((name) => name !== by && (isAll || asked.includes(name)))
    for (const name of offered) {
      const other = known.get(name)
      if (other !== undefined && isAll) clashes.add(name)
      else if (other !== undefined)
        throw new LogError(`has a column "${name}", as ${other} has`, 'rename one of the two', { file: path })
      known.set(name, path)
    }
    tables.push(
      await loadTable(
        connection,
        file,
        `join${tables.length}`,
        by,
        column,
        offered.filter((name) => !clashes.has(name)),
      ),
    )
  }
  const isAdded = (name: string) => tables.some(({ columns }) => columns.has(name))
  const joinKeys = tables.map(({ logColumn }) => logColumn)
  const wanted = isAll ? logColumns.filter((name) => !clashes.has(name)) : asked.filter((name) => !isAdded(name))
  const ownColumns = [...new Set([...wanted, ...joinKeys])]
  return {
    ownColumns,
    columns: [...ownColumns, ...tables.flatMap(({ columns }) => [...columns.keys()])],
    clashes: [...clashes],
    joined: (source) => (tables.length === 0 ? source : joinedSource(source, ownColumns, tables)),
    warnings: async (connection, files) => {
      const found: string[] = []
      for (const [i, table] of tables.entries()) found.push(...(await missingKeys(connection, files, table, i)))
      return found
    },
  }
}

function partsOf(text: string): { readonly path: string; readonly key?: string; readonly logColumn?: string } {
  const named = isThere(text) ? null : /^(.+):([^:/]+)$/.exec(text)
  if (named === null) return { path: text }
  const [key, logColumn = key] = named[2].split('=')
  return { path: named[1], key, logColumn }
}

/** @throws LogError */
function chosenKey(
  file: LogFile,
  present: readonly string[],
  logColumns: readonly string[],
  keys: readonly string[],
): string {
  const known = keys.filter((name) => present.includes(name))
  const shared = known.length > 0 ? known : present.filter((name) => logColumns.includes(name))
  if (shared.length === 1) return shared[0]
  const reason =
    shared.length === 0
      ? `has no column of the log; it has ${listed(present)}, the log ${listed(logColumns)}`
      : `could be joined by ${listed(shared)}`
  throw new LogError(reason, `name the key, as in ${file.path}:KEY or ${file.path}:KEY=COLUMN`, { file: file.path })
}

const listed = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ')

function checkHas(file: LogFile, present: readonly string[], name: string): void {
  if (present.includes(name)) return
  const remedy = `join by another key; the columns are ${listed(present)}`
  throw new LogError(`has no column "${name}"`, remedy, { file: file.path, field: name })
}

async function loadTable(
  connection: DuckDBConnection,
  file: LogFile,
  table: string,
  key: string,
  logColumn: string,
  names: readonly string[],
): Promise<JoinedTable> {
  const columns = await reading([file], async () => {
    const source = await openSource(connection, file, [key, ...names], { keepsRejects: false })
    const column = (name: string) => source.columns.get(name)!
    const cells = names.map((name, i) => `, ${identifier(column(name).name)} AS c${i}`)
    await connection.run(
      `CREATE TABLE ${table} AS SELECT ${source.row} AS n, ${column(key).text()} AS key${cells.join('')} FROM ${source.from}`,
    )
    return new Map(names.map((name, i) => [name, new Column(`c${i}`, column(name).kind)]))
  })
  await checkKeys(connection, file, table, key)
  return { file, table, logColumn, columns }
}

/** @throws LogError at the first row without a key, or with that of an earlier one */
async function checkKeys(connection: DuckDBConnection, file: LogFile, table: string, field: string): Promise<void> {
  const result = await connection.runAndReadAll(
    `SELECT key, CAST(n AS DOUBLE), CAST(first AS DOUBLE) FROM
      (SELECT key, n, min(n) OVER (PARTITION BY key) AS first FROM ${table})
    WHERE n > first OR key IS NULL OR key = '' ORDER BY n LIMIT 1`,
  )
  const [bad] = result.getRows()
  if (bad === undefined) return
  const [key, row, first] = bad
  const where = { file: file.path, row: Number(row), field }
  if (key === null || key === '') throw new LogError('has no key', 'give it one, or leave the row out', where)
  throw new LogError(`"${key}" is there twice, first in row ${first}`, 'keep one row of each key', where)
}

/** The key that a table does not know is kept with the row, as `j0`, `j1`, …, and counted later. */
function joinedSource(source: Source, own: readonly string[], tables: readonly JoinedTable[]): Source {
  const renamed = new Map(own.map((name, i) => [name, new Column(`k${i}`, source.columns.get(name)!.kind)]))
  const cells = own.map((name, i) => `${identifier(source.columns.get(name)!.name)} AS k${i}`)
  const columns = new Map(renamed)
  const selected: string[] = []
  const joins: string[] = []
  const unjoined: string[] = []
  for (const [i, { table, logColumn, columns: added }] of tables.entries()) {
    const key = renamed.get(logColumn)!.text()
    joins.push(`LEFT JOIN ${table} ON ${table}.key = ${key}`)
    selected.push(`CASE WHEN ${table}.key IS NULL THEN COALESCE(${key}, '') END AS u${i}`)
    unjoined.push(`u${i}`)
    for (const [name, column] of added) {
      const cell = `t${i}${column.name}`
      selected.push(`${table}.${column.name} AS ${cell}`)
      columns.set(name, new Column(cell, column.kind))
    }
  }
  // Rows are numbered before the join, which keeps no order.
  return {
    from: `(SELECT log.*, ${selected.join(', ')}
      FROM (SELECT ${source.row} AS row_number, ${cells.join(', ')} FROM ${source.from}) AS log ${joins.join(' ')})`,
    row: 'row_number',
    columns,
    unjoined,
  }
}

async function missingKeys(
  connection: DuckDBConnection,
  files: readonly LogFile[],
  { file, logColumn, columns }: JoinedTable,
  i: number,
): Promise<string[]> {
  const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRows()
  const [[all, missing, keys]] = await ask(
    `SELECT CAST(count(*) AS DOUBLE), CAST(count(j${i}) AS DOUBLE), CAST(count(DISTINCT j${i}) AS DOUBLE) FROM events`,
  )
  if (missing === 0) return []
  const [[place, row, key]] = await ask(
    `SELECT file, CAST("row" AS DOUBLE), j${i} FROM events WHERE j${i} IS NOT NULL ORDER BY file, "row" LIMIT 1`,
  )
  const count = (value: unknown) => Number(value).toLocaleString('en')
  return [
    `${file.path} has no row for ${count(keys)} "${logColumn}" of the log: in ${count(missing)} of ${count(all)} rows ${listed([...columns.keys()])} are missing; the first is "${key}" in ${files[Number(place)].path}, row ${row}.`,
  ]
}
