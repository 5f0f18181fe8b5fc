import { spawnSync } from 'node:child_process'
import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeEach, expect, it } from 'vitest'
import { snapshotDirectory } from '../directory/list-snapshots.ts'
import { publishSnapshot } from '../directory/publish-snapshot.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import {
  promoteSnapshot,
  readServedSnapshot,
  rollbackSnapshot,
  ServedSnapshotError,
  servedHistory,
  servedSnapshot,
  serveSnapshot,
} from './served.ts'

const matrices = [{ name: 'weight', rows: 1, cols: 2, data: Float32Array.of(1, 2) }]
const numbers = async (model: string) => (await servedHistory(model)).map(({ snapshot }) => snapshot)

let model: string

async function publishInto(snapshot: number, status: 'published' | 'held' = 'published'): Promise<string> {
  const reasons = status === 'held' ? ['The vectors moved too far.'] : []
  return publishSnapshot(model, snapshotSchema, matrices, {
    snapshot,
    frame: 1,
    dataCutoffMs: 0,
    trainedRows: 0,
    config: {},
    verdict: { status, reasons, notes: [] },
  })
}

beforeEach(async () => {
  model = temporaryDirectory()
  for (const snapshot of [1, 2, 3]) await publishInto(snapshot)
  await publishInto(4, 'held')
})

it('without a pointer the newest snapshot that is not held is served', async () => {
  expect(await servedSnapshot(model)).toBe(3)
  expect((await readServedSnapshot(model)).manifest.snapshot).toBe(3)
  const empty = temporaryDirectory()
  expect(await servedSnapshot(empty)).toBeNull()
  expect(await servedSnapshot(join(empty, 'nowhere'))).toBeNull()
  await expect(readServedSnapshot(empty)).rejects.toThrow(ServedSnapshotError)
})

it('serves what is chosen and goes back step by step, or to a number', async () => {
  expect(await numbers(model)).toEqual([1, 2, 3])
  await serveSnapshot(model, 3, 'gate')
  expect(await numbers(model)).toEqual([1, 2, 3])
  expect(await rollbackSnapshot(model)).toBe(2)
  expect((await readServedSnapshot(model)).manifest.snapshot).toBe(2)
  await serveSnapshot(model, 3, 'gate')
  await promoteSnapshot(model, 1, false)
  expect(await servedHistory(model)).toMatchObject([
    { snapshot: 1, by: 'gate' },
    { snapshot: 2, by: 'gate' },
    { snapshot: 3, by: 'gate' },
    { snapshot: 1, by: 'promote' },
  ])
  expect(await rollbackSnapshot(model, 2)).toBe(2)
  expect(await rollbackSnapshot(model)).toBe(1)
  await expect(rollbackSnapshot(model)).rejects.toThrow('nothing was served before')
  await expect(rollbackSnapshot(model, 3)).rejects.toThrow('Snapshot 3 was not served before')
  expect(await numbers(model)).toEqual([1])
})

it('serves a held snapshot when forced only, and names its reasons', async () => {
  await expect(promoteSnapshot(model, 4, false)).rejects.toThrow(ServedSnapshotError)
  await expect(promoteSnapshot(model, 4, false)).rejects.toThrow(/held: The vectors moved too far\. .*--force/)
  expect(await servedSnapshot(model)).toBe(3)
  await promoteSnapshot(model, 4, true)
  expect(await numbers(model)).toEqual([1, 2, 3, 4])
  await expect(promoteSnapshot(model, 4, true)).rejects.toThrow('served already')
  expect(await rollbackSnapshot(model)).toBe(3)
})

it('does not serve what is damaged or not there, and what was served still is', async () => {
  await serveSnapshot(model, 1, 'gate')
  appendFileSync(join(snapshotDirectory(model, 2), 'weights.safetensors'), 'x')
  await expect(promoteSnapshot(model, 2, true)).rejects.toThrow(SnapshotError)
  await expect(promoteSnapshot(model, 9, true)).rejects.toThrow('has no snapshot 9; its 4 are numbered 1 to 4')
  await expect(promoteSnapshot(temporaryDirectory(), 1, true)).rejects.toThrow('has no snapshots')
  expect(await numbers(model)).toEqual([1, 2, 3, 1])

  await serveSnapshot(model, 3, 'gate')
  rmSync(snapshotDirectory(model, 3), { recursive: true })
  await expect(readServedSnapshot(model)).rejects.toThrow(/snapshot-000003 is no whole snapshot.*snapshots rollback/)
  expect(await rollbackSnapshot(model)).toBe(1)
})

it('says what to do about a pointer that is damaged or newer', async () => {
  const path = join(model, 'current.json')
  for (const text of ['', '{', 'null', '{"format":1,"served":[]}', '{"format":1,"served":[{"snapshot":"1"}]}']) {
    writeFileSync(path, text)
    await expect(servedSnapshot(model), text).rejects.toThrow(SnapshotError)
    await expect(servedSnapshot(model), text).rejects.toThrow('is damaged. Remove it')
  }
  writeFileSync(path, '{"format":2}')
  await expect(servedSnapshot(model)).rejects.toThrow('has format 2, this version reads 1')
})

it('forgets what was served more than a thousand changes ago', async () => {
  const served = Array.from({ length: 1000 }, (_, i) => ({ snapshot: 1 + (i % 2), sinceMs: i, by: 'gate' }))
  writeFileSync(join(model, 'current.json'), JSON.stringify({ format: 1, served }))
  await serveSnapshot(model, 3, 'gate')
  const history = await servedHistory(model)
  expect(history).toHaveLength(1000)
  expect([history[0].sinceMs, history[999].snapshot]).toEqual([1, 3])
})

it('leaves no half-written pointer, nor that of a killed process', async () => {
  const { pid: dead } = spawnSync(process.execPath, ['--version'])
  writeFileSync(join(model, `current.json.${dead}.partial`), '{')
  await serveSnapshot(model, 3, 'gate')
  expect(readdirSync(model).filter((name) => !name.startsWith('snapshot-'))).toEqual(['current.json'])
})
