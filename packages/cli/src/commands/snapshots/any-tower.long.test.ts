/**
 * A tower that was made elsewhere through all of its life: imported by command, judged, served, refreshed by events, followed, shadowed,
 * killed, rolled back and computed for everybody; and what cannot be a tower. `npx nx run cli:test-any-tower`
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { shopItems, smallTower, turned } from '@headwater/external/testing/small-tower'
import { servedStatus } from '@headwater/pooling'
import { listSnapshots, readManifest, readSnapshot, servedSnapshot } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Child, worker } from '../../testing/child.ts'
import { headwaterIn } from '../../testing/headwater.ts'
import { descendantsOf } from '../../testing/processes.ts'
import { type Serving, startServing, untilServed } from '../../testing/serving.ts'
import { boughtOnce, writeShopLog, writeShopTower } from '../../testing/shop-log.ts'

const home = temporaryDirectory()
const model = join(home, 'model')
const first = smallTower(1)
/** Vectors are kept as fp16. */
const digits = 2

let serving: Serving | null = null
beforeAll(() => {
  writeShopLog(home)
  writeShopTower(home, 'first', first)
  writeShopTower(home, 'turned', turned(first))
  writeShopTower(home, 'other', smallTower(9))
})
afterEach(() => serving?.child.process.kill('SIGKILL'))

const importOf = (folder: string, ...more: string[]) => [
  ...['snapshots', 'import', `${folder}/tower.onnx`, '--map', `${folder}/map.json`, '--schema', 'schema.json', ...more],
]
const importing = (folder: string, ...more: string[]) =>
  new Child(worker, importOf(folder, '--to', 'model', ...more), home)

async function run(child: Child): Promise<string> {
  expect({ code: await child.exited, stderr: child.stderr }).toEqual({ code: 0, stderr: expect.any(String) })
  return child.stdout
}

const snapshots = (...args: string[]) => run(new Child(worker, ['snapshots', ...args], home))

/** A purchase of a new user, and the embedding that is served once it was refreshed. */
async function bought({ client }: Serving, user: string, age: number, item: number, snapshot: number) {
  const timeMs = Date.now()
  const fields = { age: [age], bought: [1] }
  await client.ingest({ users: [user], items: [`item-${item}`], timesMs: [timeMs], fields })
  return untilServed(client, user, timeMs, snapshot)
}

/** All snapshots are lined up with the first: a user's vector is what that one's formula gives. */
async function expectVector(serving: Serving, user: string, age: number, item: number, snapshot: number) {
  const { vectors, frame } = await bought(serving, user, age, item, snapshot)
  expect(frame[0]).toBe(1)
  for (const [i, value] of boughtOnce(first, age, item).entries()) expect(vectors[i]).toBeCloseTo(value, digits)
}

const encoderOf = ({ child }: Serving) =>
  descendantsOf(child.process.pid!).find(({ command }) => command.includes('encoder-main'))!.pid

/** A service that follows the directory has taken over. */
const swapped = ({ child }: Serving, now: number, before: number) =>
  until(() => child.stdout.includes(`Snapshot ${now} is served as "sum", in place of ${before}.`))

async function statusOf({ url }: Serving): Promise<string> {
  return ((await (await fetch(`${url}/readyz`)).json()) as { status: string }).status
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await wait(2)
}

