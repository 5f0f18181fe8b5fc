/** `headwater run` as a user calls it: once to the end, and stopped by signals. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@headwater/client'
import { servedStatus } from '@headwater/pooling'
import { listSnapshots, readSnapshot } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Child, launcher, worker } from '../../testing/child.ts'
import { clicks, writeClickLog } from '../../testing/click-log.ts'
import { nextCommand, parsed } from '../../testing/next-command.ts'

const args = ['run', '--data', 'clicks.csv', '--schema', 'schema.json', '--out', 'kept', '--json', 'out.json']

/** For temporary files of all runs here. tsx keeps there what it compiled, which is compiled once for all tests. */
const temporary = temporaryDirectory()
const compiled = `tsx-${process.geteuid?.()}`
mkdirSync(join(tmpdir(), compiled), { recursive: true })
symlinkSync(join(tmpdir(), compiled), join(temporary, compiled), 'junction')
const temporaryFiles = () => readdirSync(temporary).filter((name) => name.startsWith('headwater-'))

/** The command, running in a new directory with a log. */
function start(program: readonly string[], more: readonly string[] = [], rows = clicks(1500), environment = {}) {
  const directory = temporaryDirectory()
  writeClickLog(directory, rows)
  const child = new Child(program, [...args, ...more], directory, { TMPDIR: temporary, ...environment })
  return { child, directory, snapshots: join(directory, 'kept', 'seed-1', 'snapshots') }
}

/** Snapshots of a model, each of them read whole. */
async function wholeSnapshots(model: string): Promise<number> {
  const directories = await listSnapshots(model)
  for (const directory of directories) await readSnapshot(directory)
  return directories.length
}

const progressLine =
  /^(compiling kernels \d+ of \d+|[a-z ]+( …| done in \d+\.\d s| \d+ %(, [\d,]+ of [\d,]+)?(, [\d,]+\/s)?(, (\d+ min )?\d+ s left)?))$/

/** Of a program without the launcher, which leaves them out. */
function withoutDawnsWarnings(stderr: string): string {
  return stderr.replace(/^Warning: max\w+ artificially reduced.*\n/gm, '')
}

