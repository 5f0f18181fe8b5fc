/** Command lines that pages show: their commands and options are those of the program. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { expect, test } from 'vitest'
import { createProgram } from './program.ts'

const repository = new URL('../../../../', import.meta.url)
const listed = execFileSync('git', ['ls-files', '*.md'], { cwd: repository, encoding: 'utf8' })
const pages = listed.split('\n').filter((page) => page !== '')
const program = createProgram()

/** Of blocks and of spans of code: what follows `headwater` or `npm start --` up to the end of the command. */
function commandLinesOf(page: string): readonly string[] {
  const text = readFileSync(new URL(page, repository), 'utf8')
  const fenced = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm
  const blocks = [...text.matchAll(fenced)].flatMap(([, language, block]) =>
    ['', 'sh', 'text'].includes(language) ? [block] : [],
  )
  const spans = text.replace(fenced, '').matchAll(/`((?:npx )?headwater [^`]+|npm start -- [^`]+)`/g)
  const lines = [...blocks, ...Array.from(spans, ([, span]) => span.replaceAll('\n', ' '))].flatMap((code) =>
    code.replace(/\\\n/g, ' ').split('\n'),
  )
  return lines.flatMap((line) => {
    const [, start, rest] =
      /^\s*(?:\$ )?(?:\w+=\S+ |taskset -c \S+ )*(npm start -- |npx headwater |headwater )(.*)$/.exec(line) ?? []
    if (rest === undefined) return []
    const [command] = rest.split(/ #|\s[|&;>]/)
    return [start.startsWith('npm') ? `run ${command}` : command]
  })
}

/** What a command line names that the program does not have. */
function unknownIn(line: string): readonly string[] {
  const words = line.split(/\s+/).filter((word) => word !== '')
  let command: CommandUnknownOpts = program
  let at = 0
  for (; at < words.length && command.commands.length > 0; at++) {
    const next = command.commands.find((each) => each.name() === words[at].replace(/[,;:]$/, ''))
    if (next === undefined) break
    command = next
  }
  // An option of the program itself, or a placeholder, may stand where a command would.
  const isCommand = command !== program || /^(--?[a-z]|…|[A-Z])/.test(words[0])
  const options = words.flatMap((word) => /^\[?(--[a-z][\w-]*)/.exec(word)?.[1] ?? [])
  const known = ['--help', ...[...command.options, ...program.options].map(({ long }) => long)]
  return [...(isCommand ? [] : [words[0]]), ...options.filter((option) => !known.includes(option))]
}

test('commands and options that pages show are there', () => {
  const lines = pages.flatMap((page) => commandLinesOf(page).map((line) => ({ page, line })))
  expect(lines.length).toBeGreaterThan(100)
  const unknown = lines.map((each) => ({ ...each, unknown: unknownIn(each.line) }))
  expect(unknown.filter(({ unknown }) => unknown.length > 0)).toEqual([])
})

test.each([
  ['serve --model model --store lmdb:store --no-such', ['--no-such']],
  ['store chek lmdb:store --json x', ['--json']],
  ['snapshots promote MODEL 5 [--force]', []],
  ['sreve --model model', ['sreve', '--model']],
])('of %s, %j is unknown', (line, unknown) => {
  expect(unknownIn(line)).toEqual(unknown)
})
