/** The console of processes that share their queue in a real Valkey, as routes and in a real browser. */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { SnapshotInfo } from '@headwater/client'
import { dim, encoderOf, eventOf, space } from '@headwater/pooling/testing/towers'
import { createServer, type ServerOptions } from '@headwater/service'
import { openBrowser } from '@headwater/testkit'
import { startValkey, until, type ValkeyNode } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type ClusterPart, openPart } from '../../testing/cluster-parts.ts'
import { encodeEntry } from '../queue/queue-entry.ts'
import { queueKeys, SharedQueues } from '../queue/shared-queue.ts'
import type { QueueFigures } from './cluster-node.ts'

const screenshots = fileURLToPath(new URL('../../../../.cache/screenshots/', import.meta.url))
const [, , taken] = queueKeys({ tenant: 'default', model: 'm' })

let node: ValkeyNode
let browser: Awaited<ReturnType<typeof openBrowser>>
beforeAll(async () => {
  mkdirSync(screenshots, { recursive: true })
  ;[node, browser] = await Promise.all([startValkey(), openBrowser()])
})
afterAll(async () => {
  await browser?.close()
  await node?.close()
})

/** What is looked at of the console's data, and of a model. */
interface Told {
  readonly sharedQueues: readonly QueueFigures[]
  readonly recent: { readonly queueUsers: readonly number[] }
  readonly snapshots: readonly SnapshotInfo[]
}

/** A part of the cluster behind a server that listens. */
async function served(part: ClusterPart, more: Partial<ServerOptions> = {}) {
  const server = createServer({
    tenants: new Map([['default', part]]),
    space,
    models: [{ name: 'm', dim }],
    auth: 'loopback',
    // It shares its event loop with its callers.
    limits: { targetDelayMs: 60_000, drainMs: 1 },
    sharedQueues: () => part.node.queues,
    ...more,
  })
  onTestFinished(() => server.close())
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const ask = async (path: string) => {
    const response = await fetch(url + path)
    return { status: response.status, body: (await response.json()) as Told }
  }
  return { url, ask }
}

async function openConsole(url: string) {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 900 }, colorScheme: 'light' })
  onTestFinished(() => page.close())
  const problems: string[] = []
  page.on('console', (message) => problems.push(message.text()))
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(`${url}/console`)
  await page.waitForSelector('main:not([hidden])')
  return { page, problems, tiles: () => page.textContent('#refresh-tiles') }
}

const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 30_000 })

