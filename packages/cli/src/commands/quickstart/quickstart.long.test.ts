/** `headwater quickstart` as a newcomer types it, on a log of their own. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { Child, launcher } from '../../testing/child.ts'
import { clicks, writeClickLog } from '../../testing/click-log.ts'
import { descendantsOf, isRunning } from '../../testing/processes.ts'

test('goes from a log to a served embedding that an event changes, and leaves nothing running', async () => {
  const directory = temporaryDirectory()
  writeClickLog(directory, clicks(1100))
  const child = new Child(launcher, ['quickstart', '--data', 'clicks.csv', '--out', 'first'], directory)
  await child.until(() => child.stdout.includes('Ctrl-C ends it.'))
  const shown = [...child.stdout.matchAll(/^\$ npx headwater (\w+)/gm)].map(([, name]) => name)
  expect(shown).toEqual(['init', 'train', 'serve', 'read', 'ingest', 'read'])
  const [before, after] = [...child.stdout.matchAll(/^sum .*fresh .*(\[.*\])$/gm)].map(([, vector]) => vector)
  expect(after).not.toBe(before)
  expect(child.stdout).not.toContain('Next')
  const [, console] = /Console: (\S+)\. /.exec(child.stdout)!
  expect((await fetch(console)).status).toBe(200)
  const running = descendantsOf(child.process.pid!).map(({ pid }) => pid)
  expect(running.length).toBeGreaterThan(1)
  child.process.kill('SIGINT')
  expect(await child.exited).toBe(0)
  expect(running.filter(isRunning)).toEqual([])
  expect(readdirSync(join(directory, 'first')).sort()).toEqual([
    'event.jsonl',
    'event.jsonl.ingested',
    'model',
    'schema.json',
    'store',
  ])

  const once = new Child(
    launcher,
    ['quickstart', '--data', 'clicks.csv', '--schema', 'first/schema.json', '--exit'],
    directory,
  )
  expect(await once.exited).toBe(0)
  expect(once.stdout).toContain('A served embedding after')
  expect(existsSync(join(directory, 'quickstart', 'schema.json'))).toBe(false)
  const again = new Child(launcher, ['quickstart', '--data', 'clicks.csv', '--exit'], directory)
  expect(await again.exited).toBe(1)
  expect(again.stderr).toMatch(/quickstart is not empty; name a new directory/)
})
