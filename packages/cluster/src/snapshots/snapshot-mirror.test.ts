/** Snapshots from a publisher's directory to another one, over sockets. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { publishRandom, randomRows } from '@headwater/encoder/testing/random-snapshot'
import { tokenOf, tokens } from '@headwater/service/testing/http-service'
import {
  forgetInPanel,
  promoteSnapshot,
  publishSnapshot,
  readSnapshot,
  rollbackSnapshot,
  servedSnapshot,
  snapshotDirectory,
} from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { until } from '@headwater/testkit/valkey'
import { expect, onTestFinished, test } from 'vitest'
import { PublisherConflictError, SnapshotFetchError } from '../node/errors.ts'
import { mirrorSnapshots, type SnapshotMirrorOptions } from './snapshot-mirror.ts'
import { publishSnapshots, type SnapshotPublisherOptions } from './snapshot-publisher.ts'

const pem = (name: string) => readFileSync(join(import.meta.dirname, '../../../service/testing/certificates', name))

async function publishing(options: Partial<SnapshotPublisherOptions> = {}) {
  const directory = options.directory ?? temporaryDirectory()
  if (options.directory === undefined) await publishRandom(directory, 1)
  const publisher = await publishSnapshots({ directory, auth: 'loopback', ...options }, { host: '127.0.0.1', port: 0 })
  onTestFinished(publisher.close)
  return { directory, url: publisher.url }
}

async function mirroring(url: string, options: Partial<SnapshotMirrorOptions> = {}) {
  const directory = options.directory ?? temporaryDirectory()
  const errors: unknown[] = []
  const mirror = await mirrorSnapshots({
    url,
    directory,
    model: 'sum',
    pollMs: 20,
    onError: (error) => errors.push(error),
    ...options,
  })
  onTestFinished(() => mirror.stop())
  return { directory, errors, stop: () => mirror.stop() }
}

test('a snapshot is fetched over HTTPS, verified and followed, forward and back', async () => {
  const { directory, url } = await publishing({
    auth: tokens,
    tls: { key: pem('server.key'), cert: pem('server.pem') },
  })
  const ca = pem('authority.pem')
  await expect(mirroring(url, { ca })).rejects.toThrow(/401/)
  await expect(mirroring(url, { token: tokenOf.reader })).rejects.toThrow(SnapshotFetchError)
  const mirror = await mirroring(url, { ca, token: tokenOf.reader })
  const files = (of: string, snapshot: number) => {
    const own = snapshotDirectory(of, snapshot)
    return Object.fromEntries(readdirSync(own).map((name) => [name, readFileSync(join(own, name), 'base64')]))
  }
  expect(files(mirror.directory, 1)).toEqual(files(directory, 1))

  await publishRandom(directory, 2)
  await promoteSnapshot(directory, 1, true).catch(() => {})
  await promoteSnapshot(directory, 2, true)
  await until('the new one is served', async () => (await servedSnapshot(mirror.directory)) === 2)
  expect(files(mirror.directory, 2)).toEqual(files(directory, 2))
  await rollbackSnapshot(directory)
  await until('the old one is served again', async () => (await servedSnapshot(mirror.directory)) === 1)
  expect(mirror.errors).toEqual([])
})

test('what does not fit its checksum is refused, over HTTPS too, and the one before goes on', async () => {
  const { directory, url } = await publishing({
    auth: tokens,
    tls: { key: pem('server.key'), cert: pem('server.pem') },
  })
  const access = { ca: pem('authority.pem'), token: tokenOf.reader }
  await promoteSnapshot(directory, 1, true).catch(() => {})
  const mirror = await mirroring(url, access)
  await mirror.stop()
  const weights = join(await publishRandom(directory, 2), 'weights.safetensors')
  const whole = readFileSync(weights)
  await promoteSnapshot(directory, 2, true).catch(() => {})
  const damaged = Uint8Array.from(whole)
  damaged[damaged.length - 9] ^= 1
  writeFileSync(weights, damaged)
  rmSync(mirror.directory, { recursive: true })
  await expect(mirroring(url, { ...access, directory: mirror.directory })).rejects.toThrow(/not what its checksum says/)
  expect(existsSync(snapshotDirectory(mirror.directory, 2))).toBe(false)

  // Once it is whole again, it is fetched.
  writeFileSync(weights, whole)
  const again = await mirroring(url, { ...access, directory: mirror.directory })
  expect(await servedSnapshot(again.directory)).toBe(2)
  writeFileSync(join(await publishRandom(directory, 3), 'weights.safetensors'), damaged)
  writeFileSync(
    join(directory, 'current.json'),
    JSON.stringify({ format: 1, served: [{ snapshot: 3, sinceMs: 1, by: 'gate' }] }),
  )
  await until('it is told of', async () => again.errors.length > 0)
  expect(again.errors[0]).toBeInstanceOf(SnapshotFetchError)
  expect(await servedSnapshot(again.directory)).toBe(2)
})

test('a transfer that breaks off is gone on with where it ended', async () => {
  const { url } = await publishing()
  const ranges: (string | undefined)[] = []
  let breaks = 1
  // Stands between, and hangs up in the middle of the weights.
  const between: RequestListener = async (request, response) => {
    const { range } = request.headers
    const answer = await fetch(url + request.url, { headers: range === undefined ? {} : { range } })
    const body = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status, { 'content-length': body.length, etag: answer.headers.get('etag') ?? '' })
    if (body.length > 5_000) {
      ranges.push(range)
      if (breaks-- > 0) {
        response.write(body.subarray(0, 3_000), () => setTimeout(() => response.destroy(), 50))
        return
      }
    }
    response.end(body)
  }
  const server = createServer(between)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const through = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const directory = temporaryDirectory()
  await expect(mirroring(through, { directory })).rejects.toThrow(/broke off/)
  expect(await servedSnapshot(directory)).toBeNull()
  await mirroring(through, { directory })
  expect(ranges).toEqual([undefined, 'bytes=3000-'])
  expect((await readSnapshot(snapshotDirectory(directory, 1))).manifest.snapshot).toBe(1)
  expect(readdirSync(directory).filter((name) => name.startsWith('.fetching'))).toEqual([])
})

test('a user who is forgotten at the publisher makes no other snapshot of what was fetched', async () => {
  const directory = temporaryDirectory()
  const own = await publishRandom(directory, 1, { panel: randomRows(2, 1), panelUsers: ['ann', 'bob'] })
  const { url } = await publishing({ directory })
  const mirror = await mirroring(url)
  expect(await forgetInPanel(own, 'ann')).toBe(1)
  // With what has changed it is asked anew, as after a start.
  await mirror.stop()
  const again = await mirroring(url, { directory: mirror.directory })
  expect([...mirror.errors, ...again.errors]).toEqual([])
  expect(await servedSnapshot(again.directory)).toBe(1)
})

test('two publishers of one model are told apart', async () => {
  const one = await publishing()
  const other = await publishing()
  const mirror = await mirroring(one.url)
  const confused = await mirroring(other.url, { directory: mirror.directory })
  expect(confused.errors[0]).toBeInstanceOf(PublisherConflictError)
  // A copy of the whole directory is the same publisher.
  const copy = temporaryDirectory()
  cpSync(one.directory, copy, { recursive: true })
  const moved = await publishing({ directory: copy })
  expect((await mirroring(moved.url, { directory: mirror.directory })).errors).toEqual([])
})

test('what is no publisher is refused', async () => {
  const answers = [
    '{',
    '{"format":2}',
    `{"format":1,"publisher":"p","snapshot":1,"by":"gate","files":[{"name":"../x","sha256":"${'0'.repeat(64)}","sizeBytes":1}]}`,
  ]
  for (const [i, text] of answers.entries()) {
    const server = createServer((_, response) => response.end(text))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await expect(mirroring(url)).rejects.toThrow([/no JSON/, /format 2/, /files\/0\/name must match/][i])
    server.close()
  }
  await expect(mirroring('http://127.0.0.1:1')).rejects.toThrow(/does not answer/)
})

test('files of a tower that was made elsewhere come along', async () => {
  const { directory, url } = await publishing()
  const { schema } = await readSnapshot(snapshotDirectory(directory, 1))
  const external = { model: 'tower.onnx', embeddings: { count: 1, width: 4 }, map: {}, opset: 17, producer: '' }
  const about = { snapshot: 2, frame: 1, dataCutoffMs: 0, trainedRows: 0, config: {} }
  const tower = new Map([
    ['tower.onnx', Uint8Array.of(1, 2)],
    ['model.onnx_data-1', Uint8Array.of(3)],
  ])
  await publishSnapshot(directory, schema, [], { ...about, external: { ...external, vocabularies: {} } }, { tower })
  const mirror = await mirroring(url)
  for (const [name, bytes] of tower)
    expect(new Uint8Array(readFileSync(join(snapshotDirectory(mirror.directory, 2), 'tower', name)))).toEqual(bytes)
  expect((await readSnapshot(snapshotDirectory(mirror.directory, 2))).manifest.external?.model).toBe('tower.onnx')
})
