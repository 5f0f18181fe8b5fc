/** `headwater publish --serve` and `headwater serve` as a worker and a reader, over one Valkey server. */
import { join } from 'node:path'
import { serveSnapshot } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { startValkey, until, type ValkeyNode } from '@headwater/testkit/valkey'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Child, worker } from '../../testing/child.ts'
import { clickOf, servingDirectory, startServing, trainModel, untilServed } from '../../testing/serving.ts'

const home = temporaryDirectory()
const children: Child[] = []
let trained: string
let node: ValkeyNode
beforeAll(async () => {
  ;[trained, node] = await Promise.all([trainModel(home), startValkey()])
})
afterAll(async () => {
  for (const child of children) {
    child.process.kill('SIGKILL')
    await child.exited
  }
  await node.close()
})

test('a reader without an encoder serves what a worker makes of its events, by snapshots from a publisher', async () => {
  const directory = await servingDirectory(trained)
  const publisher = new Child(worker, ['publish', '--serve', 'model', '--port', '0'], directory)
  children.push(publisher)
  await publisher.until(() => publisher.stdout.includes('Publishing'))
  const url = / on (http:\S+),/.exec(publisher.stdout)![1]
  const start = async (role: string) => {
    const cluster = ['--store', `valkey://${node.address}`, '--model', url, '--model-cache', role]
    const serving = await startServing(directory, ['--role', role, ...cluster], worker)
    children.push(serving.child)
    return serving
  }

  // An empty store, and nobody who works.
  const reader = await start('read')
  const readiness = async () => (await (await fetch(`${reader.url}/readyz`)).json()) as { readonly status?: string }
  expect(await readiness()).toMatchObject({ error: { code: 'not_ready', message: /"sum".* has no snapshot yet/ } })
  const [nobody] = (await reader.client.read(['ann'], ['sum'])).models
  expect([...nobody.status]).toEqual([2])
  const before = Date.now()
  await reader.client.ingest(clickOf('ann', before, 1))

  const busy = await start('refresh')
  await untilServed(reader.client, 'ann', before, 1)
  await until('the reader knows a snapshot', async () => (await readiness()).status === 'ready')
  const [stranger] = (await reader.client.read(['stranger'], ['sum'])).models
  expect([...stranger.status]).toEqual([2])
  expect(stranger.vectors.some((value) => value !== 0)).toBe(true)
  await expect(busy.client.read(['ann'], ['sum'])).rejects.toMatchObject({ code: 'unknown_route' })
  expect((await fetch(`${busy.url}/readyz`)).status).toBe(200)
  const metrics = await (await fetch(`${busy.url}/metrics`)).text()
  expect(metrics).toMatch(/headwater_shared_queue_dead\{tenant="default",model="sum"\} 0/)

  // The publisher goes on to the next snapshot.
  await serveSnapshot(join(directory, 'model'), 2, 'promote')
  await busy.child.until(() => busy.child.stdout.includes('Snapshot 2 is served as "sum", in place of 1.'))
  const after = Date.now()
  await reader.client.ingest(clickOf('ann', after, 0))
  await untilServed(reader.client, 'ann', after, 2)

  expect(await reader.client.forget('ann')).toMatchObject({ user: 'ann', failed: [] })
  for (const { child } of [reader, busy]) {
    child.process.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  }
})
