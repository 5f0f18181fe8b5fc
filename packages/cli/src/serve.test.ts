/** `headwater serve` as a user calls it, on a model of two snapshots and an LMDB store, with the client. */
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@headwater/pooling/client'
import { promoteSnapshot, snapshotDirectory } from '@headwater/runtime'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Child, launcher } from './testing/child.ts'
import { clickOf, servingDirectory, startServing, trainModel, untilServed } from './testing/serving.ts'

const home = temporaryDirectory()
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
  })

  test('lets in who has a token of the file, each tenant on its own', async () => {
    const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')
    const file = join(home, 'tokens.json')
    const scopes = ['read', 'write']
    const tokens = ['shop', 'news'].map((tenant) => ({
      name: tenant,
      tenant,
      scopes,
      sha256: sha256(`${tenant}-token`),
    }))
    writeFileSync(file, JSON.stringify({ tokens }))
    const { child, url, client } = await start('--model', 'model', '--tokens', file, '--refresh-on', 'both')
    expect(child.stdout).toContain('for tenants shop, news.')
    await expect(client.read(['a'], ['sum'])).rejects.toMatchObject({ name: 'AuthenticationError' })
    const [shop, news] = ['shop', 'news'].map((tenant) =>
      createClient({ url, token: `${tenant}-token`, deadlineMs: 10_000 }),
    )
    const timeMs = Date.now()
    await shop.ingest(clickOf('a', timeMs, 1))
    await untilServed(shop, 'a', timeMs)
    expect([...(await news.read(['a'], ['sum'])).models[0].status]).toEqual([2])
    child.process.kill('SIGINT')
    expect(await child.exited).toBe(0)
  })
})

test.each<[string, string[], RegExp]>([
  ['a host that others reach, without tokens', ['--host', '0.0.0.0'], /--host 0\.0\.0\.0 is not this machine alone/],
  ['a model without snapshots', [], /has no snapshot that is served/],
])('refuses %s', async (_, args, message) => {
  const directory = temporaryDirectory()
  const child = new Child(
    launcher,
    ['serve', '--model', 'empty', '--store', 'memory:', '--port', '0', ...args],
    directory,
  )
  expect(await child.exited).toBe(1)
  expect(child.stderr).toMatch(message)
  expect(child.stderr).not.toContain('bug of Headwater')
  expect(readdirSync(directory)).toEqual([])
})
