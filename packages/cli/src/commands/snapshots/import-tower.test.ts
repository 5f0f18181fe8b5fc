/** `headwater snapshots import` as a user calls it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { smallTower, turned } from '@headwater/external/testing/small-tower'
import { temporaryDirectory } from '@headwater/testkit'
import { beforeAll, expect, test } from 'vitest'
import { headwaterIn } from '../../testing/headwater.ts'
import { writeShopLog, writeShopTower } from '../../testing/shop-log.ts'

const home = temporaryDirectory()
const first = smallTower(1)
const snapshots = (...args: string[]) => headwaterIn(home, 'snapshots', ...args)
const importing = (folder: string, ...args: string[]) =>
  snapshots('import', `${folder}/tower.onnx`, '--map', `${folder}/map.json`, '--schema', 'schema.json', ...args)

beforeAll(() => {
  writeShopLog(home)
  writeShopTower(home, 'first', first)
  writeShopTower(home, 'turned', turned(first))
  writeShopTower(home, 'open', first, { inputs: { ages: null } })
})

test('a map is proposed, and says what is left to be filled in', async () => {
  const args = ['--schema', 'schema.json', '--propose', '--map', 'proposed.json']
  const { code, stdout } = await snapshots('import', 'first/tower.onnx', ...args)
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /a first map of 6 inputs\. .*\nTo be filled in: mean\.\nIt names vocabularies .*items\.json\.\n$/,
  )
  const map = JSON.parse(readFileSync(join(home, 'proposed.json'), 'utf8'))
  expect(map.inputs.mean).toBeNull()
  expect(await snapshots('import', 'first/tower.onnx', ...args)).toMatchObject({ code: 1, stdout: '' })
})

test('a tower is imported, judged on a log, listed and shown; the next is lined up with it', async () => {
  const { code, stdout } = await importing('first', '--to', 'model', '--data', 'shop.csv')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^tower\.onnx is snapshot 1, frame 1, published\n/)
  expect(stdout).toMatch(/\nWritten: .*snapshot-000001\n$/)
  expect(stdout).toContain('Input items: 100.0 % of keys known')
  expect(stdout).toMatch(/Task bought: NE [01]\.\d{4}, that of the served one –/)
  expect((await importing('turned', '--to', 'model', '--trained-until', '2023-12-01')).stdout).toMatch(
    /snapshot 2, frame 1, published.*\n.*\nPanel of 60 users: residual 0\.0000\n/,
  )
  const shown = (await snapshots('show', 'model', '2')).stdout
  expect(shown).toMatch(/^Trained {4}elsewhere; depends on none after 2023-12-01/m)
  expect(shown).toMatch(
    /^Model {6}tower\.onnx, by a test, opset 17\nGives {6}2 × 2 numbers a user\nInputs {5}known: columns$/m,
  )
  expect((await snapshots('list', 'model')).stdout).toMatch(/→ +2 +1 /)
  const diff = await snapshots('diff', 'model', '1', '2', '--json', 'diff.json')
  expect(diff.stdout).toMatch(/^Panel {6}60 users: residual 0\.0000/m)
})

test.each([
  [['open', '--to', 'refused'], /input "ages": is not mapped yet/],
  [['first'], /--to/],
])('%j is refused, and leaves nothing', async (args, message) => {
  const { code, stdout, stderr } = await importing(...(args as [string, ...string[]]))
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(message)
  expect(existsSync(join(home, 'refused'))).toBe(false)
})

test('where a tower of ours is needed, one that was made elsewhere is refused with the reason', async () => {
  const { code, stderr } = await headwaterIn(home, 'export', 'model', '--onnx', 'exported.onnx')
  expect(code).toBe(1)
  expect(stderr).toMatch(/external: the tower was made elsewhere/)
})
