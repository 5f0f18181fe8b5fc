import { basename } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { Column } from '../files/column.ts'
import { openJoins } from '../files/joins.ts'
import { LogDatabase } from '../files/log-database.ts'
import { openSources, reading } from '../files/source.ts'
import { identifier } from '../files/sql.ts'
import { type OnShare, Steps } from '../files/steps.ts'
import { checkWhole } from '../files/whole-file.ts'
import { fixedBy } from './columns/fixed-by.ts'
import type { ColumnProfile } from './columns/profile.ts'
import { profileColumn } from './columns/profile-column.ts'
import { findForm } from './head/file-form.ts'
import { logAndTables } from './log-and-tables.ts'
import { measureLog } from './proposal/measure-log.ts'
import { type KnownRoles, type Proposal, proposeSchema } from './proposal/propose-schema.ts'
import { changeRoles, type RoleChanges } from './roles/change-roles.ts'
import { type FoundKeys, findKeys } from './roles/find-keys.ts'
import { type Fixed, findRoles, type Roles } from './roles/find-roles.ts'

/** Rows that are looked at: the first ones, of each file as many. */
const lookedRows = 2_000_000
/** What its steps cost, of about 100. */
const parts = { read: 40, profiles: 30, keys: 30 }

export interface InspectLogOptions {
  /** Path or glob of a log, or several files of which one is the log and the others have a key of its rows. */
  readonly data: readonly string[]
  /** As `openLog` takes it. */
  readonly join?: readonly string[]
  /** Rows of each file that are looked at. */
  readonly rows?: number
  readonly signal?: AbortSignal
  /** Gets the share of the look that is done, 0 to 1; it never falls. */
  readonly onProgress?: OnShare
}

/** What was found in a log of which no schema says anything. */
export interface Inspection {
  /** The log, and what is joined to it. */
  readonly data: string
  readonly join: readonly string[]
  readonly rows: number
  /** All columns; where the files name none, user, item, time and outcome are called so. */
  readonly profiles: readonly ColumnProfile[]
  readonly roles: Roles
  /** What is what where somebody knows some of it better. @throws LogError where a column cannot be that */
  rolesWith(changes: RoleChanges): Promise<Roles>
  /** A schema for these roles. @throws LogError where the outcome is one */
  propose(roles: KnownRoles): Promise<Proposal>
  /** Releases memory and temporary files. */
  close(): Promise<void>
}

/**
 * Looks at a log by DuckDB: what its columns are, and which schema they make.
 * @throws LogError where a file cannot be read or is no table
 */
export async function inspectLog(options: InspectLogOptions): Promise<Inspection> {
  const { data, join = [], rows, signal, onProgress } = options
  const steps = new Steps(parts.read + parts.profiles + parts.keys, onProgress)
  const database = await LogDatabase.create(signal)
  try {
    return await database.use((connection) => inspect(database, connection, data, join, rows ?? lookedRows, steps))
  } catch (cause) {
    await database.close()
    throw cause
  }
}

