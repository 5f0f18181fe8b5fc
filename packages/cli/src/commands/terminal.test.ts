/** What a user sees in a terminal, in one that `script` of util-linux makes. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLog } from '@headwater/datasets'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { clicks, writeClickLog } from '../testing/click-log.ts'
import { inTerminal } from '../testing/terminal.ts'

test('init asks of each column, and writes what was answered', async () => {
  const home = temporaryDirectory()
  writeClickLog(home, clicks(1100))
  const terminal = inTerminal(['init', '--data', 'clicks.csv', '--schema', 'own.json'], home)
  if (terminal === null) return
  // The second answer is wrong, and asked for again; the price is said to be of the request.
  const answers = ['', 'thing', '', '', '', 'c', '']
  const questions = [
    'user [user]: ',
    'item [item]: ',
    'item [item]: ',
    'time [time]: ',
    'outcome [click]: ',
    'price: of',
    'Write own.json? [Y/n] ',
  ]
  for (const [i, question] of questions.entries()) {
    await terminal.shows(question)
    terminal.type(`${answers[i]}\r`)
  }
  expect(await terminal.exited).toBe(0)
  expect(terminal.text).toContain('Name one of user, item, time, price, click.')
  expect(terminal.text).toMatch(/Written: own\.json\r?\nNext: npx headwater run --data clicks\.csv --schema own\.json/)
  const { fields } = JSON.parse(readFileSync(join(home, 'own.json'), 'utf8'))
  expect(fields).toContainEqual(expect.objectContaining({ name: 'price', of: 'context' }))
  await (await openLog({ data: join(home, 'clicks.csv'), schema: join(home, 'own.json') })).close()
})

test('Ctrl-C at a question ends init, and nothing is written', async () => {
  const home = temporaryDirectory()
  writeClickLog(home, clicks(1100))
  const terminal = inTerminal(['init', '--data', 'clicks.csv', '--schema', 'own.json'], home)
  if (terminal === null) return
  await terminal.shows('user [user]: ')
  terminal.type('\x03')
  expect(await terminal.exited).toBe(130)
  expect(terminal.text).toContain('headwater: stopped by SIGINT; nothing was written.')
  expect(existsSync(join(home, 'own.json'))).toBe(false)
})