test('what waits, who is taken and the dead letters are those of all processes, on a reader and on a worker', async () => {
  const url = `valkey://${node.address}`
  const readerPart = await openPart(url, null)
  onTestFinished(readerPart.close)
  const reader = await served(readerPart)
  const queues = await SharedQueues.connect(url)
  onTestFinished(() => queues.close())

  const users = Array.from({ length: 7 }, (_, i) => `user-${i}`)
  await readerPart.pooling.ingest(users.map((user) => eventOf(user, 'i', Date.now())))
  const queuesOf = async () => (await reader.ask('/console/data')).body.sharedQueues
  await until('all wait', async () => (await queuesOf())[0]?.waiting === 7)
  // Two of them are with a worker that does nothing.
  await queues.take(
    { tenant: 'default', model: 'm' },
    { consumer: 'asleep', limit: 2, claimMs: null, mostAttempts: 100 },
  )
  await until('two are taken', async () => (await queuesOf())[0].taken === 2)
  expect(await queuesOf()).toEqual([
    {
      model: 'm',
      agoMs: expect.any(Number),
      waiting: 5,
      taken: 2,
      dead: 0,
      sums: { shed: 0 },
      buried: { damaged: 0, version: 0, model: 0, failed: 0 },
    },
  ])
  // The history has it at its next step.
  await until('five waited', async () => (await reader.ask('/console/data')).body.recent.queueUsers.at(-1) === 5)
  const { page, problems, tiles } = await openConsole(reader.url)
  await eventually(tiles).toMatch(/Queue5shared; 2 with workersLongest wait–/)
  expect(await page.isVisible('#dead-letters')).toBe(false)

  const workerPart = await openPart(url, encoderOf(3), { claimMs: 600_000 })
  onTestFinished(workerPart.close)
  // As `headwater serve --role refresh`: it answers operators alone.
  const worker = await served(workerPart, { scopes: ['admin', 'metrics'] })
  const bad = ['{"v":2,"model":"m"}', '{"v":9}', encodeEntry({ model: 'other', offeredMs: 0 })]
  for (const text of bad) await node.command('XADD', taken, '*', 'user', 'user-0', 'entry', text)
  await until('they are dead', async () => (await queuesOf())[0].dead === 3)
  expect((await queuesOf())[0].buried).toEqual({ damaged: 0, version: 2, model: 1, failed: 0 })
  await until('nobody waits', async () => (await queuesOf())[0].waiting === 0)

  const ofWorker = await openConsole(worker.url)
  for (const { page: each, tiles: shown } of [{ page, tiles }, ofWorker]) {
    await eventually(shown).toMatch(/Queue0shared; 2 with workers, 3 dead letters/)
    const rows = await each.locator('#dead-letters tbody tr').allInnerTexts()
    expect(rows.map((row) => row.split(/\s*\t\s*/))).toEqual([
      ['m', 'of a version that its worker does not know', '2'],
      ['m', 'of another model', '1'],
    ])
    expect(await each.getAttribute('#refresh-tiles > div:first-child', 'class')).toContain('bad')
    for (const [width, colorScheme] of [
      [1_280, 'light'],
      [360, 'dark'],
    ] as const) {
      await each.setViewportSize({ width, height: 900 })
      await each.emulateMedia({ colorScheme })
      expect(await each.evaluate('document.documentElement.scrollWidth')).toBe(width)
      const path = `${screenshots}console-shared-queue-${each === page ? 'reader' : 'worker'}-${width}.png`
      await each.screenshot({ path, fullPage: true })
    }
  }
  expect([...problems, ...ofWorker.problems]).toEqual([])
  // Its snapshots are listed for those who may change them; reads it leaves to others.
  expect((await worker.ask('/v1/models/m')).body.snapshots).toMatchObject([{ snapshot: 3, state: 'served' }])
  const read = await fetch(`${worker.url}/v1/embeddings/read`, { method: 'POST', body: '{}' })
  expect(read.status).toBe(404)
})

test('a tenant sees its own queues alone', async () => {
  const part = await openPart(`valkey://${node.address}`, null)
  onTestFinished(part.close)
  const queue = { waiting: 1, taken: 0, dead: 0, sums: { shed: 0 }, buried: {} }
  const seenMs = performance.now()
  const { ask } = await served(part, {
    sharedQueues: () => ['default', 'other'].map((tenant) => ({ tenant, model: 'm', seenMs, ...queue })),
  })
  const own = { model: 'm', agoMs: expect.any(Number), ...queue }
  expect((await ask('/console/data')).body.sharedQueues).toEqual([own])
})

test('what was seen long ago, as the store does not answer, is not shown as live', async () => {
  const part = await openPart(`valkey://${node.address}`, null)
  onTestFinished(part.close)
  const queue = { tenant: 'default', model: 'm', waiting: 3, taken: 0, dead: 0, sums: { shed: 0 }, buried: {} }
  let ageMs = 0
  const { url } = await served(part, { sharedQueues: () => [{ ...queue, seenMs: performance.now() - ageMs }] })
  const { page, problems, tiles } = await openConsole(url)
  await eventually(tiles).toMatch(/Queue3shared; 0 with workers/)
  ageMs = 60_000
  await eventually(tiles).toMatch(/Queue3as seen .+ ago: the store does not answer; 0 with workers/)
  expect(await page.getAttribute('#refresh-tiles > div:first-child', 'class')).toContain('bad')
  expect(problems).toEqual([])
})
