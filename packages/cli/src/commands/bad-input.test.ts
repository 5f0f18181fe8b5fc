/** What a user may get wrong: each is told with its place and the way out, and nothing is left behind. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Child, launcher } from '../testing/child.ts'
import { type Click, clickSchema, clicks, writeClickLog } from '../testing/click-log.ts'
import { runCommandLine } from './program.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const rows = clicks(1100)
const [price, click] = clickSchema.fields

/** The log with one row changed. */
const spoilt = (row: number, change: Partial<Click>) =>
  rows.map((each, i) => (i === row - 1 ? { ...each, ...change } : each))

/** Runs a command line as if `directory` were the user's; nothing may be left there, nor of temporary files. */
async function fails(directory: string, args: readonly string[], code: number): Promise<string> {
  const temporary = temporaryDirectory()
  vi.stubEnv('INIT_CWD', directory)
  vi.stubEnv('TMPDIR', temporary)
  const before = readdirSync(directory, { recursive: true })
  let stderr = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text
    return true
  })
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  expect(await runCommandLine(args)).toBe(code)
  expect(stdout).not.toHaveBeenCalled()
  vi.restoreAllMocks()
  expect(readdirSync(directory, { recursive: true })).toEqual(before)
  expect(readdirSync(temporary)).toEqual([])
  return stderr
}

const output = ['--out', 'kept', '--json', 'out.json', '--report', 'out.html']

describe('a log that cannot be used', () => {
  const log = ['--data', 'clicks.csv', '--schema', 'schema.json']

  /** `spoil` writes over the good log and schema in the directory; `args` come after those of the good log. */
  const cases: [title: string, spoil: (directory: string) => void, args: string[], message: RegExp][] = [
    ['a missing file', () => {}, ['--data', 'none.csv'], /none\.csv: no such file; check the path$/],
    ['a glob without files', () => {}, ['--data', 'none-*.csv'], /none-\*\.csv: no file matches; check the glob$/],
    [
      'a directory',
      (directory) => mkdirSync(join(directory, 'logs.csv')),
      ['--data', 'logs.csv'],
      /logs\.csv: is a folder; name its files by a glob such as .*\/logs\.csv\/\*\.parquet$/,
    ],
    [
      'a file that is not what it is called',
      (directory) => writeFileSync(join(directory, 'log.parquet'), 'no parquet'),
      ['--data', 'log.parquet'],
      /log\.parquet: cannot be read: .*; check that it is parquet/,
    ],
    [
      'an unknown extension',
      (directory) => writeFileSync(join(directory, 'clicks.txt'), 'user,item,time'),
      ['--data', 'clicks.txt'],
      /clicks\.txt: no known extension; use \.parquet, \.csv/,
    ],
    [
      'an unknown column',
      (directory) => writeClickLog(directory, rows, { ...clickSchema, fields: [{ ...price, column: 'cost' }, click] }),
      [],
      /clicks\.csv, field "cost": has no column "cost"; correct .*the columns are "user", "item", "time", "price", "click"$/,
    ],
    [
      'a time that does not parse',
      (directory) => writeClickLog(directory, spoilt(700, { time: 'noon' })),
      [],
      /clicks\.csv, row 700 \(line 701\), field "time": "noon" is no number of s since 1970; correct the row, or skip it with maxBadRows 1 \(--max-bad-rows 1\)$/,
    ],
    [
      'a label that is neither 0 nor 1',
      (directory) => writeClickLog(directory, spoilt(3, { click: 2 })),
      [],
      /clicks\.csv, row 3 \(line 4\), field "click": "2" is neither 0 nor 1, as task "click".*wants.*; correct the row/,
    ],
    [
      'a label that is missing',
      (directory) => writeClickLog(directory, spoilt(3, { click: '' })),
      [],
      /clicks\.csv, row 3 \(line 4\), field "click": is missing, and task "click" needs it; correct the row/,
    ],
    [
      'NaN in a dense feature',
      (directory) => writeClickLog(directory, spoilt(1100, { price: 'NaN' })),
      [],
      /clicks\.csv, row 1100 \(line 1101\), field "price": "NaN" is no finite number; correct the row/,
    ],
    [
      'more bad rows than allowed',
      (directory) => writeClickLog(directory, [...spoilt(5, { price: 'x' }), { ...rows[0], user: '' }]),
      ['--max-bad-rows', '1'],
      /row 5 \(line 6\), field "price": "x" is no number; 2 rows are bad and maxBadRows is 1; .*\n.*row 1101 \(line 1102\)/,
    ],
    [
      'an empty log',
      (directory) => writeClickLog(directory, []),
      [],
      /clicks\.csv: the log has no rows; give one with/,
    ],
    [
      'a file without a byte',
      (directory) => writeFileSync(join(directory, 'clicks.csv'), ''),
      [],
      /clicks\.csv: is empty; start it with a line of column names, or list them in the schema \("columns"\)$/,
    ],
    [
      'a task with one class',
      (directory) =>
        writeClickLog(
          directory,
          rows.map((row) => ({ ...row, click: 1 })),
        ),
      [],
      /clicks\.csv, field "click": task "click" .* has one class: its label is 1 in all rows; drop the task, or choose/,
    ],
    [
      'a short log',
      (directory) => writeClickLog(directory, rows.slice(0, 999)),
      [],
      /clicks: the log has 999 rows; the main job needs 1,000/,
    ],
    ['no schema', () => {}, ['--schema', 'none.json'], /none\.json: the schema cannot be read; check its path and/],
    [
      'a schema that is no JSON',
      (directory) => writeFileSync(join(directory, 'schema.json'), '{"version": 1,}'),
      [],
      /schema\.json: the schema is no JSON: .*; correct it$/,
    ],
    [
      'a schema that names a feature twice',
      (directory) =>
        writeClickLog(directory, rows, { ...clickSchema, fields: [price, click, { ...price, of: 'context' }] }),
      [],
      /schema\.json: fields\[2\]\.name: "price" is taken, by another or as a reserved name; choose a name of its own$/,
    ],
    [
      'a schema whose aggregation is named like a field',
      (directory) =>
        writeClickLog(directory, rows, {
          ...clickSchema,
          aggregations: [...clickSchema.aggregations, { name: 'price', of: 'user', kind: 'count' }],
        }),
      [],
      /schema\.json: aggregations\[3\]\.name: "price" is taken/,
    ],
    [
      'a schema for the synthetic log',
      () => {},
      ['--data', 'synthetic'],
      /the synthetic log has its own schema; leave/,
    ],
  ]

  test.each(cases)('%s', async (_, spoil, args, message) => {
    const directory = temporaryDirectory()
    writeClickLog(directory, rows)
    spoil(directory)
    const stderr = await fails(directory, ['run', ...log, ...output, ...args], 1)
    expect(stderr).toMatch(/^headwater: /m)
    expect(stderr.trimEnd()).toMatch(message)
    expect(stderr).not.toMatch(/bug of Headwater|\n\s+at /)
  })

  test('a missing file is named before a missing schema', async () => {
    const directory = temporaryDirectory()
    writeClickLog(directory, rows)
    expect(await fails(directory, ['run', '--data', 'none.csv'], 1)).toMatch(/none\.csv: no such file/)
    expect(await fails(directory, ['run', '--data', 'clicks.csv'], 1)).toMatch(/clicks\.csv: no schema is given; name/)
  })

  test('a file that may not be read', async () => {
    const directory = temporaryDirectory()
    writeClickLog(directory, rows)
    chmodSync(join(directory, 'clicks.csv'), 0)
    // A superuser reads it all the same.
    if (process.getuid?.() === 0) return
    expect(await fails(directory, ['run', ...log], 1)).toMatch(/clicks\.csv: cannot be read; check its permissions/)
  })
})