async function inspect(
  database: LogDatabase,
  connection: DuckDBConnection,
  data: readonly string[],
  given: readonly string[],
  mostRows: number,
  steps: Steps,
): Promise<Inspection> {
  const found = await logAndTables(connection, data, given)
  const { files, ...form } = await findForm(connection, found.data)
  for (const { path } of files) await checkWhole(path)
  const joins = await openJoins(connection, found.join, files, { columns: 'all', keys: [], header: form.columns })
  const own = await openSources(connection, files, joins.ownColumns, form.columns)
  const sources = own.map((source) => joins.joined(source))
  const kinds = joins.columns.map((name) => sources[0].columns.get(name)!.kind)
  const selects = sources.map(({ from, row, columns }, i) => {
    const cells = joins.columns.map((name, c) => `${identifier(columns.get(name)!.name)} AS c${c}`)
    return `SELECT * FROM (SELECT ${i} AS file, ${row} AS n, ${cells.join(', ')} FROM ${from} LIMIT ${mostRows})`
  })
  await reading(files, () =>
    steps.query(parts.read, connection, () =>
      connection.run(
        `CREATE TABLE looked AS SELECT row_number() OVER (ORDER BY file, n) AS n, * EXCLUDE (file, n) FROM (${selects.join(' UNION ALL ')})`,
      ),
    ),
  )
  const places = new Map(joins.columns.map((name, c) => [name, c]))
  const column = (name: string) => new Column(`c${places.get(name)}`, kinds[places.get(name)!])
  let profiles: ColumnProfile[] = []
  for (const name of joins.columns)
    await steps.step(parts.profiles / joins.columns.length, async () => {
      profiles.push(await profileColumn(connection, 'looked', name, column(name)))
    })

  async function rolesOf(using: DuckDBConnection, keys: FoundKeys, onShare?: OnShare): Promise<Roles> {
    const fixed = new Map<string, Fixed>()
    const shareOf = async (key: string | null, name: string) =>
      key === null || key === name ? 0 : fixedBy(using, 'looked', column(key), column(name))
    for (const [i, { name }] of profiles.entries()) {
      fixed.set(name, { user: await shareOf(keys.user, name), item: await shareOf(keys.item, name) })
      onShare?.((i + 1) / profiles.length)
    }
    return findRoles(profiles, keys, fixed)
  }

  let keys = findKeys(profiles)
  let roles = await steps.step(parts.keys, (onShare) => rolesOf(connection, keys, onShare))
  let { join } = found
  let { columns: header } = form
  if (header !== undefined) {
    const { doubts } = roles
    const renamed = namesByRole(roles)
    const rename = (name: string) => renamed.get(name) ?? name
    header = header.map(rename)
    join = join.map((text) => text.replace(/=([^=]+)$/, (_, name: string) => `=${rename(name)}`))
    for (const [name, to] of renamed) places.set(to, places.get(name)!)
    profiles = profiles.map((profile) => ({ ...profile, name: rename(profile.name) }))
    keys = renamedKeys(keys, rename)
    roles = { ...(await rolesOf(connection, keys)), doubts }
  }
  const clashes = joins.clashes.map((name) => `"${name}" is in two of the files: it is left out until one is renamed.`)
  const rows = profiles[0]?.rows ?? 0
  const part =
    rows >= mostRows ? [`Only the first ${mostRows.toLocaleString('en')} rows of each file were looked at.`] : []
  const doubts = [...clashes, ...part]
  return {
    ...{ data: found.data, join, rows, profiles },
    roles: { ...roles, doubts: [...roles.doubts, ...doubts] },
    rolesWith: async (changes) => {
      const { user = roles.user, item = roles.item } = changes
      const rowIds = keys.rowIds.filter((id) => id !== user && id !== item)
      const isSame = user === roles.user && item === roles.item
      const others = isSame ? roles : await database.use((using) => rolesOf(using, { user, item, rowIds, doubts: [] }))
      const changed = changeRoles(others, profiles, changes)
      return { ...changed, doubts: [...changed.doubts, ...doubts] }
    },
    propose: (known) =>
      database.use(async (using) => {
        const fields = known.fields.filter(({ of }) => of !== null)
        const { user, item, time } = known
        const measures = await measureLog(using, { table: 'looked', column, user, item, time, fields })
        const { delimiter } = form
        return proposeSchema(known, measures, {
          name: nameOf(found.data),
          ...(delimiter !== undefined && { delimiter }),
          ...(header !== undefined && { columns: header }),
        })
      }),
    close: () => database.close(),
  }
}

/** Names for columns that have none, of those whose role is known. */
function namesByRole({ user, item, time, outcome }: Roles): Map<string, string> {
  const roles = { user, item, time: time?.column ?? null, outcome }
  return new Map(Object.entries(roles).flatMap(([role, name]) => (name === null ? [] : [[name, role] as const])))
}

function renamedKeys({ user, item, rowIds, doubts }: FoundKeys, rename: (name: string) => string): FoundKeys {
  const renamed = (name: string | null) => (name === null ? null : rename(name))
  return { user: renamed(user), item: renamed(item), rowIds: rowIds.map(rename), doubts }
}

/** Of a log, by its file. */
function nameOf(data: string): string {
  const name = basename(data)
    .replace(/\..*$/, '')
    .replace(/[*?[\]]+/g, '')
    .replace(/[^\p{L}\p{N}]+$/u, '')
  return name === '' ? 'log' : name
}
