/** Options of `headwater serve`, each told by what it changes for a caller of the running service. */
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { readServedLog } from '@headwater/logs'
import { servedStatus } from '@headwater/pooling'
import { createReadBuffer, openStore, readStatus } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { worker } from '../../testing/child.ts'
import { clickSchema, clicks } from '../../testing/click-log.ts'
import { descendantsOf } from '../../testing/processes.ts'
import { clickOf, type Serving, servingDirectory, startServing, untilServed } from '../../testing/serving.ts'
import { tinyModel } from '../../testing/tiny-model.ts'
import { runCommandLine } from '../program.ts'

/** One whom the model was trained on; no other user's name, nor anything else, holds it. */
const someone = 'trained-on-u17'
const { fresh, stale, default: byDefault } = servedStatus

let trained: string
beforeAll(async () => {
  const home = temporaryDirectory()
  const path = (name: string) => join(home, name)
  const rows = clicks(600).map(({ user, item, time, price, click }, i) =>
    [`trained-on-${user}`, i % 2 === 0 ? 'gold' : 'free', item, time, price, click].join(','),
  )
  writeFileSync(path('clicks.csv'), ['user,plan,item,time,price,click', ...rows, ''].join('\n'))
  const fields = [{ name: 'plan', of: 'user', type: 'id' }, ...clickSchema.fields]
  writeFileSync(path('schema.json'), JSON.stringify({ ...clickSchema, fields }))
  writeFileSync(path('tiny.json'), JSON.stringify(tinyModel))
  trained = path('model')
  const data = ['--data', path('clicks.csv'), '--schema', path('schema.json'), '--every', '5h', '--batch-rows', '128']
  expect(await runCommandLine(['train', ...data, '--out', trained, '--config', path('tiny.json')])).toBe(0)
})

let started: Serving | null = null
const heldEncoders: number[] = []
async function stop(): Promise<void> {
  // One that is held does not notice that its server is gone.
  for (const pid of heldEncoders.splice(0)) release(pid)
  started?.child.process.kill('SIGKILL')
  await started?.child.exited
  started = null
}
afterAll(stop)

/** Ends the server before, if any. */
async function start(...args: string[]): Promise<Serving> {
  await stop()
  const directory = await servingDirectory(trained)
  started = await startServing(directory, ['--model', 'model', '--encoder', 'onnx', ...args], worker)
  return started
}

/** Has the encoder's process stand still. */
function holdEncoder({ child }: Serving): () => void {
  const { pid } = descendantsOf(child.process.pid!).find(({ command }) => command.includes('encoder-main'))!
  heldEncoders.push(pid)
  process.kill(pid, 'SIGSTOP')
  return () => release(pid)
}

function release(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // It has ended.
  }
}

