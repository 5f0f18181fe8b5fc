/**
 * A log served as live traffic, on log time: training goes on in rounds and publishes snapshots, every event behind the
 * first of them is a request that reads its user's served embedding, and the event is ingested afterwards.
 */
import { join } from 'node:path'
import { type FeatureSpace, happened, type LogEvent, timeGroups } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { openServedLog } from '@headwater/logs'
import { assertAsOf, createPooling, type Encoder, type ServedBatch } from '@headwater/pooling'
import { loadTower, type ModelConfig, type ServedTower } from '@headwater/runtime'
import { openStore } from '@headwater/store'
import { RecurringTraining, stepLog, type TrainingOptions } from '@headwater/training'
import type { Stages } from '../progress/stages.ts'
import { randomVectors } from './embedding-source.ts'
import { type DriftRound, panelDrift, panelOf } from './panel.ts'

/** The served models: the trained tower, and two controls that are served in the same way. */
export const servedModels = ['sum', 'untrained', 'random'] as const

export interface TrafficSummary {
  /** Rows before which snapshots were published. */
  readonly snapshotRows: readonly number[]
  readonly drift: readonly DriftRound[]
  readonly vectorsChecked: number
  readonly hitRate: number
  readonly kernelShare: number
  readonly towerParameters: number
  /** Directory of the served log: a row for each served model of a row of the log. */
  readonly servedLog: string
  /** Directory of the LMDB store, with all that the traffic left in it. */
  readonly store: string
  /** Of the snapshot that was served last. */
  readonly lastSnapshotDirectory: string
  /** Of the tower before its first round. */
  readonly untrainedDirectory: string
  /** Snapshots that the publication gate held: traffic went on with the one before. */
  readonly held: readonly HeldSnapshot[]
  /** The log's last events, 2,000 at most. */
  readonly recent: readonly LogEvent[]
}

const recentEvents = 2000

export interface HeldSnapshot {
  readonly snapshot: number
  readonly reasons: readonly string[]
}

/** The gate held every snapshot, so that nothing was ever served. */
export class NothingServedError extends Error {
  override readonly name = 'NothingServedError'

  constructor(held: readonly HeldSnapshot[]) {
    const why = held.flatMap(({ snapshot, reasons }) => reasons.map((reason) => `snapshot ${snapshot}: ${reason}`))
    super(`No snapshot was served, the publication gate held them all. ${why.join(' ')} Train longer, or on more rows.`)
  }
}

/** Most snapshots whose vectors are averaged, and how far a vector's features may lie behind the newest one's. */
export interface PooledSnapshots {
  readonly count: number
  readonly maxLagMs: number
}

/** How a log is served. */
export interface TrafficSettings {
  readonly config: ModelConfig
  readonly training: Omit<TrainingOptions, 'config' | 'seed'>
  readonly pooling: PooledSnapshots
  /** Log time from the offer of a refresh until its vector can be read. */
  readonly refreshDelayMs: number
  /** Users whose vectors are compared from snapshot to snapshot. */
  readonly panelUsers: number
}

interface TrafficOptions {
  readonly device: GpuDevice
  readonly space: FeatureSpace
  readonly log: { readonly rows: number; events(): AsyncIterable<LogEvent[]> }
  /** Empty, for snapshots, store and served log. */
  readonly directory: string
  readonly settings: TrafficSettings
  /** Rows before which snapshots are published, ascending. */
  readonly publicationRows: readonly number[]
  readonly seed: number
  readonly stages: Stages
  readonly signal?: AbortSignal | undefined
}

/** What pooling publishes of a tower. */
export function encoderOf(tower: ServedTower): Encoder {
  const { manifest, dim } = tower
  const { snapshot, frame } = manifest
  // The manifest's cut-off is the last event trained on, an encoder's the first moment behind it.
  return { snapshot, frame, dataCutoffMs: manifest.dataCutoffMs + 1, dim, encode: (batch) => tower.encode(batch) }
}

const profiledSteps = 8

/** Refreshes that are computed together: the encoder's largest batch. */
const batchSize = 512
/** Events whose reads wait until so many refreshes are due, at most. */
const maxAheadEvents = 8 * batchSize

/** Served rows that wait for the disk, at most: beyond, the traffic waits, so that none is dropped. */
const maxPendingRows = 65_536

/**
 * @throws AsOfError where a served vector is not strictly older than its row
 * @throws NothingServedError where the gate held every snapshot
 */
