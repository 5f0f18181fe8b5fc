import { execFileSync } from 'node:child_process'
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { randomBatch, temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { type ExternalTower, parseManifest } from '../contents/manifest.ts'
import { panelUserHash } from '../contents/panel-file.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { servedSnapshot } from '../served/served.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { decodeSnapshot } from './decode-snapshot.ts'
import { forgetInPanel } from './forget-in-panels.ts'
import { publishSnapshot } from './publish-snapshot.ts'
import { readPanel, readSnapshot, snapshotDigest } from './read-snapshot.ts'

const external: ExternalTower = {
  ...{ model: 'tower.onnx', embeddings: { count: 2, width: 3 }, map: { version: 1 }, opset: 17, producer: 'a test' },
  vocabularies: { items: 'items.vocabulary.json' },
}
const about = { snapshot: 1, frame: 1, dataCutoffMs: 5, trainedRows: 0, config: {} }
const panel = randomBatch(compileFeatures(snapshotSchema).user, 2, seededRandom(4))
const users = Uint32Array.from(['ann', 'bea'].flatMap(panelUserHash))

let [model, directory] = ['', '']
beforeAll(async () => {
  model = temporaryDirectory()
  const data = join(model, 'weights')
  writeFileSync(data, 'large')
  const tower = new Map<string, Uint8Array | { readonly path: string }>([
    ['tower.onnx', Uint8Array.of(1, 2, 3)],
    ['model.onnx_data-1', { path: data }],
    ['items.vocabulary.json', new TextEncoder().encode('["a"]')],
  ])
  directory = await publishSnapshot(
    model,
    snapshotSchema,
    [],
    { ...about, external },
    { panel, panelUsers: users, tower },
  )
})

test('files of a tower that was made elsewhere lie in a folder of the snapshot, each with its checksum', async () => {
  expect(readdirSync(join(directory, 'tower')).sort()).toEqual([
    'items.vocabulary.json',
    'model.onnx_data-1',
    'tower.onnx',
  ])
  expect(readFileSync(join(directory, 'tower/model.onnx_data-1'), 'utf8')).toBe('large')
  const { manifest, matrices } = await readSnapshot(directory)
  expect(manifest.external).toEqual(external)
  expect(matrices.size).toBe(0)
  if (process.platform === 'linux')
    expect(execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: directory, encoding: 'utf8' })).toMatch(
      /^(.*: OK\n){6}$/,
    )
})

test.each(['tower.onnx', 'model.onnx_data-1', 'items.vocabulary.json'])('a change in %s is found', async (name) => {
  const copy = join(temporaryDirectory(), 'copy')
  cpSync(directory, copy, { recursive: true })
  const path = join(copy, 'tower', name)
  appendFileSync(path, 'x')
  await expect(readSnapshot(copy)).rejects.toThrow(`the checksum of tower/${name} does not match`)
  rmSync(path)
  await expect(readSnapshot(copy)).rejects.toThrow(`tower/${name} cannot be read`)
})

test('a user leaves the panel, and what else there is stays', async () => {
  const digest = await snapshotDigest(directory)
  expect(await forgetInPanel(directory, 'ann')).toBe(1)
  const left = (await readPanel(await readSnapshot(directory)))!
  expect([left.rows.rows, left.users]).toEqual([1, Uint32Array.from(panelUserHash('bea'))])
  expect(await snapshotDigest(directory)).toBe(digest)
  expect(await servedSnapshot(model)).toBe(1)
})

test('a page is told that it cannot run it', async () => {
  const names = ['manifest.json', 'SHA256SUMS']
  const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))]))
  await expect(decodeSnapshot(files)).rejects.toThrow(/made elsewhere/)
})

test.each([
  [{ model: '../tower.onnx' }],
  [{ embeddings: { count: 0, width: 3 } }],
  [{ map: 'none' }],
  [{ vocabularies: { items: 'a/b' } }],
])('a manifest with %j is refused', async (wrong) => {
  const { manifest } = await readSnapshot(directory)
  expect(() => parseManifest({ ...manifest, external: { ...external, ...wrong } }, 'here')).toThrow(SnapshotError)
})