describe('a place that cannot take the output', () => {
  test.each([
    ['--out', 'file', /--out: .*\/file is a file; name a directory\./],
    ['--out', 'file/inner', /--out: .*\/file\/inner cannot be written \(ENOTDIR\); choose another place\./],
    ['--out', 'full', /--out: .*\/full is not empty; name a new directory, or empty it\./],
    [
      '--out',
      '/proc/headwater/inner',
      /--out: \/proc\/headwater\/inner cannot be written \(\w+\); choose another place\./,
    ],
    ['--report', 'full', /--report: .*\/full is a directory; name a file\./],
    ['--report', 'nowhere/out.html', /--report: there is no directory .*\/nowhere; make it first\./],
    ['--json', 'nowhere/out.json', /--json: there is no directory .*\/nowhere; make it first\./],
  ])('%s %s', async (option, value, message) => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'file'), '')
    mkdirSync(join(directory, 'full', 'inner'), { recursive: true })
    expect(await fails(directory, ['run', ...output, option, value], 1)).toMatch(message)
  })
})

test.each([
  [['run', '--sed', '2'], /unknown option '--sed'[\s\S]*--seed/],
  [['run', '--seed', 'two'], /'two' is invalid[\s\S]*whole number from 0/],
  [['run', '--seeds', '0'], /'0' is invalid[\s\S]*whole number from 1 to 100/],
  [['run', '--max-bad-rows', '-1'], /'-1' is invalid[\s\S]*whole number from 0/],
  [['run', '--data'], /option '--data <what>' argument missing/],
  [['run', 'clicks.csv'], /too many arguments/],
  [['doctor', 'now'], /too many arguments/],
  [['walk'], /unknown command 'walk'/],
  [['docter'], /unknown command 'docter'[\s\S]*doctor/],
])('a command line that is wrong: %j', async (args, message) => {
  expect(await fails(temporaryDirectory(), [...args], 2)).toMatch(message)
})

// Only Vulkan's loader can be told that there is no driver.
if (process.platform === 'linux')
  test('no adapter', async () => {
    const directory = temporaryDirectory()
    const child = new Child(launcher, ['run', ...output], directory, { VK_DRIVER_FILES: '/nonexistent.json' })
    expect(await child.exited).toBe(1)
    expect(child.stderr).toMatch(/^headwater: No WebGPU adapter was found: .*`npm run setup` brings .*$/m)
    expect(child.stdout).toBe('')
    expect(readdirSync(directory)).toEqual([])
  })
