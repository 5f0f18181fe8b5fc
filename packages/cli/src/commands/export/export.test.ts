/** `headwater export` as a user calls it, on a model of two snapshots of which the first is served. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { exportMixTower, exportUserTower, modelPorts } from '@headwater/onnx'
import { declareTower, presets } from '@headwater/runtime'
import { promoteSnapshot, publishSnapshot, readSnapshot, snapshotDirectory } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { Child, launcher } from '../../testing/child.ts'
import { clickSchema } from '../../testing/click-log.ts'
import { headwaterIn } from '../../testing/headwater.ts'

const home = temporaryDirectory()
const model = join(home, 'model')
const config = presets.small

beforeAll(async () => {
  const random = seededRandom(1)
  const { user, item } = compileFeatures(clickSchema)
  const { set } = declareTower(user, item, 1, config)
  for (const snapshot of [1, 2]) {
    const matrices = set.entries().map(({ name, rows, cols }) => ({
      name,
      rows,
      cols,
      data: Float32Array.from({ length: rows * cols }, () => random.nextNormal()),
    }))
    await publishSnapshot(model, clickSchema, matrices, { snapshot, frame: 1, dataCutoffMs: 0, trainedRows: 0, config })
  }
  await promoteSnapshot(model, 1, false)
})

async function succeeds(...args: string[]): Promise<string> {
  const child = new Child(launcher, ['export', ...args], home)
  const code = await child.exited
  expect({ code, stderr: child.stderr }).toEqual({ code: 0, stderr: '' })
  return child.stdout
}

test("a model's directory: both towers of the snapshot that is served, side by side", async () => {
  writeFileSync(join(home, 'user.onnx'), 'an older export')
  const stdout = await succeeds('model', '--onnx', 'user.onnx', '--json', 'out.json')
  const snapshot = await readSnapshot(snapshotDirectory(model, 1))
  const [user, mix] = [exportUserTower(snapshot), exportMixTower(snapshot)]
  expect(Buffer.from(user).equals(readFileSync(join(home, 'user.onnx')))).toBe(true)
  expect(Buffer.from(mix).equals(readFileSync(join(home, 'user-mix.onnx')))).toBe(true)
  expect(JSON.parse(readFileSync(join(home, 'out.json'), 'utf8'))).toEqual({
    snapshot: 1,
    directory: snapshot.directory,
    user: { file: join(home, 'user.onnx'), sizeBytes: user.length, ...modelPorts(user) },
    mix: { file: join(home, 'user-mix.onnx'), sizeBytes: mix.length, ...modelPorts(mix) },
  })
  expect(stdout).toMatch(
    /^Snapshot 1\n\nUser tower {2}.*user\.onnx, [\d,]+ bytes\n {2}input {3}dense +float32 {2}\[R, \d+\]$/m,
  )
  expect(stdout).toMatch(/^ {2}output {2}embeddings {2}float32 {2}\[R, 64\]$/m)
  expect(stdout).toMatch(/^ {2}input {3}bag\.item\.ids +int32 {4}\[R, 1\]$/m)
  expect(stdout).toMatch(/^ {2}output {2}probabilities +float32 {2}\[R, 1\]\nWritten: .*\n$/m)
})

test("a snapshot's own directory, and a place for the mix tower", async () => {
  mkdirSync(join(home, 'elsewhere'))
  const stdout = await succeeds('model/snapshot-000002', '--onnx', 'two', '--mix', 'elsewhere/mix.onnx')
  expect(stdout).toMatch(/^Snapshot 2\n/)
  const snapshot = await readSnapshot(snapshotDirectory(model, 2))
  expect(Buffer.from(exportUserTower(snapshot)).equals(readFileSync(join(home, 'two')))).toBe(true)
  expect(statSync(join(home, 'elsewhere/mix.onnx')).size).toBe(exportMixTower(snapshot).length)
  expect(existsSync(join(home, 'two-mix'))).toBe(false)
})

test.each([
  [['nowhere', '--onnx', 'a.onnx'], 1, /nowhere has no snapshot that is served/],
  [['model', '--onnx', 'nowhere/a.onnx'], 1, /--onnx: there is no directory .*nowhere; make it first\./],
  [['model', '--onnx', 'a.onnx', '--mix', 'model'], 1, /--mix: .*model is a directory; name a file\./],
  [['model', '--onnx', 'a.onnx', '--mix', 'a.onnx'], 1, /two of them name one file/],
  [['model', '--onnx', 'a.onnx', '--json', 'a-mix.onnx'], 1, /two of them name one file/],
  [['model'], 2, /required option '--onnx <file>' not specified/],
])('%j is told, and nothing is written', async (args, expected, message) => {
  const before = readdirSync(home, { recursive: true })
  const { code, stdout, stderr } = await headwaterIn(home, 'export', ...args)
  expect({ code, stdout }).toEqual({ code: expected, stdout: '' })
  expect(stderr).toMatch(message)
  expect(readdirSync(home, { recursive: true })).toEqual(before)
})
