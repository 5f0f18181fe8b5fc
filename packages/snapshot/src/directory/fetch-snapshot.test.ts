import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { randomBatch, temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ItemVectors } from '../contents/item-vectors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { oneHead } from '../testing/one-head.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { decodeSnapshot } from './decode-snapshot.ts'
import { readSnapshot as fetchSnapshot } from './fetch-snapshot.ts'
import { publishSnapshot } from './publish-snapshot.ts'
import { readSnapshot } from './read-snapshot.ts'

const model = temporaryDirectory()
const asked: string[] = []
let server: Server
let url: string
beforeAll(async () => {
  server = createServer(({ url: path = '' }, answer) => {
    asked.push(path)
    try {
      answer.end(readFileSync(join(model, path)))
    } catch {
      answer.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

const publish = (snapshot: number) => {
  const about = { snapshot, frame: 1, dataCutoffMs: 1, trainedRows: 1, config: { user: {} } }
  const matrices = [{ name: 'weight', rows: 2, cols: 3, data: Float32Array.of(1, 2, 3, 4, 5, 6) }]
  const alignment = { dim: 2, weight: Float32Array.of(0, 1, -1, 0), bias: Float32Array.of(0.5, -0.25) }
  const panel = randomBatch(compileFeatures(snapshotSchema).user, 3, seededRandom(1))
  const items = new ItemVectors(oneHead, Float32Array.of(1, 2, 3, 4))
  return publishSnapshot(model, snapshotSchema, matrices, about, { alignment, items, panel })
}

it('gives what Node reads from the directory, and never asks for the panel', async () => {
  const directory = await publish(1)
  const place = `${url}/snapshot-000001`
  expect(await fetchSnapshot(`${place}/`)).toEqual({
    ...(await readSnapshot(directory)),
    directory: place,
    panel: null,
  })
  expect(asked).toHaveLength(6)
  expect(asked.join()).not.toContain('panel')
})

it('refuses other bytes than the checksums say, and what is not there', async () => {
  const file = join(await publish(2), 'weights.safetensors')
  const bytes = readFileSync(file)
  bytes[bytes.length - 1] ^= 1
  writeFileSync(file, bytes)
  await expect(fetchSnapshot(`${url}/snapshot-000002`)).rejects.toThrow(
    new SnapshotError(
      `${url}/snapshot-000002: the checksum of weights.safetensors does not match. Copy the snapshot there again.`,
    ),
  )
  await expect(fetchSnapshot(`${url}/none`)).rejects.toThrow(/manifest.json is answered 404/)
})

it('is made of bytes that are there, whole and as the checksums say', async () => {
  const directory = await publish(3)
  const files = Object.fromEntries(
    readdirSync(directory).map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))]),
  )
  const asItWas = { ...(await readSnapshot(directory)), directory: 'bundled', panel: null }
  expect(await decodeSnapshot(files, 'bundled')).toEqual(asItWas)
  const { 'schema.json': schema, ...others } = files
  await expect(decodeSnapshot(others, 'bundled')).rejects.toThrow(
    /bundled is no whole snapshot: schema.json is missing/,
  )
  const longer = new Uint8Array([...schema, 32])
  await expect(decodeSnapshot({ ...others, 'schema.json': longer })).rejects.toThrow(
    'the given snapshot: the checksum of schema.json does not match',
  )
})
