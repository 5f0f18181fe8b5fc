/** Calls on a cluster, as its figures need them. */
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Client } from '@headwater/client'
import { LatencyRecord, loadCalls, runOpenLoop } from '@headwater/load'

export const model = 'sum'
export const usersACall = 100

export const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}`)

/** Against hanging only. */
const patienceMs = 90_000

export async function until(what: string, check: () => Promise<boolean>, pauseMs = 5): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (!(await check())) {
    if (performance.now() > endMs) throw new Error(`in vain: ${what}`)
    if (pauseMs > 0) await wait(pauseMs)
  }
}

/** Sends an event of each user in one call. @throws ClientError */
export async function send(reader: Client, users: readonly string[], timesMs?: readonly number[]): Promise<void> {
  const nowMs = Date.now()
  await reader.ingest({
    users: [...users],
    items: users.map((_, i) => `article-${i % 50}`),
    timesMs: [...(timesMs ?? users.map(() => nowMs))],
    ids: users.map(() => randomUUID()),
    fields: { seconds: users.map(() => 80) },
  })
}

export async function areFresh(reader: Client, users: readonly string[], timeMs: number): Promise<boolean> {
  for (let from = 0; from < users.length; from += 500) {
    const [{ status, featureTimeMs }] = (await reader.read(users.slice(from, from + 500), [model])).models
    if (![...status].every((each, i) => each === 0 && featureTimeMs[i] >= timeMs)) return false
  }
  return true
}

export interface ReadLoad {
  readonly calls: number
  readonly failures: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Reads of 100 users at a fixed rate, over both readers in turn, until it is stopped. */
export function startReads(urls: readonly string[], users: readonly string[], perSecond: number) {
  const abort = new AbortController()
  const record = new LatencyRecord()
  const starts = urls.map((url, seed) =>
    loadCalls({ target: { url, token: null, tls: {} }, users, models: [model], usersACall, eventsShare: 0, seed }),
  )
  let calls = 0
  const running = runOpenLoop({
    arrivals: { perSecond, seconds: 600, kind: 'poisson', seed: 1 },
    slots: 64,
    maxWaiting: 100_000,
    drainMs: 10_000,
    signal: abort.signal,
    send: (onEnd) => starts[calls++ % starts.length](onEnd),
    observer: record,
  })
  return {
    async stop(): Promise<ReadLoad> {
      abort.abort()
      await running
      const { answered, failures, p50Ms, p99Ms } = record.figures()
      const load = { calls: answered, failures, p50Ms, p99Ms }
      return { ...load, calls: answered + failedOf(load) }
    },
  }
}

export const failedOf = ({ failures }: ReadLoad) => Object.values(failures).reduce((sum, each) => sum + each, 0)
