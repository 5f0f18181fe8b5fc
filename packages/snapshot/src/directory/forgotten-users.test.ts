import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { randomBatch, temporaryDirectory } from '@headwater/testkit'
import { expect, it, onTestFinished, vi } from 'vitest'
import { forgottenUsers, noteForgotten } from '../contents/forgotten-users.ts'
import { panelUserHash, panelUserText } from '../contents/panel-file.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { snapshotSchema } from '../testing/snapshot-schema.ts'
import { panelsUnderWay, snapshotsWith } from './forget-in-panels.ts'
import { publishSnapshot } from './publish-snapshot.ts'
import { readSnapshot } from './read-snapshot.ts'

const matrices = [{ name: 'weight', rows: 1, cols: 2, data: Float32Array.of(1, 2) }]
const { user: layout } = compileFeatures(snapshotSchema)
const day = 86_400_000

const textOf = (user: string) => panelUserText(panelUserHash(user))

/** A snapshot whose panel is to have a row of each user. */
async function publish(model: string, snapshot: number, users: readonly string[]) {
  const about = { snapshot, frame: 1, dataCutoffMs: 0, trainedRows: 0, config: {} }
  const panel = randomBatch(layout, users.length, seededRandom(1))
  const panelUsers = Uint32Array.from(users.flatMap(panelUserHash))
  const directory = await publishSnapshot(model, snapshotSchema, matrices, about, { panel, panelUsers })
  execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: directory })
  return directory
}

it('who was forgotten is left out of the panels of later snapshots, which have the rows of all others', async () => {
  const model = temporaryDirectory()
  const users = ['ann', 'bob', 'eve']
  const before = await publish(model, 1, users)
  await noteForgotten(model, 'bob', Date.now())
  const after = await publish(model, 2, users)
  expect(await snapshotsWith(model, 'bob')).toEqual([before])
  for (const user of ['ann', 'eve']) expect(await snapshotsWith(model, user)).toEqual([before, after])
  const denseOf = async (directory: string) => (await readSnapshot(directory)).panel!.dense
  const [dense, left] = [await denseOf(before), await denseOf(after)]
  const cols = layout.dense.length
  expect([...left]).toEqual([...dense.subarray(0, cols), ...dense.subarray(2 * cols)])
  for (const user of ['ann', 'eve']) await noteForgotten(model, user, Date.now())
  expect((await readSnapshot(await publish(model, 3, users))).panel).toBeNull()
})

it('who is forgotten before the name of the panel is on the disk is left out; later ones find the name', async () => {
  const model = temporaryDirectory()
  const handle = await open(model)
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const { sync } = prototype
  let found: readonly string[] = []
  const spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    const about = await this.stat()
    if (about.isFile() && about.size === 0) {
      await noteForgotten(model, 'bob', Date.now())
      found = await panelsUnderWay(model)
    }
    await sync.call(this)
  })
  onTestFinished(() => spy.mockRestore())
  const directory = await publish(model, 1, ['ann', 'bob'])
  expect(found).toEqual([join(model, `.publishing-1-${process.pid}`, 'panel.safetensors')])
  expect(await panelsUnderWay(model)).toEqual([])
  expect(await snapshotsWith(model, 'bob')).toEqual([])
  expect(await snapshotsWith(model, 'ann')).toEqual([directory])
})

it('the list has a hash of each user once, for 90 days, and no key', async () => {
  const model = temporaryDirectory()
  expect(await forgottenUsers(model)).toEqual(new Set())
  const nowMs = Date.now()
  await noteForgotten(model, 'old-user', nowMs - 91 * day)
  await noteForgotten(model, 'twice-user', nowMs - 91 * day)
  for (const days of [89, 88]) await noteForgotten(model, 'young-user', nowMs - days * day)
  // A time that is yet to come takes nobody off the list.
  await noteForgotten(model, 'twice-user', nowMs + 1_000 * day)
  expect(await forgottenUsers(model)).toEqual(new Set(['young-user', 'twice-user'].map(textOf)))
  expect(textOf('a')).toMatch(/^[0-9a-f]{16}$/)
  const [name, ...others] = readdirSync(model)
  expect(others).toEqual([])
  const text = readFileSync(join(model, name), 'utf8')
  expect(text).not.toContain('-user')
  expect(JSON.parse(text).users).toHaveLength(2)
})

it.each([
  ['{"format":1,"users":[{"user":"ann","atMs":1}]}', /is damaged\. Remove it/],
  ['{"format":1,"users":', /is damaged/],
  ['null', /is damaged/],
  ['{"format":2,"users":[]}', /has format 2, this version reads 1/],
])('a list that reads %s is refused, and nothing is published meanwhile', async (text, message) => {
  const model = temporaryDirectory()
  writeFileSync(join(model, 'forgotten.json'), text)
  await expect(forgottenUsers(model)).rejects.toThrow(message)
  await expect(publish(model, 1, ['ann'])).rejects.toThrow(SnapshotError)
  expect(readdirSync(model)).toEqual(['forgotten.json'])
})
