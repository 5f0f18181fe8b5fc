/** Logs of which it is known what each column is, written in the ways in which logs are found. */
import { gzipSync } from 'node:zlib'
import { compileFeatures, parseSchema } from '@headwater/features'
import { expect, onTestFinished, test } from 'vitest'
import { type Log, openLog } from '../index.ts'
import { Folder, ownTemporaryFolder, readAndClose, sql } from '../testing/sample-log.ts'
import { type Inspection, inspectLog } from './inspect-log.ts'
import type { KnownRoles } from './proposal/propose-schema.ts'

interface Row {
  readonly user: string
  readonly item: string
  readonly seconds: number
  readonly rating: number
  readonly genres: readonly string[]
  readonly age: number
}

const genres = ['drama', 'comedy', 'crime', 'war', 'music']
const firstSecond = Date.UTC(2026, 0, 5) / 1000

let state = 7
/** Whole and below `n`: a 32-bit linear congruential generator. */
function below(n: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * n)
}

/** 600 events of 40 users and 60 items in time order, an hour or two apart. */
const rows: readonly Row[] = Array.from({ length: 600 }, (_, i) => {
  const [user, item] = [below(40), below(60)]
  return {
    user: `u${user}`,
    item: `i${item}`,
    seconds: firstSecond + 5400 * i + below(3600),
    rating: 1 + below(5),
    genres: [genres[item % 5], genres[(item + 1 + (item % 3)) % 5]],
    age: 18 + ((user * 7) % 50),
  }
})

type Cells = Readonly<Record<string, unknown>>
const isoOf = ({ seconds }: Row) => new Date(seconds * 1000).toISOString()

function csv(cells: (row: Row, i: number) => Cells, { separator = ',', hasHeader = true } = {}): string {
  const quoted = (value: unknown) => {
    const text = String(value ?? '')
    return text.includes(separator) || text.includes('"') ? `"${text.replaceAll('"', '""')}"` : text
  }
  const table = rows.map(cells)
  const lines = table.map((row) => Object.values(row).map(quoted).join(separator))
  return [...(hasHeader ? [Object.keys(table[0]).join(separator)] : []), ...lines, ''].join('\n')
}

async function inspected(data: string | readonly string[], join: readonly string[] = []): Promise<Inspection> {
  ownTemporaryFolder()
  const inspection = await inspectLog({ data: [data].flat(), join })
  onTestFinished(() => inspection.close())
  return inspection
}

const known = ({ roles }: Inspection) => roles as KnownRoles

/** With the schema that is proposed. */
async function opened(inspection: Inspection): Promise<Log> {
  const { schema } = await inspection.propose(known(inspection))
  return openLog({ data: inspection.data, schema: parseSchema(schema, 'proposed') })
}

/** Of each field, whom it describes and as what; null for those that are left out. */
function fieldsOf({ roles }: Inspection): Record<string, string | null> {
  return Object.fromEntries(roles.fields.map(({ column, of, type }) => [column, of === null ? null : `${of} ${type}`]))
}

const keysOf = ({ roles: { user, item, time, outcome } }: Inspection) => ({ user, item, time, outcome })
const plain = ({ user, item, rating }: Row) => ({ userId: user, movieId: item, rating })
const iso = { user: 'userId', item: 'movieId', time: { column: 'time', unit: 'iso' }, outcome: 'rating' }

test.each([
  ['seconds', 's', 1],
  ['milliseconds', 'ms', 1e3],
  ['microseconds', 'us', 1e6],
])('times in %s since 1970', async (_, unit, scale) => {
  const text = csv((row) => ({ ...plain(row), timestamp: row.seconds * scale }))
  const inspection = await inspected(new Folder().write('log.csv', text))
  expect(keysOf(inspection)).toEqual({ ...iso, time: { column: 'timestamp', unit } })
  const log = await opened(inspection)
  expect(log.timeRange.firstMs).toBe(rows[0].seconds * 1000)
  await log.close()
})

