import type { DuckDBConnection } from '@duckdb/node-api'
import { isThere } from '../files/log-files.ts'
import { columnNames, openSource, reading } from '../files/source.ts'
import { LogError } from '../log/log-error.ts'
import { type FoundForm, findForm } from './head/file-form.ts'

/** The log among several files, and what is joined to it, as `openLog` takes it. */
export interface LogAndTables {
  readonly data: string
  readonly join: readonly string[]
}

/**
 * Tells a log from the tables beside it: a table shares a column with another file and has each of its values once.
 * @throws LogError where not exactly one of the files is the log
 */
export async function logAndTables(
  connection: DuckDBConnection,
  given: readonly string[],
  join: readonly string[],
): Promise<LogAndTables> {
  if (given.length === 1) return { data: given[0], join }
  const forms: FoundForm[] = []
  for (const path of given) {
    if (!isThere(path)) throw new LogError('no such file', 'name each file of several by its path', { file: path })
    forms.push(await findForm(connection, path))
  }
  const names = await Promise.all(forms.map(({ files, columns }) => columnNames(connection, files[0], columns)))
  const keys = new Map<string, string>()
  for (const [i, form] of forms.entries()) {
    const shared = names[i].filter((name) => names.some((other, j) => j !== i && other.includes(name)))
    for (const name of shared)
      if (!keys.has(given[i]) && (await isUnique(connection, form, name))) keys.set(given[i], name)
  }
  const logs = given.filter((path) => !keys.has(path))
  if (logs.length !== 1) {
    const what =
      logs.length === 0
        ? 'each file has a column whose values are there once'
        : `${logs.join(' and ')} could each be the log`
    throw new LogError(
      what,
      'give the log by --data (parts of one log by a glob), and what belongs to it by --join FILE:KEY',
    )
  }
  return { data: logs[0], join: [...join, ...[...keys].map(([path, key]) => `${path}:${key}`)] }
}

async function isUnique(connection: DuckDBConnection, { files, columns }: FoundForm, name: string): Promise<boolean> {
  const [file] = files
  const counted = await reading([file], async () => {
    const source = await openSource(connection, file, [name], { header: columns, keepsRejects: true })
    const key = source.columns.get(name)!.text()
    return connection.runAndReadAll(`SELECT count(*), count(DISTINCT hash(${key})) FROM ${source.from}`)
  })
  const [rows, distinct] = counted.getRows()[0].map(Number)
  return rows === distinct
}
