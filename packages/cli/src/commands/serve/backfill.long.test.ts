/** `headwater serve --backfill`: a new store has every user of a log, and what it prints next can be typed. */
import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures, type LogEvent, Replay } from '@headwater/features'
import { createReadBuffer, openStore, readStatus } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { Child, launcher } from '../../testing/child.ts'
import { clickSchema, clicks, writeClickLog } from '../../testing/click-log.ts'
import { headwater } from '../../testing/headwater.ts'
import { nextCommand, parsed } from '../../testing/next-command.ts'
import { servingDirectory, startServing, trainModel } from '../../testing/serving.ts'
import { tinyModel } from '../../testing/tiny-model.ts'

test('gives each user of a log state and embedding, once; and tells how to send an event and read it', async () => {
  const home = temporaryDirectory()
  const directory = await servingDirectory(await trainModel(home))
  copyFileSync(join(home, 'clicks.csv'), join(directory, 'clicks.csv'))
  const args = ['--model', 'model', '--backfill', 'clicks.csv', '--encoder', 'onnx']
  const start = async () => {
    const serving = await startServing(directory, args)
    onTestFinished(async () => {
      serving.child.process.kill('SIGKILL')
      await serving.child.exited
    })
    return serving
  }
  const users = [...new Set(clicks(600).map(({ user }) => user))]
  const { child, client } = await start()
  expect(child.stdout).toContain(`${users.length} users of clicks.csv are new to the store.\n`)
  expect(child.stdout).toMatch(/^backfill done in [\d.]+ s\n60 of 60 users computed\.\nServing snapshot/m)
  const [first] = (await client.read(users, ['sum'])).models
  expect([...new Set(first.status)]).toEqual([0])
  expect(new Set(first.featureTimeMs).size).toBe(1)

  // The command runs as it was printed, and so does that which it prints.
  const typed = (command: string) =>
    execFileSync('sh', ['-c', `npx() { shift; "$NODE" "$BIN" "$@"; }\n${command}`], {
      cwd: directory,
      encoding: 'utf8',
      env: { ...process.env, INIT_CWD: directory, NODE: process.execPath, BIN: launcher[0] },
    })
  await child.until(() => child.stdout.includes('\nNext, from another terminal: '))
  const ingested = typed(nextCommand(child.stdout))
  expect(ingested).toMatch(/^1 event ingested/)
  expect(await parsed(nextCommand(ingested))).toMatchObject({ name: 'read' })
  expect(typed(nextCommand(ingested))).toMatch(/ fresh [\s\S]*^Next: open http:\S+\/console in a browser$/m)
  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(0)

  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  const replay = new Replay(compileFeatures(clickSchema))
  const events = clicks(600).map(({ user, item, time, price, click }, row): LogEvent => {
    return { row, user, item, timeMs: 1_000 * Number(time), values: [Number(price), Number(click)] }
  })
  replay.ingest(events)
  // All but the user and the item that the event was of, which come first.
  const others = [...users].sort().slice(1)
  const { states } = await store.readStates('user', others)
  expect(states).toEqual(others.map((user) => replay.userState(user)))
  const items = [...new Set(events.map(({ item }) => item))].sort().slice(1)
  expect((await store.readStates('item', items)).states).toEqual(items.map((item) => replay.itemState(item)))
  await store.close()

  const again = await start()
  expect(again.child.stdout).toMatch(/^Every user has an embedding\.\nServing snapshot/m)
  const [second] = (await again.client.read(others, ['sum'])).models
  expect([...second.featureTimeMs]).toEqual(others.map(() => first.featureTimeMs[0]))
})

test('SIGTERM in the backfill leaves a whole store, and the same command goes on from there', async () => {
  const home = temporaryDirectory()
  const directory = await servingDirectory(await trainModel(home))
  // As many users as rows, so that there is time to stop it.
  const rows = clicks(12_000).map((row, i) => ({ ...row, user: `user-${i}` }))
  writeClickLog(directory, rows)
  const args = ['--store', 'lmdb:store', '--port', '0', '--model', 'model', '--backfill', 'clicks.csv']
  const start = () => new Child(launcher, ['serve', ...args], directory)
  const first = start()
  onTestFinished(() => void first.process.kill('SIGKILL'))
  await first.until(() => /^backfill \d+ %/m.test(first.stdout))
  first.process.kill('SIGTERM')
  expect(await first.exited).toBe(0)
  expect(first.stdout).not.toContain('Serving')
  expect(first.stdout).toContain(
    '\nStopped in the backfill: what was computed stays, and the same command goes on from there.\n',
  )

  const users = rows.map(({ user }) => user)
  const dim = tinyModel.embeddings.count * tinyModel.embeddings.width
  const held = async () => {
    const store = await openStore(`lmdb:${join(directory, 'store')}`)
    const buffer = createReadBuffer(users.length, [{ model: 'sum', dim }])
    await store.read({ users, models: [{ model: 'sum' }] }, buffer)
    const { states } = await store.readStates('user', users)
    await store.close()
    return {
      states: states.filter((state) => state !== undefined).length,
      vectors: [...buffer.models[0].status].filter((status) => status === readStatus.found).length,
    }
  }
  const stopped = await held()
  expect(stopped.states).toBe(users.length)
  expect(stopped.vectors).toBeGreaterThan(0)
  expect(stopped.vectors).toBeLessThan(users.length)

  const again = start()
  onTestFinished(() => void again.process.kill('SIGKILL'))
  await again.until(() => again.stdout.includes('Serving'))
  const missing = users.length - stopped.vectors
  const told = missing.toLocaleString('en')
  expect(again.stdout).toContain(`${told} of ${told} users computed.`)
  again.process.kill('SIGTERM')
  expect(await again.exited).toBe(0)
  expect(await held()).toEqual({ states: users.length, vectors: users.length })
})

test.each([
  [['--backfill', '--role', 'read'], /--backfill needs an encoder, which --role read has not/],
  [['--join', 'items.csv'], /name the log too, as in --backfill log\.csv/],
])('refuses %s', async (args, message) => {
  const { code, stderr } = await headwater('serve', '--model', 'm', '--store', 'valkey://127.0.0.1', ...args)
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) })
})