test('no header: the user comes before the item, and the schema names the columns', async () => {
  const folder = new Folder()
  const cells = ({ user, item, rating, seconds }: Row) => ({
    u: user.slice(1),
    i: `9${item.slice(1)}`,
    rating,
    seconds,
  })
  const path = folder.write('ratings.dat', csv(cells, { separator: '::', hasHeader: false }))
  const inspection = await inspected(path)
  const expected = { user: 'user', item: 'item', time: { column: 'time', unit: 's' }, outcome: 'outcome' }
  expect(keysOf(inspection)).toEqual(expected)
  const { schema } = await inspection.propose(known(inspection))
  expect(schema).toMatchObject({ delimiter: '::', columns: ['user', 'item', 'outcome', 'time'] })
  const log = await openLog({ data: path, schema })
  expect(log.rows).toBe(600)
  await log.close()
})

test('ids with commas are no lists', async () => {
  const text = csv((row) => ({
    time: isoOf(row),
    customer: `${row.user}, Ann`,
    product: `${row.item}, red`,
    rating: row.rating,
  }))
  const inspection = await inspected(new Folder().write('log.csv', text))
  expect(keysOf(inspection)).toEqual({ ...iso, user: 'customer', item: 'product' })
})

test('implicit feedback has no outcome', async () => {
  const text = csv((row) => ({
    user_id: row.user,
    song_id: row.item,
    played_at: isoOf(row),
    device: row.rating > 2 ? 'phone' : 'tv',
  }))
  const inspection = await inspected(new Folder().write('log.csv', text))
  expect(keysOf(inspection)).toEqual({
    user: 'user_id',
    item: 'song_id',
    time: { column: 'played_at', unit: 'iso' },
    outcome: null,
  })
  expect(fieldsOf(inspection)).toEqual({ device: 'context id' })
})

test.each(['|', ';', ', '])('lists by %j, of the item', async (separator) => {
  const text = csv((row) => ({ ...plain(row), time: isoOf(row), genres: row.genres.join(separator) }))
  const inspection = await inspected(new Folder().write('log.csv', text))
  expect(keysOf(inspection)).toEqual(iso)
  expect(fieldsOf(inspection)).toEqual({ rating: 'outcome float', genres: 'item ids' })
  const { schema } = await inspection.propose(known(inspection))
  const log = await opened(inspection)
  expect((await readAndClose(log)).map(({ values }) => values[1])).toEqual(rows.map((row) => row.genres))
  const field = schema.fields.find(({ name }) => name === 'genres')!
  expect(new Set(field.values)).toEqual(new Set(genres))
  expect(field.separator ?? '|').toBe(separator)
})

test('a nested JSON field is left out, and said so; lists and missing keys are as they are', async () => {
  const lines = rows.map((row, i) =>
    JSON.stringify({
      ...plain(row),
      time: isoOf(row),
      genres: row.genres,
      meta: { client: { os: 'x', v: i } },
      ...(i % 2 && { age: row.age }),
    }),
  )
  const inspection = await inspected(new Folder().write('log.jsonl.gz', gzipSync(lines.join('\n'))))
  expect(keysOf(inspection)).toEqual(iso)
  expect(fieldsOf(inspection)).toEqual({ rating: 'outcome float', genres: 'item ids', meta: null, age: 'user float' })
  expect(inspection.roles.doubts.join()).toContain('"meta" holds JSON')
})

test('columns that look like times are not the time', async () => {
  const text = csv((row) => ({
    signup_date: `2025-0${1 + (Number(row.user.slice(1)) % 9)}-01`,
    released: 1_000_000_000 + Number(row.item.slice(1)),
    userId: row.user,
    movieId: 1_200_000_000 + Number(row.item.slice(1)),
    watched_seconds: (row.seconds * 31) % 5000,
    rating: row.rating,
    ts: row.seconds,
  }))
  const inspection = await inspected(new Folder().write('log.csv', text))
  expect(keysOf(inspection)).toEqual({ ...iso, time: { column: 'ts', unit: 's' } })
  expect(fieldsOf(inspection)).toEqual({
    signup_date: null,
    released: null,
    watched_seconds: 'outcome float',
    rating: 'outcome float',
  })
})

