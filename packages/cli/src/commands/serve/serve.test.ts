/** `headwater serve` as a user calls it, on a model of two snapshots and an LMDB store, with the client. */
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@headwater/client'
import { promoteSnapshot, readSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Child } from '../../testing/child.ts'
import { headwater, headwaterIn } from '../../testing/headwater.ts'
import {
  clickOf,
  holdCopy,
  publishItems,
  servingDirectory,
  startServing,
  trainModel,
  untilServed,
} from '../../testing/serving.ts'
import { readServeModels } from './models.ts'

const home = temporaryDirectory()
const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')

let trained: string
beforeAll(async () => {
  trained = await trainModel(home)
})

const children: Child[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.process.kill('SIGKILL')
    await child.exited
  }
})

async function start(...args: string[]) {
  const serving = await startServing(await servingDirectory(trained), args)
  children.push(serving.child)
  return serving
}

describe('headwater serve', () => {
  test('serves what events made of a user, follows the model, refuses what is broken, and stops in order', async () => {
    const { child, directory, model, url, client } = await start('--model', 'model')
    expect(child.stdout).toMatch(/^Serving snapshot 1 as "sum" on http:\/\/127\.0\.0\.1:\d+, for this machine alone/)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect([...(await client.read(['ann'], ['sum'])).models[0].status]).toEqual([2])

    const firstMs = Date.now()
    await client.ingest(clickOf('ann', firstMs, 1))
    const first = await untilServed(client, 'ann', firstMs)
    expect(first).toMatchObject({ dim: first.vectors.length, status: Uint8Array.of(0), snapshot: Uint32Array.of(1) })
    expect(first.vectors.some((value) => value !== 0)).toBe(true)
    const secondMs = Date.now()
    await client.ingest(clickOf('ann', secondMs, 0))
    const second = await untilServed(client, 'ann', secondMs)
    expect(second.latest).not.toEqual(first.latest)

    // A snapshot that is damaged is told of, and reads go on from the one before.
    cpSync(snapshotDirectory(model, 2), snapshotDirectory(model, 3), { recursive: true })
    const weights = join(snapshotDirectory(model, 3), 'weights.safetensors')
    writeFileSync(weights, 'no weights')
    const pointTo = (snapshot: number) => ({ snapshot, sinceMs: Date.now(), by: 'gate' })
    writeFileSync(join(model, 'current.json'), JSON.stringify({ format: 1, served: [1, 3].map(pointTo) }))
    await child.until(() => /warning: .*snapshot-000003/.test(child.stderr))
    await holdCopy(model, 4)
    await expect(client.items('sum', ['a'])).rejects.toMatchObject({ code: 'no_item_vectors' })
    await publishItems(model, 5)
    const items = await client.items('sum', ['a', 'b'], { snapshot: 5 })
    expect(items).toMatchObject({ snapshot: 5, servedSnapshot: 1, servedFrame: 1, vectors: Float32Array.of(5, 5) })
    for (const [snapshot, code] of [
      [3, 'snapshot_refused'],
      [4, 'snapshot_refused'],
      [9, 'unknown_snapshot'],
    ] as const)
      await expect(client.promote('sum', snapshot), String(snapshot)).rejects.toMatchObject({ code })
    expect((await client.models())[0].snapshot).toBe(1)

    // Reads while the next takes over: none fails, none loses the user.
    await promoteSnapshot(model, 2, true)
    let isSwapped = false
    const reading = (async () => {
      let reads = 0
      while (!isSwapped) {
        expect((await client.read(['ann'], ['sum'])).models[0].status[0]).toBe(0)
        reads++
      }
      return reads
    })()
    await child.until(() => child.stdout.includes('Snapshot 2 is served as "sum", in place of 1.'))
    isSwapped = true
    expect(await reading).toBeGreaterThan(0)
    expect((await client.models())[0].snapshot).toBe(2)
    const thirdMs = Date.now()
    await client.ingest(clickOf('ann', thirdMs, 1))
    await untilServed(client, 'ann', thirdMs, 2)

    expect(await client.forget('ann')).toMatchObject({ user: 'ann', failed: [] })
    // One who was trained on is in the panels too: of snapshots 1 and 2, and of 3, whose weights are damaged.
    const panelRows = async () => (await readSnapshot(snapshotDirectory(model, 2))).panel!.rows
    const users = await panelRows()
    const { removed, failed } = await client.forget('u1')
    expect(removed).toContainEqual({ where: 'panels of snapshots', what: 'panel row', count: 3 })
    expect([failed, await panelRows()]).toEqual([[], users - 1])
    expect([...(await client.read(['ann'], ['sum'])).models[0].status]).toEqual([2])

    // What was acknowledged before and during the end is there afterwards.
    const acknowledged: string[] = []
    const writes = Array.from({ length: 200 }, (_, i) =>
      client.ingest(clickOf(`w${i}`, Date.now(), 1)).then(
        () => acknowledged.push(`w${i}`),
        () => {},
      ),
    )
    await Promise.race(writes)
    child.process.kill('SIGTERM')
    await Promise.all(writes)
    expect(await child.exited).toBe(0)
    expect(acknowledged.length).toBeGreaterThan(0)
    const store = await openStore(`lmdb:${join(directory, 'store')}`)
    const { states } = await store.readStates('user', acknowledged)
    expect(states.every((state) => state !== undefined)).toBe(true)
    await store.close()

    // Started again, it refuses what it refused before, and so does a server that only reads.
    const entries = [[2, 'promote'] as const, [3, 'gate'] as const, [4, 'gate'] as const]
    const served = entries.map(([snapshot, by]) => ({ snapshot, sinceMs: Date.now(), by }))
    writeFileSync(join(model, 'current.json'), JSON.stringify({ format: 1, served }))
    const tokens = [{ name: 'a', sha256: sha256('reader-token'), tenant: 'default', scopes: ['read'] }]
    writeFileSync(join(directory, 'tokens.json'), JSON.stringify({ tokens }))
    const everywhere = ['--host', '0.0.0.0', '--tokens', 'tokens.json']
    const again = await startServing(directory, ['--model', 'model', ...everywhere])
    children.push(again.child)
    const { port } = new URL(again.url)
    expect(again.url).toBe(`http://0.0.0.0:${port}`)
    await again.child.until(() => again.child.stderr.includes(`warning: NO TLS on http://0.0.0.0:${port}: tokens`))
    const reader = createClient({ url: `http://127.0.0.1:${port}`, token: 'reader-token', deadlineMs: 10_000 })
    expect(again.child.stdout).toMatch(/^Serving snapshot 2 as "sum"/)
    expect(again.child.stderr).toMatch(/warning: snapshot 4 is held: The test holds it\./)
    expect(again.child.stderr).toMatch(/warning: .*snapshot-000003/)
    expect([...(await reader.read([acknowledged[0]], ['sum'])).models[0].snapshot]).toEqual([2])
    const refusals: unknown[] = []
    const read = await readServeModels(new Map([['sum', model]]), (error) => refusals.push(error))
    expect([read.get('sum')!.dim, refusals.length]).toEqual([first.dim, 2])
  })

  test('over TLS lets in who shows a certificate and has a token of the file, each tenant on its own', async () => {
    const file = join(home, 'tokens.json')
    const scopes = ['read', 'write']
    const tokens = ['shop', 'news'].map((tenant) => ({
      name: tenant,
      tenant,
      scopes,
      sha256: sha256(`${tenant}-token`),
    }))
    writeFileSync(file, JSON.stringify({ tokens }))
    const pem = (name: string) =>
      fileURLToPath(new URL(`../../../../service/testing/certificates/${name}`, import.meta.url))
    const files = ['--tls-key', pem('server.key'), '--tls-cert', pem('server.pem'), '--tls-client-ca']
    const { child, url } = await start(
      ...['--model', 'model', '--refresh-on', 'both', '--encoder', 'onnx'],
      ...['--tokens', file, ...files, pem('authority.pem')],
    )
    expect(child.stdout).toContain('for tenants shop, news.')
    expect(url).toMatch(/^https:/)
    const [ca, cert, key] = ['authority.pem', 'client.pem', 'client.key'].map((name) => readFileSync(pem(name), 'utf8'))
    const clientOf = (token: string | undefined, tls: object) =>
      createClient({ url, deadlineMs: 10_000, tls, ...(token !== undefined && { token }) })
    const refusals: [string | undefined, object, string][] = [
      [undefined, { ca, cert, key }, 'AuthenticationError'],
      ['shop-token', { ca }, 'UnavailableError'],
      ['shop-token', { cert, key }, 'UnavailableError'],
    ]
    for (const [token, tls, name] of refusals)
      await expect(clientOf(token, tls).read(['a'], ['sum'])).rejects.toMatchObject({ name })
    const [shop, news] = ['shop', 'news'].map((tenant) => clientOf(`${tenant}-token`, { ca, cert, key }))
    const timeMs = Date.now()
    await shop.ingest(clickOf('a', timeMs, 1))
    await untilServed(shop, 'a', timeMs)
    expect([...(await news.read(['a'], ['sum'])).models[0].status]).toEqual([2])
    // And from the shell.
    writeFileSync(join(home, 'token'), 'shop-token')
    const tls = ['--tls-ca', pem('authority.pem'), '--tls-cert', pem('client.pem'), '--tls-key', pem('client.key')]
    const told = await headwater('read', 'a', '--url', url, ...tls, '--token-file', join(home, 'token'))
    expect(told).toMatchObject({ code: 0, stdout: expect.stringMatching(/sum +a +fresh/) })
    child.process.kill('SIGINT')
    expect(await child.exited).toBe(0)
  })
})

test.each<[string, string[], RegExp]>([
  ['a host that others reach, without tokens', ['--host', '0.0.0.0'], /--host 0\.0\.0\.0 is not this machine alone/],
  ['a model without snapshots', [], /has no snapshot that is served/],
])('refuses %s', async (_, args, message) => {
  const directory = temporaryDirectory()
  const options = ['--model', 'empty', '--store', 'memory:', '--port', '0', ...args]
  const { code, stderr } = await headwaterIn(directory, 'serve', ...options)
  expect(code).toBe(1)
  expect(stderr).toMatch(message)
  expect(stderr).not.toContain('bug of Headwater')
  expect(readdirSync(directory)).toEqual([])
})
