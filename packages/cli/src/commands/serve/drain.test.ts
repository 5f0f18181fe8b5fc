/** `headwater serve` ended at any moment, by a signal that it can answer or one that it cannot: what it acknowledged is there. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { type Child, worker } from '../../testing/child.ts'
import { clickSchema } from '../../testing/click-log.ts'
import { descendantsOf, isRunning } from '../../testing/processes.ts'
import { clickOf, servingDirectory, startServing, trainModel } from '../../testing/serving.ts'

/** With a field of the user, for features that are put. */
const schema: Schema = {
  ...clickSchema,
  fields: [
    { name: 'price', of: 'user', type: 'float' },
    { name: 'click', of: 'outcome', type: 'float' },
  ],
}

let trained: string
let started: Child | null = null
beforeAll(async () => {
  trained = await trainModel(temporaryDirectory(), schema)
})
afterEach(() => started?.process.kill('SIGKILL'))

/** What a lane writes, in turns. */
const kinds = ['event', 'features', 'outcome', 'forget'] as const
type Kind = (typeof kinds)[number]

test('ended at a random moment, it has lost nothing acknowledged, and its encoder ends with it', async () => {
  const random = seededRandom(11)
  const directory = await servingDirectory(trained)
  const logs = ['--event-log', 'events', '--outcome-log', 'outcomes']
  const args = ['--model', 'model', ...logs, '--encoder', 'onnx']
  /** Users, by what was acknowledged of them. */
  const acknowledged: Record<Kind, string[]> = { event: [], features: [], outcome: [], forget: [] }
  /** Whom it was asked to forget, acknowledged or not. */
  const toForget = new Set<string>()
  const signals = ['SIGKILL', 'SIGTERM'] as const
  for (const [round, signal] of signals.entries()) {
    const { child, client } = await startServing(directory, args, worker)
    started = child
    // The encoder, and in a checkout what compiles.
    const others = descendantsOf(child.process.pid!).map(({ pid }) => pid)
    expect(others.length).toBeGreaterThan(0)
    let ended = false
    const write = async (kind: Kind, user: string): Promise<unknown> => {
      const timeMs = Date.now()
      if (kind === 'event') return client.ingest(clickOf(user, timeMs, 1))
      if (kind === 'features') return client.putFeatures(user, { price: 3 })
      if (kind === 'forget') return client.forget(user)
      const columns = { requests: [`of ${user}`], users: [user], predictions: [0.5], labels: [1], timesMs: [timeMs] }
      return client.outcomes({ downstream: 'ctr', ...columns })
    }
    const run = async (lane: number) => {
      /** Of this lane's events, whose users are there to be forgotten. */
      const known: string[] = []
      for (let i = lane; !ended; i++) {
        const kind = kinds[i % kinds.length]
        const user = kind === 'forget' ? known.shift() : `w${round}-${lane}-${i}`
        if (user === undefined) continue
        if (kind === 'forget') toForget.add(user)
        await write(kind, user).then(
          () => {
            acknowledged[kind].push(user)
            // Every other one stays.
            if (kind === 'event' && i % 8 < 4) known.push(user)
          },
          () => {},
        )
      }
    }
    const before = kinds.map((kind) => acknowledged[kind].length)
    const lanes = Array.from({ length: 8 }, (_, lane) => run(lane))
    await child.until(() => kinds.every((kind, k) => acknowledged[kind].length > before[k]))
    await new Promise((resolve) => setTimeout(resolve, random.nextBelow(250)))
    child.process.kill(signal)
    expect(await child.exited).toBe(signal === 'SIGTERM' ? 0 : null)
    ended = true
    await Promise.all(lanes)
    while (others.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const kept = (kind: Kind) => acknowledged[kind].filter((user) => !toForget.has(user))
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  const withoutState = async (users: readonly string[]) => {
    const { states } = await store.readStates('user', users)
    return users.filter((_, i) => states[i] === undefined)
  }
  expect(await withoutState([...kept('event'), ...kept('features')])).toEqual([])
  expect(await withoutState(acknowledged.forget)).toEqual(acknowledged.forget)
  const forgottenAtMs = await store.forgottenAtMs(acknowledged.forget)
  expect(forgottenAtMs.every(Number.isFinite)).toBe(true)
  await store.close()
  /** Lines of a log's finished files. */
  const linesOf = (log: string) => {
    const own = join(directory, log, 'default')
    return readdirSync(own)
      .filter((name) => name.endsWith('.jsonl') && !name.startsWith('.'))
      .flatMap((name) => readFileSync(join(own, name), 'utf8').trim().split('\n'))
      .map((line) => JSON.parse(line))
  }
  // Each is in a finished file of its log, once, and who was forgotten in none.
  const logged = linesOf('events').map(({ user }) => user)
  expect(new Set(logged).size).toBe(logged.length)
  expect(kept('event').filter((user) => !logged.includes(user))).toEqual([])
  expect(acknowledged.forget.filter((user) => logged.includes(user))).toEqual([])
  const told = linesOf('outcomes').map(({ request, user }) => `${request}, ${user}`)
  expect(new Set(told).size).toBe(told.length)
  expect(acknowledged.outcome.filter((user) => !told.includes(`of ${user}, ${user}`))).toEqual([])
})
