/**
 * The loop with nobody's hand in it: traffic, the event log, a training that follows it, the gate, and the server that takes
 * the snapshot up. Both commands run as processes of their own, as a user starts them.
 */
import { join } from 'node:path'
import { readServedLog } from '@headwater/logs'
import { snapshotNumber, snapshotsWith } from '@headwater/snapshot'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Child, launcher } from '../testing/child.ts'
import { clicks } from '../testing/click-log.ts'
import { servingDirectory, startServing, trainModel } from '../testing/serving.ts'

const home = temporaryDirectory()
let trained: string
beforeAll(async () => {
  trained = await trainModel(home)
})

const children: Child[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.process.kill('SIGKILL')
    await child.exited
  }
})

/** Events as users cause them now. */
function traffic(count: number) {
  const rows = clicks(count)
  const endMs = Date.now()
  return {
    users: rows.map(({ user }) => user),
    items: rows.map(({ item }) => item),
    timesMs: rows.map((_, i) => endMs - 1_000 * (rows.length - i)),
    fields: { price: rows.map(({ price }) => Number(price)), click: rows.map(({ click }) => Number(click)) },
  }
}

test('what is sent as events is trained on, passes the gate and is served', async () => {
  const directory = await servingDirectory(trained)
  const logs = ['--event-log', 'events', '--served-log', 'served', '--rotate', '1s']
  const { child, client } = await startServing(directory, ['--model', 'model', ...logs])
  children.push(child)
  await client.ingest(traffic(400))
  const follow = ['--follow', '--data', join('events', 'default'), '--schema', join(home, 'schema.json')]
  const training = new Child(
    launcher,
    ['train', ...follow, '--out', 'model', '--warm-start', 'model', '--batch-rows', '64', '--seed', '3'],
    directory,
  )
  children.push(training)
  const served = async () => (await client.models())[0].snapshot ?? 0
  while ((await served()) < 3) {
    if (training.process.exitCode !== null) throw new Error(`the training ended: ${training.stderr}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  expect(training.stdout).toMatch(
    /round 1, events-0{15}-0{12}400\.jsonl: 400 events, .*snapshot 3, frame \d+, published/,
  )

  // A user's next event is refreshed through the new snapshot, and the read's row carries it.
  const nowMs = Date.now()
  await client.ingest({ users: ['u1'], items: ['i1'], timesMs: [nowMs], fields: { price: [1], click: [1] } })
  for (;;) {
    const [{ snapshot, featureTimeMs }] = (await client.read(['u1'], ['sum'])).models
    if (snapshot[0] >= 3 && featureTimeMs[0] >= nowMs) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }

  // Who is forgotten between two rounds is in no panel of the second, though the training has their examples.
  const model = join(directory, 'model')
  expect((await snapshotsWith(model, 'u2')).map(snapshotNumber)).toContain(3)
  const receipt = await client.forget('u2')
  expect(receipt).toMatchObject({ failed: [] })
  await client.ingest(traffic(400))
  await training.until(() => training.stdout.includes('round 2, '))
  expect((await snapshotsWith(model, 'u3')).map(snapshotNumber)).toContain(4)
  expect(await snapshotsWith(model, 'u2')).toEqual([])

  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(0)
  const last = []
  for await (const rows of readServedLog(join(directory, 'served', 'default')))
    for (let row = 0; row < rows.rows; row++) last.push([rows.user[row], rows.model[row], rows.snapshot[row]])
  expect(last.at(-1)).toEqual(['u1', 'sum', 3])
}, 120_000)
