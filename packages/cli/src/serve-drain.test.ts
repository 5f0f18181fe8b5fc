/** `headwater serve` ended at any moment, by a signal that it can answer or one that it cannot: what it acknowledged is there. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '@headwater/statistics'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { type Child, worker } from './testing/child.ts'
import { clickOf, descendantsOf, servingDirectory, startServing, trainModel } from './testing/serving.ts'

let trained: string
let started: Child | null = null
beforeAll(async () => {
  trained = await trainModel(temporaryDirectory())
})
afterEach(() => started?.process.kill('SIGKILL'))

const isAlive = (pid: number) => {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z')
  } catch {
    return false
  }
}

test('ended at a random moment, it has lost no acknowledged event, and its encoder ends with it', async () => {
  const random = seededRandom(11)
  const directory = await servingDirectory(trained)
  const args = ['--model', 'model', '--event-log', 'events', '--encoder', 'onnx']
  const acknowledged: string[] = []
  const signals = ['SIGKILL', 'SIGTERM'] as const
  for (const [round, signal] of signals.entries()) {
    const { child, client } = await startServing(directory, args, worker)
    started = child
    // The encoder, and in a checkout what compiles.
    const others = descendantsOf(child.process.pid!).map(({ pid }) => pid)
    expect(others.length).toBeGreaterThan(0)
    let ended = false
    const write = async (lane: number) => {
      for (let i = 0; !ended; i++) {
        const user = `w${round}-${lane}-${i}`
        await client.ingest(clickOf(user, Date.now(), 1)).then(
          () => acknowledged.push(user),
          () => {},
        )
      }
    }
    const lanes = Array.from({ length: 8 }, (_, lane) => write(lane))
    await new Promise((resolve) => setTimeout(resolve, 50 + random.nextBelow(250)))
    child.process.kill(signal)
    expect(await child.exited).toBe(signal === 'SIGTERM' ? 0 : null)
    ended = true
    await Promise.all(lanes)
    while (others.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(acknowledged.length).toBeGreaterThan(signals.length)
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  const { states } = await store.readStates('user', acknowledged)
  await store.close()
  expect(acknowledged.filter((_, i) => states[i] === undefined)).toEqual([])
  // Each is in a finished file of the event log, once.
  const events = join(directory, 'events', 'default')
  const logged = readdirSync(events)
    .filter((name) => name.endsWith('.jsonl') && !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(events, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line).user)
  expect(new Set(logged).size).toBe(logged.length)
  const known = new Set(logged)
  expect(acknowledged.filter((user) => !known.has(user))).toEqual([])
})
