/** Users of the bundled log, as the pooling's benches serve them: their states, embeddings, events and requests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLog } from '@headwater/datasets'
import { compileFeatures, type FeatureSpace, groupsByTime, type LogEvent, Replay } from '@headwater/features'
import { presets } from '@headwater/runtime'
import { serveSnapshot } from '@headwater/snapshot'
import { seededRandom } from '@headwater/statistics'
import { pack } from 'msgpackr'
import { dearerConfig, publishTower } from './pooling-towers.ts'

export const model = 'home'
/** Of a row of snapshot numbers: what users hold of before, what is served at first, and what comes after it. */
export const snapshots = { filled: [1, 2, 3], first: 4, next: [5, 6] } as const

/** Whose refreshes are offered in turn: so few that each has its turn within seconds. */
export const offeredUsers = 4_000

const sampleRows = 512
const sampleEvents = 20_000

export interface World {
  readonly space: FeatureSpace
  /** In time order. */
  readonly events: readonly LogEvent[]
  readonly users: readonly string[]
}

export async function openWorld(): Promise<World> {
  const log = await openLog({ data: 'movietweetings' })
  try {
    const events: LogEvent[] = []
    for await (const chunk of log.events()) events.push(...chunk)
    return { space: compileFeatures(log.schema), events, users: [...new Set(events.map(({ user }) => user))] }
  } finally {
    await log.close()
  }
}

export interface ModelDirectories {
  /** Of snapshots of preset `base`; `snapshots.first` is served. */
  readonly base: string
  /** Of a single snapshot that is ten times dearer. */
  readonly dearer: string
  remove(): void
}

/** Publishes random towers. What an interrupted run leaves is removed too. */
export async function publishModels({ space, events }: World): Promise<ModelDirectories> {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-towers-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', remove)
  const sample = sampleOf(space, events)
  const base = join(directory, 'base')
  for (const snapshot of [snapshots.first, ...snapshots.next])
    await publishTower(base, space, presets.base, snapshot, sample)
  await serveSnapshot(base, snapshots.first, 'gate')
  const dearer = await publishTower(join(directory, 'dearer'), space, dearerConfig, snapshots.first, sample)
  return {
    base,
    dearer,
    remove: () => {
      process.off('exit', remove)
      remove()
    },
  }
}

function sampleOf(space: FeatureSpace, events: readonly LogEvent[]) {
  const replay = new Replay(space)
  for (const group of groupsByTime(events.slice(0, sampleEvents))) replay.ingest(group)
  const sample = space.allocate('user', sampleRows)
  for (let row = 0; row < sampleRows; row++) {
    const { user, timeMs } = events[sampleEvents - 1 - row]
    space.encodeUser(sample, row, replay.userState(user), timeMs)
  }
  return sample
}

/** Of the users that are read: nobody has heard of them. */
const strangersShare = 0.1

/** Whole HTTP requests, each to read some users drawn at random, strangers among them. */
export function readRequests(users: readonly string[], usersACall: number): readonly Uint8Array[] {
  const random = seededRandom(7)
  return Array.from({ length: 1_000 }, () => {
    const draw = () => users[random.nextBelow(users.length)]
    const wanted = Array.from({ length: usersACall }, () =>
      random.nextFloat() < strangersShare ? `stranger-${draw()}` : draw(),
    )
    const body = pack({ users: wanted, models: [model], encoding: 'f16' })
    const head = 'POST /v1/embeddings/read HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/msgpack\r\n'
    return Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body])
  })
}