export async function serveLiveTraffic(options: TrafficOptions): Promise<TrafficSummary> {
  const { device, space, log, directory, settings, seed, stages, signal } = options
  const { config, pooling: average, refreshDelayMs } = settings
  const dim = config.embeddings.count * config.embeddings.width
  const [storePath, servedDirectory] = [join(directory, 'store'), join(directory, 'served')]
  const training = new RecurringTraining(device, space, join(directory, '.examples'), {
    ...settings.training,
    config,
    seed,
  })
  training.onSteps = stepLog(
    join(directory, 'metrics.jsonl'),
    space.tasks.map(({ name }) => name),
  )
  const servedLog = await openServedLog({
    directory: servedDirectory,
    tenant: 'default',
    latest: ['sum'],
    maxPendingRows,
  })
  const store = await openStore(`lmdb:${storePath}`)
  let nowMs = 0
  const control = { count: 1, slots: 1, slot: 'snapshot' } as const
  // What downstream models learn from are served embeddings, and nothing in their place.
  const defaultVector = new Float32Array(dim)
  const pooling = createPooling({
    store,
    space,
    clock: { now: () => nowMs },
    refreshDelayMs,
    batchSize,
    models: [
      { name: 'sum', dim, policy: { slot: 'snapshot', ...average }, defaultVector },
      { name: 'untrained', dim, policy: control, defaultVector },
      { name: 'random', dim, policy: control, defaultVector },
    ],
  })
  const cutoffs = new Map<string, number>()
  const publish = async (model: string, encoder: Encoder) => {
    cutoffs.set(`${model} ${encoder.snapshot}`, encoder.dataCutoffMs)
    await pooling.publish(model, encoder)
  }

  let tower = null as ServedTower | null
  let untrained = null as ServedTower | null
  let lastSnapshotDirectory = ''
  let untrainedDirectory = ''
  let panel: string[] = []
  let kernelShare = 0
  const snapshotRows: number[] = []
  const drift: DriftRound[] = []
  const held: HeldSnapshot[] = []

  /** The tower before its first round, with what that round's examples are standardized by. */
  const publishUntrained = async () => {
    await training.fitDense()
    const published = await training.publish(join(directory, 'untrained'))
    untrainedDirectory = published.directory
    return loadTower(published.directory, { device })
  }

  /**
   * Trains on what is new, publishes a snapshot and hands it to pooling; the first time, backfills all known users. Where
   * the gate holds the snapshot, traffic goes on with the one before.
   */
  const publishRound = async (row: number) => {
    stages.begin('train', 0)
    untrained ??= await publishUntrained()
    await training.round((done, total) => stages.advance(done / total), signal)
    if (tower === null) kernelShare = (await training.profileSteps(profiledSteps)).kernelShare
    const { directory: path, manifest } = await training.publish(join(directory, 'snapshots'))
    stages.end()
    const { status, reasons } = manifest.verdict
    if (status === 'held') {
      held.push({ snapshot: manifest.snapshot, reasons })
      return
    }

    stages.begin('publish', 0)
    const before = tower
    tower = await loadTower(path, { device })
    lastSnapshotDirectory = path
    snapshotRows.push(row)
    await publish('sum', encoderOf(tower))
    if (before) {
      drift.push(await panelDrift(space, store, panel, nowMs, before, tower))
      // Refreshes that were due keep the tower they were captured with, so those are computed first.
      await pooling.drain()
      before.dispose()
    } else {
      await publish('untrained', encoderOf(untrained))
      await publish('random', { snapshot: 1, frame: 1, dataCutoffMs: 0, dim, encode: randomVectors(seed, dim) })
      await pooling.backfill(store.keys('user'), nowMs)
      const users: string[] = []
      for await (const user of store.keys('user')) users.push(user)
      panel = panelOf(users, settings.panelUsers)
    }
    stages.end()
  }

  let reads = 0
  let hits = 0
  /** Of the last read with as many users, whose memory the next one fills. */
  const batches = new Map<number, ServedBatch>()

  /** Reads and logs what the group's users are served. */
  const serve = async (group: readonly LogEvent[]) => {
    const users = group.map(({ user }) => user)
    const into = batches.get(users.length)
    const served = await pooling.read(users, servedModels, { latest: true, halves: true, into })
    batches.set(users.length, served)
    assertAsOf(served, nowMs, (model, snapshot) => cutoffs.get(`${model} ${snapshot}`))
    if (servedLog.pendingRows + users.length * servedModels.length > maxPendingRows) await servedLog.flush()
    // A request of its own tells each read's rows from those of the next.
    servedLog.record(served, `row ${group[0].row}`)
    reads += users.length
    for (const snapshot of served.models[0].snapshot) if (snapshot > 0) hits++
  }

  /** Groups that were ingested, so that their refreshes are known, and are yet to be read. */
  let ahead: (readonly LogEvent[])[] = []
  let aheadEvents = 0

  /** Computes the refreshes of the groups ahead together, then reads one group after another: each finds what landed before it. */
  const serveAhead = async () => {
    if (ahead.length === 0) return
    const landing = await pooling.computeDue()
    const lastMs = nowMs
    for (const group of ahead) {
      nowMs = group[0].timeMs
      await landing.land(group.map(({ user }) => user))
      await serve(group)
    }
    nowMs = lastMs
    await landing.landAll()
    ahead = []
    aheadEvents = 0
  }

  try {
    const publications = [...options.publicationRows]
    const recent: LogEvent[] = []
    let row = 0
    stages.begin('features', publications[0])
    training.compile(signal)
    for await (const group of timeGroups(log.events())) {
      signal?.throwIfAborted()
      if (row >= publications[0]) {
        await serveAhead()
        stages.end()
        publications.shift()
        await publishRound(row)
        stages.begin('serve', log.rows)
      }
      nowMs = group[0].timeMs
      const taken = group.filter(happened)
      await pooling.ingest(taken)
      training.feed(group)
      if (tower) {
        ahead.push(group)
        aheadEvents += group.length
        if (pooling.due >= batchSize || aheadEvents >= maxAheadEvents) await serveAhead()
      }
      recent.push(...taken)
      if (recent.length > 2 * recentEvents) recent.splice(0, recent.length - recentEvents)
      row += group.length
      stages.advance(row)
    }
    await serveAhead()
    stages.end()
    if (!tower) throw new NothingServedError(held)
    // Every refresh that was offered is computed.
    nowMs += refreshDelayMs + 1
    await pooling.drain()
    await store.flushed()
    return {
      snapshotRows,
      drift,
      vectorsChecked: reads * servedModels.length,
      hitRate: reads === 0 ? 0 : hits / reads,
      kernelShare,
      towerParameters: training.weights.set.count,
      servedLog: servedDirectory,
      store: storePath,
      lastSnapshotDirectory,
      untrainedDirectory,
      held,
      recent: recent.slice(-recentEvents),
    }
  } finally {
    await pooling.close()
    await servedLog.close()
    await store.close()
    tower?.dispose()
    untrained?.dispose()
    training.dispose()
  }
}
