/** What the cluster must do, each step with its own proof. */
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Client } from '@headwater/client'
import { compileFeatures, type Schema } from '@headwater/features'
import { userFeatures } from '@headwater/pooling'
import { openStore } from '@headwater/store'
import type { ValkeyCluster } from '@headwater/testkit/valkey'
import type { Server } from './server.ts'

export interface Running {
  readonly cluster: ValkeyCluster
  readonly storeUrl: string
  readonly schema: Schema
  readonly readers: readonly [Client, Client]
  readonly workers: readonly [Server, Server]
  readonly say: (line: string) => void
}

/** Against hanging only. */
const patienceMs = 60_000

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (!(await check())) {
    if (performance.now() > endMs) throw new Error(`in vain: ${what}`)
    await wait(10)
  }
}

/** Events of users, at most 100 a call, sent again by their ids until they are acknowledged. */
async function send(reader: Client, users: readonly string[]): Promise<number> {
  const timeMs = Date.now()
  for (let from = 0; from < users.length; from += 100) {
    const some = users.slice(from, from + 100)
    const batch = {
      users: some,
      items: some.map((_, i) => `article-${i % 20}`),
      timesMs: some.map(() => timeMs),
      ids: some.map(() => randomUUID()),
      fields: { seconds: some.map(() => 80) },
    }
    await until('events are acknowledged', () =>
      reader.ingest(batch).then(
        () => true,
        () => false,
      ),
    )
  }
  return timeMs
}

/** Whether all users are served embeddings of then or later, in their reads' one answer. */
async function areFresh(reader: Client, users: readonly string[], timeMs: number): Promise<boolean> {
  const [{ status, featureTimeMs }] = (await reader.read([...users], ['sum'])).models
  return [...status].every((each, i) => each === 0 && featureTimeMs[i] >= timeMs)
}

const usersOf = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i}`)

/** @throws Error where the cluster does not do it */
export async function check({ cluster, storeUrl, schema, readers, workers, say }: Running): Promise<void> {
  const [one, other] = readers
  const sent = new Map<string, number>()
  const note = (users: readonly string[]) => {
    for (const user of users) sent.set(user, (sent.get(user) ?? 0) + 1)
  }

  const ann = ['ann']
  const annMs = await send(one, ann)
  note(ann)
  const startMs = performance.now()
  await until('the event reaches the other reader', () => areFresh(other, ann, annMs))
  say(
    `An event on one reader was a refreshed embedding on the other ${Math.round(performance.now() - startMs)} ms later.`,
  )

  const crowd = usersOf('crowd', 500)
  const crowdMs = await send(one, crowd)
  note(crowd)
  await workers[0].kill()
  await until("all users of a killed worker's are refreshed", () => areFresh(other, crowd, crowdMs))
  say(`A worker was killed (-9) in the middle of ${crowd.length} refreshes; the other one made them all.`)

  const master = await cluster.masterOfKey('hw:{queue:default:sum}:taken')
  const replica = await cluster.replicaOf(master)
  await master.kill()
  let reads = 0
  let isBack = false
  const reading = (async () => {
    for (; !isBack; reads++) await other.read(crowd.slice(0, 100), ['sum'])
  })()
  const again = send(one, crowd)
  await until('its replica takes over', async () => (await replica.info('replication', 'role')) === 'master')
  // An event is acknowledged once two servers have it: the other one must come back.
  await master.restart()
  const againMs = await again
  note(crowd)
  await until('all users are refreshed', () => areFresh(other, crowd, againMs))
  isBack = true
  await reading
  say(`A Valkey master was killed: ${reads} reads of 100 users met no error, and all users were refreshed.`)

  const store = await openStore(storeUrl)
  try {
    const space = compileFeatures(schema)
    const users = [...sent.keys()]
    const { states } = await store.readStates('user', users)
    for (const [i, user] of users.entries()) {
      const state = states[i]
      const held = state === undefined ? 0 : space.userHistory(userFeatures(space, state)).eventCount
      if (held !== sent.get(user)) throw new Error(`${user} has ${held} events, of ${sent.get(user)} acknowledged`)
    }
    say(`Of ${[...sent.values()].reduce((sum, each) => sum + each)} acknowledged events none is lost or counted twice.`)
  } finally {
    await store.close()
  }
}
