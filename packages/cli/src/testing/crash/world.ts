/** All that a service keeps of users, in one directory: store, logs and the panels of a model. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { panelHolder } from '@headwater/encoder'
import { compileFeatures, type LogEvent, type Schema } from '@headwater/features'
import { openEventLog, openServedLog } from '@headwater/logs'
import type { ServedBatch } from '@headwater/pooling'
import { presets } from '@headwater/runtime'
import { nextSnapshotNumber, panelUserHash, publishSnapshot } from '@headwater/snapshot'
import { openStore } from '@headwater/store'

const schema: Schema = {
  version: 1,
  name: 'crash',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [{ name: 'rating', of: 'outcome', type: 'float' }],
  tasks: [{ name: 'good', field: 'rating', atLeast: 8 }],
  aggregations: [{ name: 'count', of: 'user', kind: 'count' }],
}
const tenant = 'default'
const timeMs = 1_700_000_000_000
const space = compileFeatures(schema)
const dim = 4

/** Lines of a file: few, so that files are finished. */
const maxRows = 4

export const eventOf = (user: string, id: string): LogEvent => ({ row: 0, user, item: 'i', timeMs, values: [9], id })

export function servedOf(users: readonly string[]): ServedBatch {
  const count = users.length
  const column = {
    model: 'm',
    dim,
    vectors: new Float32Array(count * dim).fill(1),
    halves: null,
    latest: null,
    status: new Uint8Array(count),
    snapshot: new Uint32Array(count).fill(1),
    frame: new Uint32Array(count),
    featureTimeMs: new Float64Array(count).fill(timeMs),
    ageMs: new Float64Array(count),
    computed: null,
  }
  return { users, servedMs: timeMs, models: [column] }
}

/** The event log in a directory. Its warnings are printed. */
export const openEvents = (directory: string, onError?: (error: unknown) => void) =>
  openEventLog({ directory: join(directory, 'events'), tenant, schema, maxRows, ...(onError && { onError }) })

/** Lines of a log's files, the one that is written to among them; of which a last line may be torn. */
export function linesIn(directory: string): readonly Record<string, unknown>[] {
  const names = (existsSync(directory) ? readdirSync(directory) : []).filter((name) => /\.jsonl$|\.part$/.test(name))
  const keyOf = (name: string) => /\d{15}/.exec(name)![0]
  return names
    .sort((a, b) => keyOf(a).localeCompare(keyOf(b)))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line))
}

/** Opens all of it. A log that finds lines gone at its start throws. */
export async function openWorld(directory: string) {
  const onError = (error: unknown) => {
    if ((error as Error).name === 'LogLossError') lost = error
  }
  let lost: unknown = null
  const about = (name: string) => ({ directory: join(directory, name), tenant, maxRows, onError })
  const store = await openStore(`lmdb:${join(directory, 'store')}`)
  const logs = {
    events: await openEventLog({ ...about('events'), schema }),
    served: await openServedLog(about('served')),
  }
  for (const { holder } of Object.values(logs)) store.addForgetHolder(holder)
  store.addForgetHolder(panelHolder(join(directory, 'model')))
  const close = async () => {
    for (const log of Object.values(logs)) await log.close()
    await store.close()
  }
  if (lost !== null) throw lost
  return { store, ...logs, close }
}

/** Publishes a model's next snapshot, whose panel has a row of each user. @returns its number */
export async function publishNext(model: string, users: readonly string[]): Promise<number> {
  const snapshot = await nextSnapshotNumber(model)
  const matrices = [{ name: 'weight', rows: 8, cols: 8, data: new Float32Array(64).fill(snapshot) }]
  const about = { snapshot, frame: 1, dataCutoffMs: 0, trainedRows: 0, config: presets.small }
  await publishSnapshot(model, schema, matrices, about, {
    panel: space.allocate('user', users.length),
    panelUsers: Uint32Array.from(users.flatMap(panelUserHash)),
  })
  return snapshot
}

/** Keeps an embedding and a state of each user in the store. */
export async function keepUsers(store: Awaited<ReturnType<typeof openStore>>, users: readonly string[]): Promise<void> {
  await store.append({
    model: 'm',
    dim,
    users,
    vectors: new Float32Array(users.length * dim).fill(1),
    snapshot: 1,
    frame: 1,
    featureTimeMs: new Float64Array(users.length).fill(timeMs),
    writtenMs: timeMs,
    policy: { slots: 3, count: 3, slot: 'snapshot' },
  })
  const state = Uint8Array.of(1, 2, 3)
  await store.compareAndSetStates(users.map((key) => [{ kind: 'user', key, expected: 0, state }]))
  await store.flushed()
}