test('a unique row id is no key', async () => {
  const text = csv((row, i) => ({
    id: 10_000 + i,
    event_uuid: `e-${i}`,
    userId: row.user,
    movieId: row.item,
    rating: row.rating,
    time: isoOf(row),
  }))
  const inspection = await inspected(new Folder().write('log.csv', text))
  expect(keysOf(inspection)).toEqual(iso)
  expect(fieldsOf(inspection)).toEqual({ id: null, event_uuid: null, rating: 'outcome float' })
})

test('of two that could be the user the better name is taken, and the other told', async () => {
  const text = csv((row) => ({ session_id: `s${row.user}-${row.rating % 2}`, ...plain(row), time: isoOf(row) }))
  const inspection = await inspected(new Folder().write('log.csv', text))
  expect(keysOf(inspection)).toEqual(iso)
  expect(inspection.roles.doubts.join()).toContain('"session_id" could be the user as well as "userId"')
  const other = await inspection.rolesWith({ user: 'session_id', outcome: null })
  expect(other).toMatchObject({ user: 'session_id', item: 'movieId', outcome: null })
})

test('a rare click is no attribute of the users who never click', async () => {
  const text = csv((row, i) => ({
    userId: row.user,
    adId: row.item,
    time: isoOf(row),
    clicked: i % 97 === 0 ? 1 : 0,
    age: row.age,
  }))
  const inspection = await inspected(new Folder().write('log.csv', text))
  expect(keysOf(inspection)).toEqual({ ...iso, item: 'adId', outcome: 'clicked' })
  expect(fieldsOf(inspection)).toEqual({ clicked: 'outcome float', age: 'user float' })
})

test('of several files one is the log, and the others are joined by what they have once', async () => {
  const folder = new Folder()
  const log = folder.write(
    'ratings.csv',
    csv((row) => ({ ...plain(row), time: isoOf(row) })),
  )
  const items = [...new Map(rows.map((row) => [row.item, row])).values()]
  const lines = items.map((row) => `${row.item},${row.genres.join('|')},${1990 + (row.item.length % 3)}`)
  const table = folder.write('movies.csv', ['movieId,genres,year', ...lines, ''].join('\n'))
  const inspection = await inspected([table, log])
  expect(inspection).toMatchObject({ data: log, join: [`${table}:movieId`], rows: 600 })
  expect(keysOf(inspection)).toEqual(iso)
  expect(fieldsOf(inspection)).toEqual({ rating: 'outcome float', genres: 'item ids', year: 'item float' })
  const { schema } = await inspection.propose(known(inspection))
  const opened = await openLog({ data: log, join: inspection.join, schema: parseSchema(schema, 'proposed') })
  expect(opened).toMatchObject({ rows: 600, warnings: [] })
  await opened.close()
})

test('a Parquet log with lists, vectors and timestamps; what is proposed can be used', async () => {
  const folder = new Folder()
  const lines = rows.map((row) =>
    JSON.stringify({ ...plain(row), time: isoOf(row), genres: row.genres, shape: [row.item.length, 0.5], s: { a: 1 } }),
  )
  const json = folder.write('rows.jsonl', lines.join('\n'))
  const path = `${folder.path}/log.parquet`
  await sql(
    `COPY (SELECT * REPLACE (CAST(time AS TIMESTAMP) AS time) FROM read_json('${json}', columns = {userId: 'VARCHAR', movieId: 'VARCHAR',
      rating: 'INTEGER', time: 'VARCHAR', genres: 'VARCHAR[]', shape: 'DOUBLE[]', s: 'STRUCT(a INTEGER)'})) TO '${path}' (FORMAT parquet)`,
  )
  const inspection = await inspected(path)
  expect(keysOf(inspection)).toEqual(iso)
  expect(fieldsOf(inspection)).toEqual({ rating: 'outcome float', genres: 'item ids', shape: 'item vector', s: null })
  const { schema, reasons } = await inspection.propose(known(inspection))
  expect(compileFeatures(parseSchema(schema, 'proposed')).tasks.length).toBe(schema.tasks.length)
  expect(reasons.map(({ what }) => what)).toContain('itemBuckets 1024')
})
