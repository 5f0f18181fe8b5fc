/** Real services with one known bottleneck each, stressed until they break: the command must name it. */
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import { runStress, type StressResult, type StressSettings } from '@headwater/load/stress'
import { afterEach, expect, test } from 'vitest'
import { madeUpKeys } from '../src/commands/stress/users.ts'
import { stressedServices } from '../src/testing/stressed-services.ts'

const services = stressedServices()
const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/**
 * The ramp with steps that are shorter than the command takes. Services are so slow that a hundred calls a second or two
 * outdo them by seconds, and that those cost the load itself next to nothing, however busy the machine is: where its own
 * process lacks a processor, `client` is what it finds, and rightly.
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
  const { bottleneck, breaks, end } = await ramp(services.urls.limit, {})
  expect(bottleneck).toMatchObject({ name: 'limit' })
  expect(breaks!.because).toContain('HTTP 429')
  expect(end).toBe('broken')
})

test('a slow store is named, with its latency', async () => {
  const { bottleneck } = await ramp(services.urls.store, { maxPerSecond: 12_800 })
  expect(bottleneck).toMatchObject({ name: 'store' })
  expect(bottleneck!.because).toMatch(/^store and pooling took .* ms of the .* ms of a request/)
})

test('an encoder that does not keep up is named', async () => {
  const { bottleneck, breaks } = await ramp(services.urls.encode, { eventsShare: 1 })
  expect(bottleneck).toMatchObject({ name: 'encode' })
  expect(breaks!.because).toContain('refreshes were shed')
})

test('an event loop that is full is named; the threads of the service are told apart', async () => {
  const { bottleneck, steps } = await ramp(services.urls['event loop'], { maxPerSecond: 6_400 })
  expect(bottleneck).toMatchObject({ name: 'event loop' })
  if (process.platform === 'linux') expect(bottleneck!.because).toContain('the thread of its event loop used')
  if (process.platform === 'linux') expect(steps[0].threads!.main).toBeGreaterThan(0)
})

test('a narrow way to the service is named network; a proxy is not taken for the service', async () => {
  // An answer of 100 users of 8 values is some 5 kB: 20 a second get through.
  const { bottleneck, steps } = await ramp(await slowProxy(services.urls.none, 100_000), { maxPerSecond: 6_400 })
  expect(bottleneck).toMatchObject({ name: 'network' })
  expect(steps.every(({ threads }) => threads === null)).toBe(true)
})