/** A read that has the headers given and no others; the client gives each of its own a deadline. */
async function readWith(url: string, users: readonly string[], headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${url}/v1/embeddings/read`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ users, models: ['sum'], latest: true }),
  })
  const { models } = (await response.json()) as {
    models?: [{ dim: number; status: number[]; snapshot: number[]; featureTimeMs: number[]; latest: number[] }]
  }
  return { code: response.status, model: models?.[0] }
}

const promotionOf = (snapshot: number) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ snapshot }),
})

/** What the started server serves of a user after an event under snapshot 1, and after another under snapshot 2. */
async function overTwoSnapshots(user: string) {
  const { client, url } = started!
  const firstMs = Date.now()
  await client.ingest(clickOf(user, firstMs, 1))
  const first = await untilServed(client, user, firstMs, 1)
  expect((await fetch(`${url}/v1/models/sum/promote`, promotionOf(2))).status).toBe(200)
  const laterMs = Date.now()
  await client.ingest(clickOf(user, laterMs, 0))
  return { first, second: await untilServed(client, user, laterMs, 2) }
}

async function queuedUsers(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^headwater_refresh_queue_users (\d+)$/m.exec(text)![1])
}

/** Files of a directory and those below that hold a text, in whatever place. */
function filesWith(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name)
}

test('a user who is forgotten is gone from store, queue, panels and every log, and one receipt tells of all', async () => {
  const logs = ['served', 'events', 'outcomes']
  const kept = ['--served-log', 'served', '--served-log-latest', '--event-log', 'events', '--outcome-log', 'outcomes']
  const serving = await start(...kept)
  const { child, directory, url, client } = serving
  const firstMs = Date.now()
  for (const user of [someone, 'other']) {
    await client.ingest(clickOf(user, firstMs, 1))
    await untilServed(client, user, firstMs)
    await client.read([user], ['sum'], { request: `request of ${user}` })
  }
  await client.outcomes({
    downstream: 'ctr',
    requests: ['1', '2'],
    users: [someone, 'other'],
    predictions: [0.5, 0.5],
    labels: [1, 0],
    timesMs: [firstMs, firstMs],
  })
  // One refresh is with the encoder, which lands it after the forgetting, and one waits behind it.
  const letGo = holdEncoder(serving)
  for (const waiting of [0, 1]) {
    await client.ingest(clickOf(someone, Date.now(), 0))
    while ((await queuedUsers(url)) !== waiting) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  for (const name of ['events', 'outcomes']) expect(filesWith(join(directory, name), someone)).toHaveLength(1)

  const response = await fetch(`${url}/v1/users/${someone}`, { method: 'DELETE' })
  expect(response.status).toBe(200)
  const receipt = (await response.json()) as Awaited<ReturnType<typeof client.forget>>
  expect(receipt).toMatchObject({ user: someone, tenant: 'default', failed: [] })
  const counts = Object.fromEntries(receipt.removed.map(({ where, what, count }) => [`${where}: ${what}`, count]))
  expect(counts).toEqual({
    'store: ring': 1,
    'store: state': 1,
    'store: event list': 0,
    'refresh queue: waiting refresh': 1,
    'served log: served row': expect.any(Number),
    'event log: event': 3,
    'outcome log: outcome': 1,
    // Of snapshots 1 and 2.
    'panels of snapshots: panel row': 2,
  })
  expect(counts['served log: served row']).toBeGreaterThan(1)
  for (const log of logs) expect(filesWith(join(directory, log), someone), log).toEqual([])

  letGo()
  const lastMs = Date.now()
  await client.ingest(clickOf('other', lastMs, 0))
  const { dim } = await untilServed(client, 'other', lastMs)
  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(0)
  for (const log of logs) expect(filesWith(join(directory, log), someone), log).toEqual([])
  const served: string[] = []
  for await (const { user, request, latest } of readServedLog(join(directory, 'served', 'default')))
    served.push(...user.map((name, row) => `${name}, ${request[row]}, ${latest.dims[row]}`))
  // Its read asked for no newest embedding, the unnamed ones did.
  expect(served).toContain('other, request of other, 0')
  expect(served).toContain(`other, null, ${dim}`)
  expect(served.filter((row) => row.includes(someone))).toEqual([])
  const usersIn = (log: string) =>
    readdirSync(join(directory, log, 'default'))
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) =>
        readFileSync(join(directory, log, 'default', name), 'utf8')
          .trim()
          .split('\n'),
      )
      .map((line) => JSON.parse(line).user)
  expect([usersIn('events'), usersIn('outcomes')]).toEqual([['other', 'other'], ['other']])
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  try {
    const users = [someone, 'other']
    const rings = createReadBuffer(2, [{ model: 'sum', dim }])
    await store.read({ users, models: [{ model: 'sum' }] }, rings)
    expect([...rings.models[0].status]).toEqual([readStatus.missing, readStatus.found])
    const { states } = await store.readStates('user', users)
    expect(states.map((state) => state !== undefined)).toEqual([false, true])
  } finally {
    await store.close()
  }
})

test('--mode synchronous computes what it reads, for --deadline or what the caller has left, and then serves the store', async () => {
  const serving = await start('--mode', 'synchronous', '--deadline', '9000')
  const { url, client } = serving
  const users = ['ann', 'bob', 'cy']
  const firstMs = Date.now()
  for (const user of users) await client.ingest(clickOf(user, firstMs, user === 'cy' ? 0 : 1))
  const readMs = Date.now()
  const { model: first } = await readWith(url, users)
  expect(first).toMatchObject({ status: [fresh, fresh, fresh], snapshot: [1, 1, 1] })
  for (const timeMs of first!.featureTimeMs) expect(timeMs).toBeGreaterThanOrEqual(readMs)
  // Of the events just sent: those of the same clicks are the same, and another is not.
  const [ann, bob, cy] = users.map((_, u) => first!.latest.slice(u * first!.dim, (u + 1) * first!.dim))
  expect(bob).toEqual(ann)
  expect(cy).not.toEqual(ann)

  const letGo = holdEncoder(serving)
  const laterMs = Date.now()
  await client.ingest(clickOf('ann', laterMs, 0))
  // A header ends the computing, with time enough for the store's answer; without one --deadline does, which has not passed.
  const [hurried, patient] = await Promise.all([
    readWith(url, ['ann'], { 'x-deadline-ms': '3000' }).finally(letGo),
    readWith(url, ['ann']),
  ])
  const ofStore = { status: [fresh], featureTimeMs: [first!.featureTimeMs[0]], latest: ann }
  expect(hurried).toMatchObject({ code: 200, model: ofStore })
  expect(patient.model!.featureTimeMs[0]).toBeGreaterThanOrEqual(laterMs)
  expect(patient.model!.latest).not.toEqual(ann)
})

describe('--refresh-on event --max-age 1s --segment-field plan, without --pool', () => {
  beforeAll(async () => {
    await start('--refresh-on', 'event', '--max-age', '1s', '--segment-field', 'plan')
  })

  test('refreshes at no read, and has the embedding flagged once it is older', async () => {
    const { client } = started!
    const timeMs = Date.now()
    await client.ingest(clickOf('ann', timeMs, 1))
    const { featureTimeMs } = await untilServed(client, 'ann', timeMs)
    const seen = new Set<number>()
    while (!seen.has(stale)) {
      const [row] = (await client.read(['ann'], ['sum'])).models
      expect([...row.featureTimeMs]).toEqual([...featureTimeMs])
      expect(row.status[0]).toBe(row.ageMs[0] > 1_000 ? stale : fresh)
      seen.add(row.status[0])
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })

  test('serves a stranger what the model makes of a user of the segment without events', async () => {
    const { client } = started!
    const plans = ['gold', 'free']
    const timeMs = Date.now()
    const ofPlan: number[][] = []
    for (const plan of plans) {
      await client.putFeatures(`known-${plan}`, { plan })
      ofPlan.push([...(await untilServed(client, `known-${plan}`, timeMs)).vectors])
    }
    const strangers = async () => {
      const users = [...plans, 'nowhere'].map((plan) => `stranger of ${plan}`)
      const [{ dim, status, vectors }] = (await client.read(users, ['sum'], { segments: [...plans, null] })).models
      expect([...status]).toEqual(users.map(() => byDefault))
      return users.map((_, u) => [...vectors.subarray(u * dim, (u + 1) * dim)])
    }
    let served = await strangers()
    // A segment's default is computed beside the reads.
    while (plans.some((_, p) => String(served[p]) === String(served[2]))) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      served = await strangers()
    }
    expect(served.slice(0, 2)).toEqual(ofPlan.map((vector) => vector.map((value) => expect.closeTo(value, 2))))
    expect(served[0]).not.toEqual(served[1])
  })

  test('serves the newest embedding alone', async () => {
    const { second } = await overTwoSnapshots('bob')
    expect([...second.vectors]).toEqual([...second.latest!])
  })
})

describe('--refresh-on read --pool-weights 3,1', () => {
  beforeAll(async () => {
    await start('--refresh-on', 'read', '--pool-weights', '3,1')
  })

  test('refreshes whom a read was of, and nobody at an event', async () => {
    const { client } = started!
    const timeMs = Date.now()
    for (const user of ['bob', 'ann']) await client.ingest(clickOf(user, timeMs, 1))
    const statusOf = async (user: string) => (await client.read([user], ['sum'])).models[0].status[0]
    expect(await statusOf('ann')).toBe(byDefault)
    await untilServed(client, 'ann', timeMs)
    // An event would have had him refreshed before her.
    expect(await statusOf('bob')).toBe(byDefault)
    await untilServed(client, 'bob', timeMs)
  })

  test('averages as many snapshots as weights are given, by them', async () => {
    const { first, second } = await overTwoSnapshots('cy')
    expect(second.frame[0]).toBe(first.frame[0])
    const [old, newest, pooled] = [first.latest!, second.latest!, second.vectors]
    expect(Math.max(...newest.map((value, d) => Math.abs(value - old[d])))).toBeGreaterThan(0.01)
    // To the precision of binary16, in which each is held.
    for (const [d, value] of pooled.entries())
      expect(Math.abs(value - (3 * newest[d] + old[d]) / 4)).toBeLessThanOrEqual(2 ** -9 * Math.max(1, Math.abs(value)))
  })
})

test('--burst lets as many requests through at once, and --requests-per-second refuses what comes beyond', async () => {
  const { url } = await start('--requests-per-second', '1', '--burst', '4')
  const codeOf = async () => (await readWith(url, ['ann'])).code
  expect(await Promise.all(Array.from({ length: 4 }, codeOf))).toEqual([200, 200, 200, 200])
  expect(await Promise.all(Array.from({ length: 20 }, codeOf))).toContain(429)
})

test('--health-port answers probes apart, with every connection taken, and to the end of --drain', async () => {
  const limits = ['--max-connections', '2', '--max-connections-per-address', '2', '--drain', '2s']
  const { child, url } = await start('--health-port', '0', ...limits)
  const probes = /Answering probes on (\S+)\.$/m.exec(child.stdout)![1]
  const statusOf = async (base: string, path: string) => (await fetch(`${base}${path}`)).status
  expect([await statusOf(probes, '/readyz'), await statusOf(probes, '/v1/models')]).toEqual([200, 404])
  // The third closes the first.
  const opened = Array.from({ length: 3 }, () => connect(Number(new URL(url).port), '127.0.0.1'))
  await once(opened[0], 'close')
  child.process.kill('SIGTERM')
  while ((await statusOf(probes, '/readyz')) !== 503);
  expect((await readWith(url, ['ann'])).code).toBe(503)
  expect(await child.exited).toBe(0)
  for (const socket of opened) socket.destroy()
})
