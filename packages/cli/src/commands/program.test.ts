import { readdirSync, readFileSync } from 'node:fs'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { experiments } from '@headwater/evaluation'
import { expect, test } from 'vitest'
import { headwater } from '../testing/headwater.ts'
import { createProgram } from './program.ts'

const repository = new URL('../../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, repository), 'utf8')
const folders = readdirSync(new URL('.', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

test('each folder is a command of its name, and each command a folder', async () => {
  const { code, stdout } = await headwater('--help')
  expect(code).toBe(0)
  const listed = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)
  expect(listed.filter((name) => name !== 'help').sort()).toEqual(folders.sort())
})

test.each(folders)('headwater %s has a description, and a guide that shows it', async (name) => {
  const { code, stdout } = await headwater(name, '--help')
  expect(code).toBe(0)
  expect(stdout).toMatch(new RegExp(`^Usage: headwater ${name} .*\n\n\\S`))
  const guides = ['README.md', ...readdirSync(new URL('docs', repository)).map((page) => `docs/${page}`)]
  const pages = guides.filter((page) => page.endsWith('.md')).map(read)
  expect(pages.some((page) => page.includes(`headwater ${name}`))).toBe(true)
})

test.each([
  [['trian'], 'train'],
  [['snapshots', 'promot', 'model', '2'], 'promote'],
  [['ingest', 'log.csv', '--schema', 's.json', '--urll', 'x'], '--url'],
  [['run', '--quite'], '--quiet'],
  // What is missing is told second: it may be what was mistyped.
  [['train', '--dat', 'log.csv', '--out', 'model'], '--data'],
  [['ingest', 'log.csv', '--shema', 's.json'], '--schema'],
])('%j: what was meant is named', async (args, meant) => {
  const { code, stdout, stderr } = await headwater(...args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(`(Did you mean ${meant}?)`)
})

test('--version is that of the package, and nothing else', async () => {
  const { version } = JSON.parse(read('packages/cli/package.json'))
  expect(await headwater('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

test('every command takes --quiet', () => {
  const leavesOf = (command: CommandUnknownOpts): readonly CommandUnknownOpts[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
  const leaves = createProgram().commands.flatMap(leavesOf)
  expect(leaves.length).toBeGreaterThan(folders.length)
  expect(leaves.filter(({ options }) => !options.some(({ long }) => long === '--quiet'))).toEqual([])
})

test('the help of evaluate names every experiment, in their order', async () => {
  const { stdout } = await headwater('evaluate', '--help')
  expect(stdout.replace(/\s+/g, ' ')).toContain(`: ${experiments.map(({ name }) => name).join(', ')};`)
})
