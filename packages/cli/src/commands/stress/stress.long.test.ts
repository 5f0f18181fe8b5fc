import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StressResult } from '@headwater/load/stress'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, expect, test } from 'vitest'
import { Child, worker } from '../../testing/child.ts'
import { headwater } from '../../testing/headwater.ts'
import { stressedServices } from '../../testing/stressed-services.ts'

const services = stressedServices()
const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function stress(url: string, ...args: string[]) {
  const directory = temporaryDirectory()
  const [report, json] = [join(directory, 'stress.html'), join(directory, 'stress.json')]
  const files = ['--report', report, '--json', json]
  const ran = await headwater('stress', url, '--step-seconds', '1', ...files, ...args)
  const result: StressResult | null = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : null
  return { ...ran, result, page: existsSync(report) ? readFileSync(report, 'utf8') : null }
}

test('holds where the highest rate holds, and says what its figures are of', async () => {
  const args = ['--max-per-second', '1', '--p99-ms', '5000', '--users', '4000']
  const { code, stdout, result, page } = await stress(services.urls.none, ...args)
  expect(code).toBe(0)
  const holds = { perSecond: 1, usersPerSecond: 100 }
  expect(result).toMatchObject({ end: 'held', breaks: null, bottleneck: null, holds })
  expect(stdout).toContain('Holds 1 calls a second, the highest asked for.')
  expect(page).toContain('<h1>Holds 1 calls a second, the highest asked for</h1>')
  // 3,000 of the 4,000 users are unknown to it.
  expect(result!.warnings.join()).toMatch(/[78]\d % of the rows were defaults/)
})

test('where the first step breaks the report is written and the command fails', async () => {
  const { code, stderr, page, result } = await stress(
    services.urls.store,
    '--max-per-second',
    '6400',
    '--p99-ms',
    '1000',
  )
  expect(code).toBe(1)
  expect(stderr).toMatch(/broke at the first step, 100 calls a second \(.*\); give a lower --max-per-second/)
  expect(result).toMatchObject({ holds: null })
  expect(page).toContain('Breaks at the first step')
})

test('what cannot be stressed is told before', async () => {
  const run = async (url: string, ...args: string[]) => {
    const { code, stderr, page } = await stress(url, ...args)
    expect(page).toBeNull()
    return [code, stderr]
  }
  const [keys, none] = [join(temporaryDirectory(), 'keys.txt'), join(temporaryDirectory(), 'none')]
  writeFileSync(keys, '\n\n')
  expect(await run('http://127.0.0.1:1')).toEqual([1, expect.stringContaining('127.0.0.1:1')])
  expect(await run('ftp://example')).toEqual([1, expect.stringContaining('is no URL of a service')])
  expect(await run(services.urls.none, '--model', 'other')).toEqual([1, expect.stringContaining('it serves: sum')])
  expect(await run(services.urls.none, '--keys', keys)).toEqual([1, expect.stringContaining('has no keys')])
  expect(await run(services.urls.none, '--keys', none)).toEqual([1, expect.stringContaining('cannot be read')])
  expect(await run(services.urls.none, '--events', '2')).toEqual([2, expect.stringContaining('a share from 0 to 1')])
  expect(await run(services.urls.none, '--max-per-second', '100001')).toEqual([
    2,
    expect.stringContaining('to 100,000'),
  ])
})

test('a signal ends it with what was found so far', async () => {
  const directory = temporaryDirectory()
  const args = ['--step-seconds', '1', '--max-per-second', '64', '--p99-ms', '5000', '--json', 'found.json']
  const child = new Child(worker, ['stress', services.urls.none, ...args], directory)
  closers.push(async () => child.process.kill('SIGKILL'))
  await child.until(() => child.stderr.includes('1/s done'))
  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(143)
  const found: StressResult = JSON.parse(readFileSync(join(directory, 'found.json'), 'utf8'))
  expect(found.end).toBe('stopped')
  expect(found.steps.length).toBeGreaterThan(0)
  expect(existsSync(join(directory, 'stress.html'))).toBe(true)
})
