/**
 * A tower that was made elsewhere through all of its life: imported by command, judged, served, refreshed by events, followed, shadowed,
 * killed, rolled back and computed for everybody. `npx nx run cli:test-any-tower`
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { smallTower, turned } from '@headwater/external/testing/small-tower'
import { listSnapshots, readManifest, readSnapshot, servedSnapshot } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Child, worker } from '../../testing/child.ts'
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

const importing = (folder: string, ...more: string[]) =>
  new Child(
    worker,
    [
      ...['snapshots', 'import', `${folder}/tower.onnx`, '--map', `${folder}/map.json`, '--schema', 'schema.json'],
      ...['--to', 'model', ...more],
    ],
    home,
  )

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
