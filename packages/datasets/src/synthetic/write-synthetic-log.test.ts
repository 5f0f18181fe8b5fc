import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { LogEvent } from '@headwater/features'
import { temporaryDirectory } from '@headwater/testkit'
import { describe, expect, test } from 'vitest'
import {
  conversionSetting,
  LogError,
  openLog,
  referenceSetting,
  syntheticEvents,
  syntheticWorld,
  writeSyntheticLog,
} from '../index.ts'

const small = { users: 40, ads: 20, days: 2, impressionsPerDay: 2500 }

async function readAll(data: string, schema: string): Promise<LogEvent[]> {
  const log = await openLog({ data, schema })
  const events: LogEvent[] = []
  for await (const chunk of log.events()) events.push(...chunk)
  await log.close()
  return events
}

describe('writeSyntheticLog', () => {
  test.each([
    ['clicks', { ...referenceSetting, ...small }],
    ['clicks and conversions', { ...conversionSetting, ...small }],
  ])('writes %s that openLog reads back as they were generated', async (_, setting) => {
    const directory = temporaryDirectory()
    const folder = join(directory, "a day's log")
    const impressions = [...syntheticEvents(syntheticWorld({ seed: 5, setting }))]
    const written = await writeSyntheticLog(folder, { seed: 5, setting })
    expect(written.rows).toBe(impressions.length)
    expect(await readdir(join(folder, 'log'))).toEqual(['day-0000.parquet', 'day-0001.parquet'])
    expect(await readAll(written.data, written.schema)).toEqual(impressions.map(({ event }) => event))
    expect(await readdir(directory)).toEqual(["a day's log"])
  })

  test('keeps the truth out of the log, and by row in a folder of its own', async () => {
    const directory = temporaryDirectory()
    const setting = { ...conversionSetting, ...small }
    const { data, truth } = await writeSyntheticLog(join(directory, 'log'), { setting })
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const columns = await connection.runAndReadAll(`SELECT name FROM parquet_schema('${data}')`)
    const names = new Set(columns.getRows().map(([name]) => name))
    expect([...names].filter((name) => /probab|propens|delay/.test(String(name)))).toEqual([])
    const read = await connection.runAndReadAll(
      `SELECT CAST("row" AS DOUBLE), click_probability, propensity, conversion_probability, conversion_delay_days
      FROM '${join(truth, '*.parquet')}' ORDER BY "row"`,
    )
    const expected = [...syntheticEvents(syntheticWorld({ setting }))].map(
      ({ event, clickProbability, propensity, conversion }) => {
        return [event.row, clickProbability, propensity, conversion?.probability ?? null, conversion?.delayDays ?? null]
      },
    )
    expect(read.getRows()).toEqual(expected)
    expect(JSON.parse(await readFile(join(truth, 'world.json'), 'utf8'))).toEqual({ seed: 0, setting })
    connection.closeSync()
    instance.closeSync()
  })

  test('refuses a folder with something in it, and leaves nothing behind after an abort', async () => {
    const directory = temporaryDirectory()
    await writeFile(join(directory, 'there'), '')
    await expect(writeSyntheticLog(directory)).rejects.toThrow(LogError)
    await expect(writeSyntheticLog(join(directory, 'there'))).rejects.toThrow('is no folder')
    const reason = new Error('enough')
    const log = join(directory, 'log')
    await expect(writeSyntheticLog(log, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const writing = writeSyntheticLog(log, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 100)
    await expect(writing).rejects.toBe(reason)
    expect(await readdir(directory)).toEqual(['there'])
  })
})
