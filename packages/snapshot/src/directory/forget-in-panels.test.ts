import { execFileSync } from 'node:child_process'
import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { randomBatch, temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { panelUserHash } from '../contents/panel-file.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { forgetInPanel, snapshotsWith } from './forget-in-panels.ts'
import { publishSnapshot } from './publish-snapshot.ts'
import { readManifest, readSnapshot, snapshotDigest } from './read-snapshot.ts'

const matrices = [{ name: 'weight', rows: 1, cols: 2, data: Float32Array.of(1, 2) }]
const { user: layout } = compileFeatures(snapshotSchema)

/** A snapshot whose panel has a row of each user. */
async function publish(model: string, snapshot: number, users: readonly string[] | null) {
  const about = { snapshot, frame: 1, dataCutoffMs: 0, trainedRows: 0, config: {} }
  if (users === null) return publishSnapshot(model, snapshotSchema, matrices, about)
  const panel = randomBatch(layout, users.length, seededRandom(snapshot))
  const panelUsers = Uint32Array.from(users.flatMap(panelUserHash))
  return publishSnapshot(model, snapshotSchema, matrices, about, { panel, panelUsers })
}

const panelOf = async (directory: string) => (await readSnapshot(directory)).panel
const isWhole = (directory: string) => execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: directory })

it('takes the rows of a user out of the panels that have some, and leaves all else as it is', async () => {
  const model = temporaryDirectory()
  const first = await publish(model, 1, ['ann', 'bob', 'eve'])
  const second = await publish(model, 2, ['eve', 'dan'])
  const without = await publish(model, 3, null)
  const before = (await panelOf(first))!
  const manifest = await readManifest(first)
  const digest = await snapshotDigest(first)
  expect(await snapshotsWith(model, 'nobody')).toEqual([])
  expect(await snapshotsWith(model, 'bob')).toEqual([first])
  expect(await snapshotsWith(model, 'eve')).toEqual([first, second])
  const kept = readFileSync(join(second, 'SHA256SUMS'), 'utf8')
  expect(await forgetInPanel(first, 'bob')).toBe(1)
  expect(await forgetInPanel(first, 'bob')).toBe(0)
  expect(await snapshotsWith(model, 'bob')).toEqual([])
  const after = (await panelOf(first))!
  expect(after.rows).toBe(2)
  // Rows 0 and 2 of what was there.
  const rowsOf = (data: Float32Array | Uint32Array, rows: number) => {
    const cols = data.length / rows
    return Array.from({ length: rows }, (_, row) => [...data.subarray(row * cols, (row + 1) * cols)])
  }
  const arrays = ({ dense, bags, sequence }: typeof before) => [
    dense,
    ...bags.flatMap(({ ids, lengths }) => [ids, lengths]),
    ...(sequence === null ? [] : [sequence.ids, sequence.channels, sequence.lengths]),
  ]
  for (const [i, array] of arrays(after).entries()) {
    const [a, , c] = rowsOf(arrays(before)[i], 3)
    expect(rowsOf(array, 2)).toEqual([a, c])
  }
  expect(await readManifest(first)).toEqual(manifest)
  // It is the same snapshot still, and no other one.
  expect(await snapshotDigest(first)).toBe(digest)
  expect(new Set(await Promise.all([first, second, without].map(snapshotDigest))).size).toBe(3)
  expect(readFileSync(join(second, 'SHA256SUMS'), 'utf8')).toBe(kept)
  for (const directory of [first, second, without]) isWhole(directory)
})

it('leaves a snapshot without panel where the last user goes', async () => {
  const model = temporaryDirectory()
  const directory = await publish(model, 1, ['ann'])
  expect(await forgetInPanel(directory, 'ann')).toBe(1)
  expect(await panelOf(directory)).toBeNull()
  expect(await snapshotsWith(model, 'ann')).toEqual([])
  isWhole(directory)
})

it('a damaged panel keeps no user in those of other snapshots', async () => {
  const model = temporaryDirectory()
  const [cut, empty, whole] = [
    await publish(model, 1, ['ann']),
    await publish(model, 2, ['ann']),
    await publish(model, 3, ['ann']),
  ]
  truncateSync(join(cut, 'panel.safetensors'), 20)
  truncateSync(join(empty, 'panel.safetensors'), 0)
  expect(await snapshotsWith(model, 'ann')).toEqual([whole])
})

it('readers meanwhile find a whole snapshot, with the panel or without', async () => {
  const users = Array.from({ length: 40 }, (_, i) => `user ${i}`)
  const directory = await publish(temporaryDirectory(), 1, users)
  let isDone = false
  const reading = (async () => {
    let reads = 0
    for (; !isDone; reads++) expect((await panelOf(directory))?.rows ?? 1).toBeGreaterThan(0)
    return reads
  })()
  for (const user of users.slice(1)) expect(await forgetInPanel(directory, user)).toBe(1)
  isDone = true
  expect(await reading).toBeGreaterThan(0)
  expect((await panelOf(directory))?.rows).toBe(1)
})
