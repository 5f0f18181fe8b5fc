/** examples/logs on small files of the same form: what is converted is what was written, and its README's commands can be typed. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openLog } from '@headwater/datasets'
import { expect, test } from 'vitest'
import { commandsOf, copyOfExample, type FoundRow, knownLogs, writeMind } from '../testing/known-logs.ts'
import { parsed } from '../testing/next-command.ts'

const sorted = (rows: Iterable<FoundRow>) => [...rows].map((row) => JSON.stringify(row)).sort()

/** A folder's log, by the first command of its README that reads it. */
async function found(directory: string, folder: string): Promise<FoundRow[]> {
  const command = commandsOf(directory).find((line) => line.includes(`--data ${folder}`))!
  const { options } = await parsed(command)
  const path = (given: unknown) => join(directory, String(given))
  const joined = /--join (\S+)/.exec(command)
  const log = await openLog({
    data: path(options.data),
    schema: path(options.schema),
    join: joined === null ? [] : [path(joined[1])],
  })
  const rows: FoundRow[] = []
  for await (const chunk of log.events())
    for (const { user, item, timeMs, values } of chunk) rows.push([user, item, timeMs, ...values])
  await log.close()
  return rows
}

test.each(knownLogs)('$name, of $folder, has the rows that were written', async ({ name, folder, write }) => {
  const directory = copyOfExample(name)
  const written = write(join(directory, folder), 1100)
  const conversion = commandsOf(directory).find((line) => line.startsWith('node') && folder.startsWith(folderOf(line)))
  if (conversion !== undefined)
    expect(execFileSync('sh', ['-c', conversion], { cwd: directory, encoding: 'utf8' })).toBe(
      `log.parquet: ${written.length.toLocaleString('en')} rows\n`,
    )
  const rows = await found(directory, conversion === undefined ? folder : 'log.parquet')
  expect(sorted(rows)).toEqual(sorted(written))
})

/** What a conversion names, up to a `*`. */
const folderOf = (line: string) => /convert\.mjs '?([\w-]+)/.exec(line)![1]

test('the test set of MIND, which does not say what was clicked, is refused', () => {
  const directory = copyOfExample('mind')
  writeMind(join(directory, 'MINDlarge_test'), 20, { isTest: true })
  const convert = ['../convert.mjs', 'MINDlarge_test']
  expect(spawnSync(process.execPath, convert, { cwd: directory, encoding: 'utf8' })).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('Impression 1 does not say what was clicked'),
  })
})

test.each(['movietweetings', 'movielens', 'mind'])('the commands of %s can be typed', async (name) => {
  const directory = copyOfExample(name)
  const commands = commandsOf(directory).filter((line) => line.startsWith('npx'))
  const names: string[] = []
  const written = new Set<unknown>()
  for (const command of commands) {
    const { name, options } = await parsed(command)
    names.push(name)
    if (name === 'init') written.add(options.schema)
    else if (options.schema !== undefined && !written.has(options.schema))
      expect(existsSync(join(directory, String(options.schema)))).toBe(true)
  }
  expect(names.slice(0, 3)).toEqual(['train', 'evaluate', 'serve'])
})
