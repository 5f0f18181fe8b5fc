/** Whom it stops when one server of a cluster says nothing for a while: stopped, cut off from the readers, or behind. */
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { compileFeatures } from '@headwater/features'
import { userFeatures } from '@headwater/pooling'
import { partitionOf, type ValkeyNode } from '@headwater/testkit/valkey'
import { until } from './cluster-load.ts'
import type { BenchCluster } from './cluster-processes.ts'

export const silences = ['stopped', 'cut-off', 'replica-behind'] as const
export type Silence = (typeof silences)[number]

const writers = 16
const struckWriters = 6
/** Each writer sends an event this often at most, one behind the other. */
const paceMs = 100
const items = 300
/** Before, as during. */
const seconds = { stopped: 20, 'cut-off': 20, 'replica-behind': 30 } as const

interface Answer {
  readonly reader: number
  readonly startMs: number
  readonly endMs: number
  readonly status: number
  readonly retryAfter: string | null
}

interface Writer {
  readonly user: string
  readonly isStruck: boolean
  readonly answers: Answer[]
  acknowledged: number
}

/** One server is silenced under the events of 16 users, over two readers of their own. */
export async function benchSilence(cluster: BenchCluster, silence: Silence) {
  const { valkey, store, schema } = cluster
  await valkey.settled()
  const [master] = await valkey.masters()
  const partition = silence === 'cut-off' ? await partitionOf(valkey, master) : null
  const seeds = valkey.nodes.filter((node) => partition === null || node !== master)
  const url = `valkey://${seeds.map(({ address }) => address).join()}?durability=replica&timeout=3000`
  const readers = [await cluster.startReader(url), await cluster.startReader(url)]
  const urls = await Promise.all(readers.map((reader) => reader.url()))
  let isOver = false
  const load = await writersOf(cluster, master, silence)
  const sending = Promise.all(load.map((writer, place) => write(writer, place, urls, () => isOver)))
  await wait(2_000)
  const lastsMs = 1_000 * seconds[silence]
  const fromMs = performance.now()
  await wait(lastsMs)
  const server = silence === 'replica-behind' ? await valkey.replicaOf(master) : master
  const silentMs = performance.now()
  if (partition !== null) partition.begin()
  else server.pause()
  await wait(lastsMs)
  const backMs = performance.now()
  if (partition !== null) partition.end()
  else server.resume()
  const struck = load.filter(({ isStruck }) => isStruck)
  await until('events of all are acknowledged again', async () =>
    struck.every(({ answers }) => answers.some(({ startMs, status }) => status === 200 && startMs > backMs)),
  )
  const recoveredMs = performance.now() - backMs
  isOver = true
  await sending
  const storeErrors = await Promise.all(urls.map(storeErrorsOf))
  await Promise.all(readers.map((reader) => reader.end('SIGTERM')))
  await partition?.close()
  await valkey.settled()

  const others = load.filter(({ isStruck }) => !isStruck)
  const acknowledgedIn = (some: readonly Writer[], from: number, to: number) =>
    some.flatMap(({ answers }) => answers).filter(({ status, endMs }) => status === 200 && endMs > from && endMs <= to)
      .length
  const rate = (some: readonly Writer[], from: number, to: number) =>
    acknowledgedIn(some, from, to) / ((to - from) / 1_000)
  const refused = (some: readonly Writer[]) =>
    some.flatMap(({ answers }) => answers).filter(({ status, endMs }) => status !== 200 && endMs > silentMs)
  const refusals = refused(struck)
  // Each reader finds out by itself.
  const firstMs = urls.map((_, reader) =>
    Math.min(...refusals.filter((answer) => answer.reader === reader).map(({ endMs }) => endMs)),
  )
  const space = compileFeatures(schema)
  const { states } = await store.readStates(
    'user',
    load.map(({ user }) => user),
  )
  const wrong = load.filter(({ acknowledged }, w) => {
    const state = states[w]
    return (state === undefined ? 0 : space.userHistory(userFeatures(space, state)).eventCount) !== acknowledged
  })
  return {
    silence,
    seconds: seconds[silence],
    others: { before: rate(others, fromMs, silentMs), during: rate(others, silentMs, backMs) },
    struck: { before: rate(struck, fromMs, silentMs), during: rate(struck, silentMs, backMs) },
    othersRefused: refused(others).length,
    refusals: refusals.length,
    /** Not 503, or without Retry-After. */
    refusedOtherwise: refusals.filter(({ status, retryAfter }) => status !== 503 || retryAfter === null).length,
    firstRefusalMs: firstMs.map((ms) => ms - silentMs),
    /** Of those who waited at a reader's first refusal or came later: from then, or from their start. */
    slowestRefusalMs: Math.max(
      ...refusals.map(({ reader, startMs, endMs }) => endMs - Math.max(startMs, firstMs[reader])),
    ),
    recoveredMs,
    storeErrors: storeErrors.reduce((sum, each) => sum + each, 0),
    acknowledged: load.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    wrongUsers: wrong.length,
  }
}

export type SilenceFigures = Awaited<ReturnType<typeof benchSilence>>

/** Users of the master's part, and of the others. */
async function writersOf({ store, valkey }: BenchCluster, master: ValkeyNode, silence: Silence): Promise<Writer[]> {
  const own: string[] = []
  const others: string[] = []
  for (let i = 0; own.length < struckWriters || others.length < writers - struckWriters; i++) {
    const user = `${silence}-${i}`
    // As the store's names are slotted: by the digest, which the part tells.
    const isOwn = store.partOf(user) === master.address || !isKnown(store.partOf(user), valkey.nodes)
    const some = isOwn ? own : others
    if (some.length < (isOwn ? struckWriters : writers - struckWriters)) some.push(user)
  }
  const writerOf = (user: string, isStruck: boolean): Writer => ({ user, isStruck, answers: [], acknowledged: 0 })
  return [...own.map((user) => writerOf(user, true)), ...others.map((user) => writerOf(user, false))]
}

/** A master that is met behind a partition has an address of its own. */
const isKnown = (address: string, nodes: readonly ValkeyNode[]) => nodes.some((node) => node.address === address)

/** Sends event after event, each until it is acknowledged; one that is refused waits as it is told. */
async function write(writer: Writer, place: number, urls: readonly string[], isOver: () => boolean): Promise<void> {
  const { user, answers } = writer
  for (let n = 0; !isOver(); n++) {
    const event = {
      users: [user],
      items: [`item-${(17 * place + 7 * n) % items}`],
      timesMs: [Date.now()],
      ids: [randomUUID()],
      fields: { seconds: [80] },
    }
    for (let attempt = 0; ; attempt++) {
      const startMs = performance.now()
      const reader = (place + n + attempt) % urls.length
      const answer = await fetch(`${urls[reader]}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(event),
      })
      await answer.arrayBuffer()
      const endMs = performance.now()
      const { status } = answer
      answers.push({ reader, startMs, endMs, status, retryAfter: answer.headers.get('retry-after') })
      if (status === 200) {
        await wait(Math.max(0, startMs + paceMs - endMs))
        break
      }
      await wait(1_000 * Number(answer.headers.get('retry-after') ?? 1))
    }
    writer.acknowledged++
  }
}

async function storeErrorsOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^headwater_store_errors_total\{during="request"\} (\d+)/m.exec(text)?.[1])
}
