import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { StressResult, StressSettings } from './stress/result.ts'
import { runStress } from './stress/run-stress.ts'
import { madeUpKeys } from './stress/users.ts'
import { Child, worker } from './testing/child.ts'
import { headwater } from './testing/headwater.ts'
import type { StressedUrls } from './testing/stressed-service.ts'

const program = [...worker.slice(0, -1), fileURLToPath(new URL('testing/stressed-service.ts', import.meta.url))]
const closers: (() => Promise<unknown>)[] = []
let service: Child
let urls: StressedUrls

beforeAll(async () => {
  service = new Child(program, [], temporaryDirectory())
  await service.until(() => service.stdout.includes('\n'))
  urls = JSON.parse(service.stdout)
})

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

afterAll(async () => {
  service.process.kill('SIGTERM')
  await service.exited
})

/**
 * The ramp with steps that are shorter than the command takes. Their calls outdo the services by so much that it shows, by
 * seconds, however busy the machine is.
 */
function ramp(url: string, changes: Partial<StressSettings>): Promise<StressResult> {
  const settings = {
    ...{ url, keys: null, users: 1_000, models: ['sum'], usersACall: 100, eventsShare: 0, p99Ms: 1_000 },
    ...{ maxPerSecond: 1_280, maxSeconds: 60, stepSeconds: 0.4, connections: 64, ...changes },
  }
  const users = madeUpKeys(settings.users)
  const target = { url, token: null, tls: {} }
  const stages = { begin: () => {}, advance: () => {}, end: () => {} }
  return runStress({ settings, target, users, stages, signal: new AbortController().signal })
}

async function stress(url: string, ...args: string[]) {
  const directory = temporaryDirectory()
  const [report, json] = [join(directory, 'stress.html'), join(directory, 'stress.json')]
  const files = ['--report', report, '--json', json]
  const ran = await headwater('stress', url, '--step-seconds', '1', ...files, ...args)
  const result: StressResult | null = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : null
  return { ...ran, result, page: existsSync(report) ? readFileSync(report, 'utf8') : null }
}

/** Passes bytes on at a pace, the answers' alone. */
async function slowProxy(target: string, bytesPerSecond: number): Promise<string> {
  const { port } = new URL(target)
  const sockets = new Set<Socket>()
  let freeMs = 0
  const server = createServer((near) => {
    const far = connect(Number(port), '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (socket === near ? far : near).destroy())
    }
    near.pipe(far)
    far.on('data', (bytes) => {
      freeMs = Math.max(freeMs, performance.now()) + (1_000 * bytes.length) / bytesPerSecond
      setTimeout(() => near.write(bytes), freeMs - performance.now())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a limit of the service is named', async () => {
  const { bottleneck, breaks, end } = await ramp(urls.limit, {})
  expect(bottleneck).toMatchObject({ name: 'limit' })
  expect(breaks!.because).toContain('HTTP 429')
  expect(end).toBe('broken')
})

test('a slow store is named, with its latency', async () => {
  const { bottleneck } = await ramp(urls.store, { maxPerSecond: 12_800 })
  expect(bottleneck).toMatchObject({ name: 'store' })
  expect(bottleneck!.because).toMatch(/^store and pooling took .* ms of the .* ms of a request/)
})

test('an encoder that does not keep up is named', async () => {
  const { bottleneck, breaks } = await ramp(urls.encode, { eventsShare: 1 })
  expect(bottleneck).toMatchObject({ name: 'encode' })
  expect(breaks!.because).toContain('refreshes were shed')
})

test('an event loop that is full is named; the threads of the service are told apart', async () => {
  const { bottleneck, steps } = await ramp(urls['event loop'], { maxPerSecond: 25_600 })
  expect(bottleneck).toMatchObject({ name: 'event loop' })
  if (process.platform === 'linux') expect(bottleneck!.because).toContain('the thread of its event loop used')
  if (process.platform === 'linux') expect(steps[0].threads!.main).toBeGreaterThan(0)
})

test('a narrow way to the service is named network; a proxy is not taken for the service', async () => {
  // An answer of 100 users of 8 values is some 5 kB: 60 a second get through.
  const { bottleneck, steps } = await ramp(await slowProxy(urls.none, 300_000), { maxPerSecond: 25_600 })
  expect(bottleneck).toMatchObject({ name: 'network' })
  expect(steps.every(({ threads }) => threads === null)).toBe(true)
})

test('holds where the highest rate holds, and says what its figures are of', async () => {
  const args = ['--max-per-second', '1', '--p99-ms', '5000', '--users', '4000']
  const { code, stdout, result, page } = await stress(urls.none, ...args)
  expect(code).toBe(0)
  const holds = { perSecond: 1, usersPerSecond: 100 }
  expect(result).toMatchObject({ end: 'held', breaks: null, bottleneck: null, holds })
  expect(stdout).toContain('Holds 1 calls a second, the highest asked for.')
  expect(page).toContain('<h1>Holds 1 calls a second, the highest asked for</h1>')
  // 3,000 of the 4,000 users are unknown to it.
  expect(result!.warnings.join()).toMatch(/[78]\d % of the rows were defaults/)
})

test('where the first step breaks the report is written and the command fails', async () => {
  const { code, stderr, page, result } = await stress(urls.store, '--max-per-second', '6400', '--p99-ms', '1000')
  expect(code).toBe(1)
  expect(stderr).toMatch(/broke at the first step, 100 calls a second \(.*\); give a lower --max-per-second/)
  expect(result).toMatchObject({ holds: null, bottleneck: { name: 'store' } })
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
  expect(await run(urls.none, '--model', 'other')).toEqual([1, expect.stringContaining('it serves: sum')])
  expect(await run(urls.none, '--keys', keys)).toEqual([1, expect.stringContaining('has no keys')])
  expect(await run(urls.none, '--keys', none)).toEqual([1, expect.stringContaining('cannot be read')])
  expect(await run(urls.none, '--events', '2')).toEqual([2, expect.stringContaining('a share from 0 to 1')])
  expect(await run(urls.none, '--max-per-second', '100001')).toEqual([2, expect.stringContaining('to 100,000')])
})

test('a signal ends it with what was found so far', async () => {
  const directory = temporaryDirectory()
  const args = ['--step-seconds', '1', '--max-per-second', '64', '--p99-ms', '5000', '--json', 'found.json']
  const child = new Child(worker, ['stress', urls.none, ...args], directory)
  closers.push(async () => child.process.kill('SIGKILL'))
  await child.until(() => child.stderr.includes('1/s done'))
  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(143)
  const found: StressResult = JSON.parse(readFileSync(join(directory, 'found.json'), 'utf8'))
  expect(found.end).toBe('stopped')
  expect(found.steps.length).toBeGreaterThan(0)
  expect(existsSync(join(directory, 'stress.html'))).toBe(true)
})
