/** The commands of each README of examples/logs, typed one after another on small files of the same form, in a tower of seconds. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@headwater/client'
import { servedStatus } from '@headwater/pooling'
import { expect, onTestFinished, test } from 'vitest'
import { Child, launcher } from '../testing/child.ts'
import { commandsOf, copyOfExample, type FoundRow, knownLogs } from '../testing/known-logs.ts'
import { wordsOf } from '../testing/next-command.ts'
import { tinyModel } from '../testing/tiny-model.ts'

const quicker: Readonly<Record<string, readonly string[]>> = {
  train: ['--config', 'tiny.json', '--batch-rows', '256', '--rounds', '2'],
  evaluate: ['--json', 'figures.json'],
  serve: ['--port', '0', '--encoder', 'webgpu'],
}

test.each(['movietweetings', 'movielens', 'mind'])('%s is trained on, evaluated and served', async (name) => {
  const directory = copyOfExample(name)
  writeFileSync(join(directory, 'tiny.json'), JSON.stringify(tinyModel))
  const written = new Map<string, FoundRow[]>()
  for (const log of knownLogs) {
    if (log.name !== name) continue
    written.set(log.folder, log.write(join(directory, log.folder), name === 'mind' ? 6000 : 1500))
  }
  const [[user]] = [...written.values()][0]
  for (const line of commandsOf(directory)) {
    // Of the bundled log whole: docs/results.md has run them.
    if (line.includes('likes')) continue
    if (line.startsWith('node')) {
      execFileSync('sh', ['-c', line], { cwd: directory })
      continue
    }
    const [, command, ...words] = wordsOf(line)
    const child = new Child(launcher, [command, ...words, ...quicker[command]], directory)
    onTestFinished(() => void child.process.kill('SIGKILL'))
    if (command === 'serve') {
      await child.until(() => child.stdout.includes('Serving'))
      const [, url] = /on (http:\S+),/.exec(child.stdout)!
      const { models } = await createClient({ url, deadlineMs: 10_000 }).read([user, 'nobody'], ['sum'])
      expect([...models[0].status]).toEqual([servedStatus.fresh, servedStatus.default])
      child.process.kill('SIGTERM')
    }
    expect(await child.exited, `${line}\n${child.stderr}`).toBe(0)
    if (command === 'train') expect(readdirSync(join(directory, words.at(-1)!))).toContain('snapshot-000001')
  }
  expect(existsSync(join(directory, 'figures.json'))).toBe(true)
})
