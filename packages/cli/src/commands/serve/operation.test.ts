/** `headwater serve` with all that an operator may ask of it, and what the operator does then. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { readServedLog } from '@headwater/logs'
import { servedStatus } from '@headwater/pooling'
import { servedSnapshot } from '@headwater/snapshot'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { Child } from '../../testing/child.ts'
import { descendantsOf } from '../../testing/processes.ts'
import { clickOf, holdCopy, servingDirectory, startServing, trainModel, untilServed } from '../../testing/serving.ts'

let trained: string
let started: Child | null = null
beforeAll(async () => {
  trained = await trainModel(temporaryDirectory())
})
afterEach(async () => {
  started?.process.kill('SIGKILL')
  await started?.exited
})

test('serves two models with shadow, logs and traces, and lets an operator promote and roll back', async () => {
  const spans: string[] = []
  const collector = createServer((request, response) => {
    let body = ''
    request.on('data', (piece) => {
      body += piece
    })
    request.on('end', () => {
      const names = [...body.matchAll(/"name":"(headwater\.[^"]+)"/g)].map(([, name]) => name)
      spans.push(...names.map((name) => `${request.url} ${name}`))
      response.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const { port } = collector.address() as AddressInfo
  const both = ['--model', 'a=model', '--model', 'b=model', '--shadow', 'a=latest-held', '--shadow-share', '1']
  const logs = ['--served-log', 'served', '--event-log', 'events', '--outcome-log', 'outcomes', '--log-level', 'info']
  const traces = ['--traces', `http://127.0.0.1:${port}/v1/traces`]
  const { child, directory, model, client } = await startServing(await servingDirectory(trained), [
    ...both,
    ...logs,
    ...traces,
    ...['--encoder-cpus', '0'],
  ])
  started = child
  expect(child.stdout).toContain('Serving snapshot 1 as "a" and snapshot 1 as "b" on http://')

  await holdCopy(model, 3)
  await child.until(() => child.stdout.includes('beside'))
  expect(child.stdout).toMatch(/Snapshot 3 of "a" is computed beside snapshot 1; over its panel of \d+ users: residual/)
  const timeMs = Date.now()
  await client.ingest(clickOf('ann', timeMs, 1))
  await Promise.all(['a', 'b'].map((name) => untilServed(client, 'ann', timeMs, 1, name)))

  // The encoder is killed: reads are answered as before, and the next events are refreshed again.
  const encoder = () => descendantsOf(child.process.pid!).find(({ command }) => command.includes('encoder-main'))!.pid
  const coresOf = (pid: number) => execFileSync('taskset', ['-c', '-p', String(pid)], { encoding: 'utf8' })
  expect(coresOf(encoder())).toMatch(/: 0\n$/)
  process.kill(encoder(), 'SIGKILL')
  const laterMs = Date.now()
  await client.ingest(clickOf('ann', laterMs, 0))
  const [refreshed] = await Promise.all(['a', 'b'].map((name) => untilServed(client, 'ann', laterMs, 1, name)))
  expect([...refreshed.status]).toEqual([0])
  expect(coresOf(encoder())).toMatch(/: 0\n$/)
  await client.read(['ann'], ['a'], { request: 'r1' })

  const { shadow, snapshots } = await client.snapshots('a')
  expect(shadow).toMatchObject({ snapshot: 3, rows: expect.any(Number) })
  expect(shadow!.rows).toBeGreaterThan(0)
  expect(snapshots.map(({ state }) => state)).toEqual(['served', 'available', 'shadow'])
  await client.outcomes({
    downstream: 'ctr',
    requests: ['r1'],
    users: ['ann'],
    predictions: [0.5],
    labels: [1],
    timesMs: [timeMs],
  })

  // Both follow the one directory, and one is asked.
  expect(await client.promote('a', 2)).toEqual({ model: 'a', snapshot: 2 })
  expect(await servedSnapshot(model)).toBe(2)
  await child.until(() => child.stdout.includes('Snapshot 2 is served as "b", in place of 1.'))
  await expect(client.promote('a', 3)).rejects.toMatchObject({ code: 'snapshot_refused' })
  expect(await client.rollback('a')).toEqual({ model: 'a', snapshot: 1 })
  expect(await servedSnapshot(model)).toBe(1)

  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(0)
  collector.close()
  expect(spans).toEqual(expect.arrayContaining(['/v1/traces headwater.ingest', '/v1/traces headwater.read']))
  const files = (name: string) => readdirSync(join(directory, name, 'default')).filter((file) => !file.startsWith('.'))
  // By the request's name outcomes are joined with what was served.
  const named: string[] = []
  for await (const { rows, request, user, model: of } of readServedLog(join(directory, 'served', 'default')))
    for (let row = 0; row < rows; row++) if (request[row] === 'r1') named.push(`${user[row]} ${of[row]}`)
  expect(named).toEqual(['ann a'])
  const events = files('events').map((file) => readFileSync(join(directory, 'events', 'default', file), 'utf8'))
  expect(events.join('')).toContain('"ann"')
  expect(files('outcomes')).toHaveLength(1)
  // A line each on stderr, but for what a driver says.
  const lines = child.stderr.split('\n').filter((line) => line.startsWith('{'))
  expect(lines.map((line) => JSON.parse(line).name)).toContain('headwater')
})

test('serves nothing past its time to live, and removes it from the store', async () => {
  const directory = await servingDirectory(trained)
  const options = ['--model', 'model', '--refresh-on', 'event', '--time-to-live', '1s']
  const { child, client, url } = await startServing(directory, options)
  started = child
  const timeMs = Date.now()
  await client.ingest(clickOf('ann', timeMs, 1))
  await untilServed(client, 'ann', timeMs)
  const statusNow = async () => (await client.read(['ann'], ['sum'])).models[0].status[0]
  while ((await statusNow()) !== servedStatus.default) await new Promise((resolve) => setTimeout(resolve, 50))
  const swept = async () =>
    /^headwater_store_swept_records_total (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())![1]
  while ((await swept()) === '0') await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await swept()).toBe('1')
  child.process.kill('SIGTERM')
  expect(await child.exited).toBe(0)
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  try {
    expect(await store.sweep({ model: 'sum', expiredBeforeMs: Date.now(), maxRecords: 100 })).toMatchObject({
      visited: 0,
    })
    expect((await store.readStates('user', ['ann'])).states[0]).toBeDefined()
  } finally {
    await store.close()
  }
})
