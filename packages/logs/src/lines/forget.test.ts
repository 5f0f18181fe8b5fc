/** A user who was everywhere is nowhere afterwards: every byte of every log is searched, and the receipt names each place. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createPooling } from '@headwater/pooling'
import { encoderOf, eventOf, model, space, startMs } from '@headwater/pooling/testing/towers'
import { openStore } from '@headwater/store'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, test } from 'vitest'
import { openServedLog } from '../served/served-log.ts'
import { openEventLog } from './event-log.ts'
import { openOutcomeLog } from './outcome-log.ts'

const user = 'søme-üser-to-forget'

/** Files of a directory and those below that hold a text, in whatever place. */
function filesWith(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name)
}

test('forgetting reaches the store, the queue and every log, and one receipt tells of all', async () => {
  const directory = temporaryDirectory()
  const of = (name: string) => ({ directory: join(directory, name), tenant: 'default', maxRows: 3 })
  const served = await openServedLog({ ...of('served'), latest: [model.name] })
  const events = await openEventLog({ ...of('events'), schema: space.schema })
  const outcomes = await openOutcomeLog(of('outcomes'))
  const store = await openStore('memory:')
  let nowMs = startMs
  const pooling = createPooling({
    store,
    space,
    models: [model],
    clock: { now: () => nowMs },
    eventLog: events,
    onServed: (batch) => served.record(batch, `request ${nowMs}`),
  })
  for (const { holder } of [served, events, outcomes]) store.addForgetHolder(holder)
  await pooling.publish(model.name, encoderOf(1))
  for (let i = 0; i < 7; i++) {
    nowMs += 60_000
    await pooling.ingest([eventOf(user, 'i', nowMs), eventOf(`other-${i}`, 'i', nowMs)])
    // The last event's refresh waits still.
    if (i < 6) {
      nowMs += 60_000
      await pooling.drain()
    }
    await pooling.read([user, `other-${i}`], [model.name])
    if (i % 2 === 0) await served.flush()
    const outcome = {
      downstream: 'ctr',
      request: `request ${nowMs}`,
      prediction: 0.5,
      label: 1,
      timeMs: nowMs,
    } as const
    await outcomes.append([
      { ...outcome, user },
      { ...outcome, user: `other-${i}` },
    ])
  }
  for (const name of ['served', 'events', 'outcomes'])
    expect(filesWith(join(directory, name), user).length).toBeGreaterThan(2)

  const receipt = await store.forget(user, { atMs: nowMs })
  expect(receipt.failed).toEqual([])
  const counts = Object.fromEntries(receipt.removed.map(({ where, what, count }) => [`${where}: ${what}`, count]))
  expect(counts).toMatchObject({
    'store: ring': 1,
    'store: state': 1,
    'served log: served row': 7,
    'event log: event': 7,
    'outcome log: outcome': 7,
  })
  expect(receipt.removed.some(({ where, count }) => where === 'refresh queue' && count > 0)).toBe(true)
  expect(filesWith(directory, user)).toEqual([])

  // What was under way does not bring the user back.
  nowMs += 60_000
  await pooling.drain()
  await pooling.close()
  for (const log of [served, events, outcomes]) await log.close()
  await store.close()
  expect(filesWith(directory, user)).toEqual([])
  expect(filesWith(directory, 'other-6').length).toBeGreaterThanOrEqual(3)
})
