/** Jobs that are killed at each of their renames and syncs, with what must hold of all that they leave. */
import { deepStrictEqual, ok } from 'node:assert'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readServedLog } from '@headwater/logs'
import {
  listSnapshots,
  noteForgotten,
  readSnapshot,
  servedSnapshot,
  serveSnapshot,
  snapshotNumber,
  snapshotsWith,
} from '@headwater/snapshot'
import type { CrashScenario } from '@headwater/testkit/disk-faults'
import { eventOf, keepUsers, linesIn, openWorld, publishNext, servedOf } from './world.ts'

const job = fileURLToPath(new URL('./crash-job.ts', import.meta.url))
const others = Array.from({ length: 6 }, (_, i) => `other-${i}`)
const gone = 'someone'

const log: CrashScenario = {
  name: 'event log',
  program: [job, 'log'],
  prepare: async () => {},
  check: async (directory, { stdout }, isWhole) => {
    const ids = linesIn(join(directory, 'events')).map(({ headwater_event_id: id }) => Number(id))
    const acknowledged = Number([...stdout.matchAll(/acknowledged (\d+)/g)].at(-1)?.[1] ?? 0)
    // All that was acknowledged once and in order; a pair that was under way may be there by half.
    const known = Math.max(acknowledged, ids.length)
    deepStrictEqual(
      ids,
      Array.from({ length: known }, (_, i) => i + 1),
    )
    ok(known <= acknowledged + 2 || isWhole, `${known} of ${acknowledged} acknowledged`)
    ok(!stdout.includes('LogLossError'), 'a log that lost nothing tells of a loss')
  },
}

const panelUsers = [...others, gone]

const forget: CrashScenario = {
  name: 'forget',
  program: [job, 'forget'],
  prepare: async (directory) => {
    const world = await openWorld(directory)
    await keepUsers(world.store, panelUsers)
    for (const [i, user] of others.entries()) {
      const users = i % 2 === 0 ? [user, gone] : [user]
      await world.events.append(users.map((each, n) => eventOf(each, `${i}-${n}`)))
      world.served.record(servedOf(users))
      await world.served.flush()
    }
    await world.close()
    for (const _ of ['first', 'second']) await publishNext(join(directory, 'model'), panelUsers)
  },
  check: async (directory, _, isWhole) => {
    const world = await openWorld(directory)
    try {
      deepStrictEqual((await world.store.check()).faults, [])
      const { states } = await world.store.readStates('user', panelUsers)
      deepStrictEqual(
        states.slice(0, others.length).map((state) => [...(state ?? [])]),
        others.map(() => [1, 2, 3]),
      )
      if (isWhole) deepStrictEqual(states[others.length], undefined)
    } finally {
      await world.close()
    }
    const named: Record<string, string[]> = { events: [], served: [] }
    named.events.push(...linesIn(join(directory, 'events')).map(({ user }) => user as string))
    for await (const { user, rows } of readServedLog(join(directory, 'served')))
      named.served.push(...user.slice(0, rows))
    for (const users of Object.values(named)) {
      deepStrictEqual(
        users.filter((user) => user !== gone),
        others,
      )
      if (isWhole) ok(!users.includes(gone), 'one who was forgotten is in a log')
    }
    const model = join(directory, 'model')
    const snapshots = await listSnapshots(model)
    deepStrictEqual(snapshots.map(snapshotNumber), [1, 2])
    for (const snapshot of snapshots) {
      const { panel } = await readSnapshot(snapshot)
      // A panel that was being written anew is left out, but all of the rest is whole.
      if (panel !== null) ok([others.length, panelUsers.length].includes(panel.rows))
    }
    if (isWhole) deepStrictEqual(await snapshotsWith(model, gone), [])
  },
}

/** Names that a writer of a model's directory left. */
const leftoversIn = (model: string) => readdirSync(model).filter((name) => !/^(snapshot-\d{6}|\w+\.json)$/.test(name))

const publish: CrashScenario = {
  name: 'publish',
  program: [job, 'publish'],
  prepare: async (directory) => {
    const model = join(directory, 'model')
    await serveSnapshot(model, await publishNext(model, ['ann', 'bob']), 'gate')
    await noteForgotten(model, 'bob', Date.now())
  },
  check: async (directory, { stdout }, isWhole) => {
    const model = join(directory, 'model')
    const numbers: number[] = []
    for (const path of await listSnapshots(model)) {
      const { manifest, matrices, panel } = await readSnapshot(path)
      numbers.push(manifest.snapshot)
      deepStrictEqual(new Set(matrices.get('weight')!.data), new Set([manifest.snapshot]))
      deepStrictEqual(panel?.rows, manifest.snapshot === 1 ? 2 : 1)
    }
    deepStrictEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    )
    const served = await servedSnapshot(model)
    ok(served !== null && numbers.includes(served), `${served} is served`)
    if (!isWhole) return
    deepStrictEqual(served, Number(/acknowledged (\d+)/.exec(stdout)![1]))
    deepStrictEqual(leftoversIn(model), [])
  },
}

const promote: CrashScenario = {
  name: 'promote',
  program: [job, 'promote'],
  prepare: async (directory) => {
    const model = join(directory, 'model')
    for (const _ of ['first', 'second']) await publishNext(model, ['ann'])
    await serveSnapshot(model, 1, 'gate')
  },
  check: async (directory, _, isWhole) => {
    const model = join(directory, 'model')
    const served = await servedSnapshot(model)
    ok(served === 2 || (served === 1 && !isWhole), `${served} is served`)
    for (const path of await listSnapshots(model)) await readSnapshot(path)
  },
}

export const scenarios: readonly CrashScenario[] = [log, forget, publish, promote]
