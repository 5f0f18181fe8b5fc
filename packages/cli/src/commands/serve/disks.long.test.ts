/** `headwater serve` whose store or event log is on a disk that fills up, that is taken away, or whose directory is replaced. */
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ErrorAnswer } from '@headwater/client'
import { compileFeatures } from '@headwater/features'
import { userFeatures } from '@headwater/pooling'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { mountSmallDisks, type SmallDisks } from '@headwater/testkit/disk-faults'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { worker } from '../../testing/child.ts'
import { clickSchema } from '../../testing/click-log.ts'
import { clickOf, servingDirectory, startServing, trainModel, untilServed } from '../../testing/serving.ts'

let trained: string
beforeAll(async () => {
  trained = await trainModel(temporaryDirectory())
})
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

type Disk = 'store' | 'events'
const megabytes = 32
/** Long, so that a disk is soon full. */
const userOf = (n: number) => `user-${n}-${'x'.repeat(300)}`

/** Each begins, and comes back with what ends it. */
function faultsOf(disks: SmallDisks, struck: Disk): Record<'full' | 'away' | 'replaced', () => () => void> {
  return {
    full: () => {
      disks.fill(struck)
      return () => disks.makeRoom(struck)
    },
    away: () => {
      disks.takeAway(struck)
      return () => disks.putBack(struck)
    },
    replaced: () => {
      const path = join(disks.path, struck, 'kept')
      renameSync(path, `${path}.before`)
      mkdirSync(path)
      return () => {
        // It throws where anything was written there.
        rmdirSync(path)
        renameSync(`${path}.before`, path)
      }
    },
  }
}

/** Ids of all finished files of an event log, in their order. */
const idsIn = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
    .map((line): string => JSON.parse(line).headwater_event_id)

test.for<[Disk, Record<string, [number, string]>]>([
  ['store', { full: [507, 'store_full'], away: [503, 'store_unavailable'], replaced: [503, 'store_unavailable'] }],
  ['events', { full: [503, 'log_unavailable'], away: [503, 'log_unavailable'], replaced: [503, 'log_unavailable'] }],
])('%s: events are refused, it is not ready, reads go on, and all recovers', async ([struck, expected], { skip }) => {
  const directory = await servingDirectory(trained)
  const disks = await mountSmallDisks(directory, ['store', 'events'], megabytes, directory)
  if (disks === null) return skip('the system gives no mount namespace')
  closers.push(() => disks.close())
  const args = ['--model', 'model', '--store', 'lmdb:store/kept', '--event-log', 'events/kept', '--encoder', 'onnx']
  const { child, client, url } = await startServing(directory, args, worker, disks.entering)
  closers.push(() => {
    child.process.kill('SIGKILL')
    return child.exited
  })
  const acknowledged: string[] = []
  let sent = 0
  /** One event of each of some new users. */
  const send = async () => {
    const users = Array.from({ length: 20 }, () => userOf(sent++))
    const columns = { users, ids: users, items: users.map(() => 'i1'), timesMs: users.map(() => Date.now()) }
    const answer = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...columns, fields: { price: users.map(() => 2.5), click: users.map(() => 1) } }),
    })
    const { error } = (await answer.json()) as Partial<ErrorAnswer>
    if (answer.status === 200) acknowledged.push(...users)
    return { status: answer.status, code: error?.code, retryAfter: answer.headers.get('retry-after') }
  }
  const readiness = async () => {
    const answer = await fetch(`${url}/readyz`)
    const { error } = (await answer.json()) as Partial<ErrorAnswer>
    return error?.message ?? answer.status
  }
  const becomes = (told: string | number) =>
    vi.waitFor(async () => expect(await readiness()).toBe(told), { timeout: 30_000, interval: 20 })
  const timeMs = Date.now()
  await client.ingest(clickOf('ann', timeMs, 1))
  const before = await untilServed(client, 'ann', timeMs)

  for (const [name, begin] of Object.entries(faultsOf(disks, struck))) {
    const [status, code] = expected[name]
    const refusal = { status, code, retryAfter: status === 503 ? '1' : null }
    expect(await send(), name).toEqual({ status: 200, code: undefined, retryAfter: null })
    const end = begin()
    let answer = await send()
    // What was free within the files is filled first.
    while (answer.status === 200 && name === 'full') answer = await send()
    expect(answer, name).toEqual(refusal)
    await becomes(`events cannot be kept (${code})`)
    for (const _ of ['again', 'and again']) expect(await send(), name).toEqual(refusal)
    const [held] = (await client.read(['ann'], ['sum'], { latest: true })).models
    expect([[...held.status], held.latest], name).toEqual([[0], before.latest])
    end()
    await becomes(200)
    expect((await send()).status, name).toBe(200)
  }
  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(0)

  // Each event that was acknowledged is there once, and none twice.
  const kept = temporaryDirectory()
  for (const disk of ['store', 'events']) cpSync(join(disks.path, disk), join(kept, disk), { recursive: true })
  const space = compileFeatures(clickSchema)
  const store = await openStore(`lmdb:${join(kept, 'store/kept')}`)
  closers.push(() => store.close())
  expect((await store.check()).faults).toEqual([])
  const counts = new Set<number>()
  for (let from = 0; from < acknowledged.length; from += 500) {
    const { states } = await store.readStates('user', acknowledged.slice(from, from + 500))
    for (const state of states)
      counts.add(state === undefined ? 0 : space.userHistory(userFeatures(space, state)).eventCount)
  }
  expect([...counts]).toEqual([1])
  const logged = idsIn(join(kept, 'events/kept/default'))
  const ids = new Set(logged)
  expect(logged.length).toBe(ids.size)
  expect(acknowledged.filter((id) => !ids.has(id))).toEqual([])
})
