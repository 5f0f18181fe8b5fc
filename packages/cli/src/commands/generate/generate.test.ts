import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLog, openSyntheticLog, smallSetting } from '@headwater/datasets'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { headwaterIn } from '../../testing/headwater.ts'

test('writes a synthetic log that is read as it is generated', { timeout: 120_000 }, async () => {
  const home = temporaryDirectory()
  const { code, stdout } = await headwaterIn(
    home,
    'generate',
    'log',
    ...['--data', 'synthetic', '--seed', '3', '--json', 'out.json'],
  )
  expect(code).toBe(0)
  const written = JSON.parse(readFileSync(join(home, 'out.json'), 'utf8'))
  const generated = openSyntheticLog({ seed: 3, setting: smallSetting })
  expect(written).toMatchObject({ name: 'log', seed: 3, rows: generated.rows, truth: join(home, 'log', 'truth') })
  expect(stdout).toContain(`log     ${written.data}`)
  expect(stdout).toMatch(
    /\nWritten: \S+log\nNext: npx headwater run --data 'log\/log\/\*\.parquet' --schema log\/schema\.json\n$/,
  )
  const log = await openLog({ data: written.data, schema: written.schema })
  const [read] = (await log.events()[Symbol.asyncIterator]().next()).value!
  const [first] = (await generated.events()[Symbol.asyncIterator]().next()).value!
  expect({ rows: log.rows, read }).toEqual({ rows: generated.rows, read: first })
  await log.close()
})

test('refuses a name that is none, and a folder with something in it', async () => {
  const home = temporaryDirectory()
  writeFileSync(join(home, 'there'), '')
  const unknown = await headwaterIn(home, 'generate', 'log', '--data', 'movietweetings')
  expect(unknown).toMatchObject({ code: 1, stdout: '' })
  expect(unknown.stderr).toContain(
    'no synthetic log is named "movietweetings"; there are synthetic, synthetic-reference',
  )
  expect((await headwaterIn(home, 'generate', '.')).stderr).toContain('is not empty')
  expect(existsSync(join(home, 'log'))).toBe(false)
  expect(readdirSync(home)).toEqual(['there'])
})
