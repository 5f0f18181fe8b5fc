import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLog } from '@headwater/datasets'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { clicks, writeClickLog } from '../../testing/click-log.ts'
import { headwaterIn } from '../../testing/headwater.ts'
import { askChanges, isYes } from './ask.ts'

/** A folder with a log of clicks alone. */
function clickFolder(): string {
  const home = temporaryDirectory()
  writeClickLog(home, clicks(1100))
  return home
}

test('--yes writes a schema with which the log opens, and says how to go on', async () => {
  const home = clickFolder()
  const { code, stdout, stderr } = await headwaterIn(
    home,
    'init',
    '--data',
    'clicks.csv',
    '--yes',
    '--schema',
    'own.json',
    '--json',
    'found.json',
  )
  expect({ code, errors: stderr.includes('headwater:') }).toEqual({ code: 0, errors: false })
  expect(stdout).toMatch(/user +user\nitem +item\ntime +time, seconds since 1970\noutcome +click\n/)
  expect(stdout).toContain('Written: own.json\nNext: npx headwater run --data clicks.csv --schema own.json\n')
  const found = JSON.parse(readFileSync(join(home, 'found.json'), 'utf8'))
  expect(found).toMatchObject({
    version: 1,
    rows: 1100,
    roles: { user: 'user', item: 'item', time: { column: 'time', unit: 's' }, outcome: 'click' },
    written: join(home, 'own.json'),
  })
  expect(found.reasons.length).toBeGreaterThan(5)
  expect(JSON.parse(readFileSync(join(home, 'own.json'), 'utf8'))).toEqual(found.schema)
  const log = await openLog({ data: join(home, 'clicks.csv'), schema: join(home, 'own.json') })
  expect(log).toMatchObject({ rows: 1100, skippedRows: 0 })
  await log.close()
})

test('a schema that is there stays as it is without --force', async () => {
  const home = clickFolder()
  const before = readFileSync(join(home, 'schema.json'), 'utf8')
  const { code, stdout, stderr } = await headwaterIn(home, 'init', '--data', 'clicks.csv', '--yes')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('schema.json is there; --force writes over it, or name another file.')
  expect(readFileSync(join(home, 'schema.json'), 'utf8')).toBe(before)
  expect((await headwaterIn(home, 'init', '--data', 'clicks.csv', '--yes', '--force')).code).toBe(0)
  expect(readFileSync(join(home, 'schema.json'), 'utf8')).not.toBe(before)
})

test('without a terminal and without --yes it shows the proposal and writes nothing', async () => {
  const home = clickFolder()
  const { code, stdout } = await headwaterIn(home, 'init', '--data', 'clicks.csv', '--schema', 'own.json')
  expect(code).toBe(0)
  expect(stdout).toContain('Nothing is written. Add --yes')
  expect(readdirSync(home).sort()).toEqual(['clicks.csv', 'schema.json'])
})

test('a log without an outcome gets a schema that draws what was not taken, with which it opens', async () => {
  const home = temporaryDirectory()
  const lines = Array.from({ length: 400 }, (_, i) => `u${(i * i) % 17},i${(i * 7) % 23},${1_700_000_000 + 3600 * i}`)
  writeFileSync(join(home, 'plays.csv'), ['listener,song,ts', ...lines, ''].join('\n'))
  const { code, stdout } = await headwaterIn(home, 'init', '--data', 'plays.csv', '--yes')
  expect(code).toBe(0)
  expect(stdout).toMatch(/user +listener\nitem +song\ntime +ts, seconds since 1970\noutcome +none: /)
  expect(stdout).toContain('negatives: 4 a row')
  const schema = JSON.parse(readFileSync(join(home, 'schema.json'), 'utf8'))
  expect(schema.negatives).toEqual({ outcome: 'taken', items: 4, windowDays: 4.2 })
  expect(schema.tasks).toEqual([{ name: 'taken', field: 'taken', atLeast: 1 }])
  const log = await openLog({ data: join(home, 'plays.csv'), schema: join(home, 'schema.json') })
  expect(log.rows).toBeGreaterThan(1500)
  await log.close()
  const wrong = await headwaterIn(home, 'init', '--data', 'plays.csv', '--yes', '--force', '--outcome', 'song')
  expect(wrong.stderr).toContain('"song" is no number')
})

test('questions: Enter keeps what was found, and a wrong answer is asked again', async () => {
  const profiles = ['who', 'what', 'at', 'stars', 'plan', 'shop'].map((name) => ({ name })) as never
  const field = { type: 'id', why: '' } as const
  const roles = {
    user: 'who',
    item: null,
    time: { column: 'at', unit: 's' },
    outcome: null,
    fields: [
      { ...field, column: 'plan', of: 'user' },
      { ...field, column: 'shop', of: 'context' },
      { ...field, column: 'stars', of: null },
    ],
    doubts: [],
  } as const
  const answers = ['', '', 'thing', 'what', '', 'stars', 'neither', '-', 'it']
  const asked: string[] = []
  const changes = await askChanges(
    async (question) => {
      asked.push(question)
      return answers.shift()!
    },
    { profiles },
    roles,
  )
  expect(answers).toEqual([])
  expect(changes).toEqual({
    ...{ user: 'who', item: 'what', time: 'at', outcome: 'stars' },
    owners: new Map([
      ['plan', null],
      ['shop', 'item'],
    ]),
  })
  expect(asked[2]).toBe('Name one of who, what, at, stars, plan, shop.\nitem [a column]: ')
  expect(await isYes(async () => '', '?')).toBe(true)
  expect(await isYes(async () => 'n', '?')).toBe(false)
})