/** What the console shows of it. */
async function expectConsole({ url }: Serving, snapshot: number): Promise<void> {
  const json = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${url}${path}`, init)
    return response.json() as Promise<Record<string, never>>
  }
  const headers = { 'content-type': 'application/json' }
  const { models, encoder } = await json('/console/data')
  expect({ models, encoder }).toMatchObject({
    models: [{ model: 'sum', dim: 4, snapshot, frame: 1, isManaged: true }],
    encoder: { state: 'ready', restarts: 2 },
  })
  expect(await json('/console/drift/sum')).toMatchObject({ model: 'sum', frame: 1, otherFrame: 0 })
  const body = JSON.stringify({ user: 'dan' })
  expect(await json('/console/user', { method: 'POST', headers, body })).toMatchObject({
    models: [{ model: 'sum', dim: 4, status: 'fresh', snapshot, frame: 1 }],
  })
  const listed = (await json('/v1/models/sum')).snapshots as { snapshot: number; state: string; drift: unknown }[]
  expect(listed.at(-1)).toMatchObject({ snapshot, state: 'served', drift: { residual: expect.any(Number) } })
}

const leftovers = () => readdirSync(model).filter((name) => name.startsWith('.publishing'))
/** By a process that runs: what others left is removed by the next. */
let seen: readonly string[] = []
const isPublishing = () => leftovers().some((name) => !seen.includes(name))

test('imports that are killed at any moment leave whole snapshots, and none in part', async () => {
  expect(await run(importing('first', '--data', 'shop.csv'))).toMatch(/snapshot 1, frame 1, published/)
  for (const atMs of [400, 1500, null, null, null]) {
    const child = importing('turned')
    if (atMs !== null) await wait(atMs)
    else await Promise.race([child.exited, until(isPublishing)])
    child.process.kill('SIGKILL')
    await child.exited
    seen = leftovers()
    for (const directory of await listSnapshots(model)) await readSnapshot(directory)
  }
  const before = (await listSnapshots(model)).length
  expect(await run(importing('turned'))).toMatch(/frame 1, published/)
  const after = await listSnapshots(model)
  expect(after).toHaveLength(before + 1)
  expect(leftovers()).toEqual([])
  for (const directory of after) expect((await readManifest(directory)).frame).toBe(1)
})

test('it is served, refreshed, followed, held, shadowed, promoted and rolled back; what dies or hangs costs no read', async () => {
  const start = (await servedSnapshot(model))!
  serving = await startServing(home, ['--model', 'model'], worker)
  await expectVector(serving, 'ann', 31, 3, start)

  // The encoder is killed: reads go on, it comes back by itself.
  process.kill(encoderOf(serving), 'SIGKILL')
  const { client } = serving
  expect((await client.read(['ann'], ['sum'])).models[0].snapshot[0]).toBe(start)
  await expectVector(serving, 'bea', 44, 7, start)

  // It hangs, as a model that never ends would: it is ended after its time, and meanwhile reads go on.
  process.kill(encoderOf(serving), 'SIGSTOP')
  const timeMs = Date.now()
  const fields = { age: [50], bought: [1] }
  await client.ingest({ users: ['cyd'], items: ['item-1'], timesMs: [timeMs], fields })
  await until(async () => (await statusOf(serving!)) === 'degraded')
  expect((await client.read(['ann'], ['sum'])).models[0].status[0]).not.toBe(2)
  const cyd = await untilServed(client, 'cyd', timeMs)
  for (const [i, value] of boughtOnce(first, 50, 1).entries()) expect(cyd.vectors[i]).toBeCloseTo(value, digits)

  // The next one takes over by itself.
  expect(await run(importing('first'))).toMatch(/frame 1, published/)
  const next = (await servedSnapshot(model))!
  expect(next).toBe(start + 1)
  await swapped(serving, next, start)
  await expectVector(serving, 'dan', 22, 9, next)
  await expectConsole(serving, next)

  // One that has nothing in common with it is held, and promoted by force alone.
  expect(await run(importing('other'))).toMatch(/held.*\n(?:.*\n)*Panel residual is /)
  const held = next + 1
  expect(await servedSnapshot(model)).toBe(next)
  await expectVector(serving, 'eva', 23, 10, next)
  await snapshots('promote', 'model', String(held), '--force')
  await swapped(serving, held, next)
  const other = await bought(serving, 'fay', 24, 11, held)
  expect(other.frame[0]).toBe(held)
  await snapshots('rollback', 'model')
  await swapped(serving, next, held)
  await expectVector(serving, 'gus', 25, 12, next)
  serving.child.process.kill('SIGTERM')
  expect(await serving.child.exited).toBe(0)

  serving = await startServing(home, ['--model', 'model', '--shadow', 'latest-held', '--shadow-share', '1'], worker)
  await until(() => serving!.child.stdout.includes(`Snapshot ${held} of "sum" is computed beside snapshot ${next}`))
  await expectVector(serving, 'hal', 26, 13, next)
  serving.child.process.kill('SIGTERM')
  expect(await serving.child.exited).toBe(0)

  const backfilled = new Child(worker, ['backfill', '--model', 'model', '--store', 'lmdb:store'], home)
  expect(await run(backfilled)).toMatch(/8 of 8 users computed/)
  expect(existsSync(join(home, 'store'))).toBe(true)
}, 300_000)

test('a model that hangs on a user ends with its process: reads go on, and who comes later is refreshed', async () => {
  writeShopTower(home, 'hanging', first, { model: { hangsAtAge: 1000 } })
  await run(new Child(worker, importOf('hanging', '--to', 'hangs'), home))
  serving = await startServing(home, ['--model', 'hangs', '--store', 'lmdb:beside'], worker)
  await expectVector(serving, 'ivo', 27, 14, 1)
  const { client } = serving
  const fields = { age: [1000], bought: [1] }
  await client.ingest({ users: ['old'], items: ['item-1'], timesMs: [Date.now()], fields })
  await until(async () => (await statusOf(serving!)) === 'degraded')
  const read = async (user: string) => (await client.read([user], ['sum'])).models[0].status[0]
  expect(await read('ivo')).not.toBe(servedStatus.default)
  // Until the user's tries are used up, whoever shares a batch with it is tried again, too.
  await expectVector(serving, 'jon', 28, 15, 1)
  expect(await read('old')).toBe(servedStatus.default)
}, 300_000)

const cannotBe = {
  unmapped: [{ inputs: { ages: undefined } }, /input "ages": is not mapped/],
  width: [
    { inputs: { age: { from: 'columns', names: ['known', 'age'] } } },
    /input "age": the model takes \[rows, 1\]/,
  ],
  opset: [{ model: { opset: 999 } }, /ONNX Runtime refuses the model: .*opset 999/s],
  infinite: [{ model: { breaksForKnown: true } }, /input "known": .* is -?Infinity/],
  output: [{ map: { embeddings: { count: 3, width: 2 } } }, /output "embeddings" is \[1, 4\] for 1 rows, not \[1, 6\]/],
  vocabulary: [{ items: shopItems.map((key) => `other-${key}`) }, /input "items": .* it is that of another log/],
  file: [{ model: { dataFile: 'table.bin' } }, /tensor "table" lies in the file "table\.bin", which is not beside/],
} as const

test.each(Object.entries(cannotBe))(
  'what cannot be a tower is refused, and leaves nothing: %s',
  async (name, [how, message]) => {
    const before = await listSnapshots(model)
    writeShopTower(home, name, first, how)
    rmSync(join(home, name, 'table.bin'), { force: true })
    for (const to of ['model', 'new']) {
      const refused = await headwaterIn(home, ...importOf(name, '--data', 'shop.csv', '--to', to))
      expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(message) })
    }
    expect([await listSnapshots(model), leftovers()]).toEqual([before, []])
    expect(existsSync(join(home, 'new'))).toBe(false)
  },
)
