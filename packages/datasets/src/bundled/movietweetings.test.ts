import { readFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import type { LogEvent } from '@headwater/features'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Log, openLog } from '../index.ts'
import { movietweetings } from './movietweetings.ts'

describe('the bundled log', () => {
  let log: Log
  let events: LogEvent[]

  beforeAll(async () => {
    log = await openLog({ data: 'movietweetings' })
    events = []
    for await (const chunk of log.events()) events.push(...chunk)
  })

  afterAll(() => log.close())

  test('has its known numbers of ratings, users and items', () => {
    expect(log).toMatchObject({ name: 'movietweetings', rows: 100_000, skippedRows: 0, badRows: [] })
    expect(log.timeRange).toEqual({ firstMs: 1_362_062_307_000, lastMs: 1_378_067_265_000 })
    expect(events.length).toBe(100_000)
    expect(new Set(events.map(({ user }) => user)).size).toBe(16_554)
    expect(new Set(events.map(({ item }) => item)).size).toBe(10_506)
  })

  test('has the known share of positives per task, the first one near a half', () => {
    const ratings = events.map(({ values }) => values[2] as number)
    const share = (atLeast: number) => ratings.filter((rating) => rating >= atLeast).length / ratings.length
    expect(log.schema.tasks.map(({ name }) => name)).toEqual([
      'rating-8',
      'rating-9',
      'rating-7',
      'rating-10',
      'rating-6',
    ])
    expect(log.schema.tasks.map(({ atLeast }) => share(atLeast))).toEqual([0.50542, 0.26397, 0.72771, 0.12392, 0.85715])
  })

  test('holds known ratings in time order', () => {
    // "The Birth of a Nation" (1915), and two ratings of the snapshot's second user.
    const classic = events.find(({ item }) => item === '0004972')
    expect(classic?.values.slice(0, 2)).toEqual([['Drama', 'History', 'Romance', 'War'], 1915])
    const second = events
      .filter(({ user }) => user === '2')
      .map(({ item, timeMs, values }) => [item, timeMs, values[2]])
    expect(second).toContainEqual(['0104257', 1_364_690_142_000, 8])
    expect(second).toContainEqual(['1991245', 1_364_117_717_000, 7])
    expect(events.every(({ row, timeMs }, i) => row === i && (i === 0 || events[i - 1].timeMs <= timeMs))).toBe(true)
  })

  test('equals the file as DuckDB reads it directly', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const result = await connection.runAndReadAll(
      `SELECT "user", item, time * 1000.0::DOUBLE, genres, year, rating FROM '${movietweetings.data}'`,
    )
    const rows = result.getRowsJS()
    connection.closeSync()
    instance.closeSync()
    expect(events.map(({ user, item, timeMs, values }) => [user, item, timeMs, ...values])).toEqual(rows)
  })

  test('lists the genres of at least 1,000 ratings in its schema', () => {
    const counts = new Map<string, number>()
    for (const { values } of events) {
      for (const genre of (values[0] ?? []) as string[]) counts.set(genre, (counts.get(genre) ?? 0) + 1)
    }
    const frequent = [...counts].filter(([, count]) => count >= 1000).sort(([, a], [, b]) => b - a)
    expect(log.schema.fields[0].values).toEqual(frequent.map(([genre]) => genre))
  })

  test('comes with its licence and source', () => {
    const read = (name: string) =>
      readFileSync(new URL(`../../data/movietweetings-100k/${name}`, import.meta.url), 'utf8')
    expect(read('LICENSE')).toContain('The MIT License (MIT)')
    expect(read('README.md')).toContain('Simon Dooms')
    const { files } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(files).toContain('data')
  })
})