describe('a run to its end', () => {
  const bad = { user: 'u1', item: 'i1', time: 'noon', price: 1, click: 1 }
  let run: ReturnType<typeof start>
  let code: number | null
  let result: Record<string, Record<string, unknown>>

  beforeAll(async () => {
    run = start(launcher, ['--max-bad-rows', '2', '--report', 'out.html'], [bad, ...clicks(1100), bad])
    code = await run.child.exited
    result = JSON.parse(readFileSync(join(run.directory, 'out.json'), 'utf8'))
  })

  test('leaves the figures, the report, snapshots and store, and nothing else', async () => {
    expect(code).toBe(0)
    expect(result).toMatchObject({ rows: 1100, skippedRows: 2, warnings: ['2 bad rows were left out.'] })
    const arms = ['without', 'with', 'flags', 'random', 'untrained', 'features', 'linear']
    for (const key of ['ne', 'auc']) expect(Object.keys(result[key])).toEqual(arms)
    for (const key of ['neGain', 'gainOverUntrained'])
      expect(Object.keys(result[key])).toEqual(['value', 'low', 'high'])
    expect(result.read).toMatchObject({ p50Us: expect.any(Number), p99Us: expect.any(Number) })
    expect(result.freshness).toMatchObject({ p50Ms: expect.any(Number), p99Ms: expect.any(Number) })
    expect(result.drift.centredCosine).toBeLessThanOrEqual(1)
    expect(result.adapter).toEqual(expect.stringMatching(/./))
    expect(Object.keys(result.seconds)).toContain('downstream')
    expect(readFileSync(join(run.directory, 'out.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\s*$/i)
    expect(await wholeSnapshots(run.snapshots)).toBe(result.snapshots)
    expect(result.snapshots).toBeGreaterThan(1)
    expect(readdirSync(run.directory).sort()).toEqual(['clicks.csv', 'kept', 'out.html', 'out.json', 'schema.json'])
    expect(temporaryFiles()).toEqual([])
  })

  test('leaves what the embedded example serves from, and it serves a fresh embedding there', async () => {
    const example = fileURLToPath(new URL('../../../../../examples/embedded-runtime/serve.ts', import.meta.url))
    const program = [...worker.slice(0, -1), example]
    const child = new Child(program, [join('kept', 'seed-1')], run.directory, { TMPDIR: temporary })
    expect({ code: await child.exited, stderr: withoutDawnsWarnings(child.stderr) }).toEqual({ code: 0, stderr: '' })
    const [before, after] = ['before', 'after'].map((name) =>
      new RegExp(`^${name} +features of (\\S+)  \\[(.+), …\\]$`, 'm').exec(child.stdout)!.slice(1),
    )
    expect(Date.parse(after[0])).toBeGreaterThan(Date.parse(before[0]))
    expect(after[1]).not.toBe(before[1])
  })

  test('leaves what the command of the service’s README serves, and its users are read there', async () => {
    const readme = readFileSync(new URL('../../../../pooling/README.md', import.meta.url), 'utf8')
    const [, line] = /^npx headwater (serve .*)$/m.exec(readme)!
    const command = line.replaceAll('out/', 'kept/').split(' ')
    const child = new Child(launcher, [...command, '--port', '0'], run.directory, { TMPDIR: temporary })
    onTestFinished(() => void child.process.kill('SIGKILL'))
    await child.until(() => child.stdout.includes('Serving'))
    const url = /^Serving snapshot \d+ as "sum" on (http:\S+), for this machine alone/m.exec(child.stdout)![1]
    const { models } = await createClient({ url, deadlineMs: 10_000 }).read(['u1', 'nobody'], ['sum'])
    expect([...models[0].status]).toEqual([servedStatus.fresh, servedStatus.default])
    child.process.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  })

  test('tells its progress in plain lines and its answer in a table', () => {
    const lines = run.child.stderr.trimEnd().split('\n')
    for (const line of lines) expect(line).toMatch(progressLine)
    expect(lines).toContain('features …')
    expect(lines.at(-1)).toMatch(/^statistics done in/)
    expect(run.child.stdout).toContain(`Report: ${join(run.directory, 'out.html')}\n`)
    expect(run.child.stdout).toContain(`served log: ${join(run.directory, 'kept')}\n`)
  })

  test('tells how to serve what it kept', async () => {
    const store = `lmdb:${join('kept', 'seed-1', 'store')}`
    const model = [{ name: null, directory: expect.stringContaining(join('kept', 'seed-1', 'snapshots')) }]
    expect(await parsed(nextCommand(run.child.stdout))).toMatchObject({ name: 'serve', options: { store, model } })
  })
})

/** Without its cache the driver compiles for seconds, from `features …` on. */
const cold = { MESA_SHADER_CACHE_DISABLE: 'true' }

test.each([
  ['SIGINT', 130, 'serve …', {}],
  ['SIGTERM', 143, 'train …', cold],
] as const)('%s stops with code %i and one line; what is there is whole', async (signal, code, moment, environment) => {
  const { child, directory, snapshots } = start(launcher, [], undefined, environment)
  await child.until(() => child.stderr.includes(moment))
  child.process.kill(signal)
  expect(await child.exited).toBe(code)
  const last = child.stderr.trimEnd().split('\n')
  expect(last.filter((line) => !progressLine.test(line))).toEqual([
    `headwater: stopped by ${signal}; whole snapshots under --out are kept, nothing else was written.`,
  ])
  expect(child.stdout).toBe('')
  expect(readdirSync(directory).sort()).toEqual(['clicks.csv', 'kept', 'schema.json'])
  expect(temporaryFiles()).toEqual([])
  const whole = await wholeSnapshots(snapshots)
  if (moment === 'serve …') expect(whole).toBeGreaterThanOrEqual(1)
  else expect(whole).toBe(0)
})
