/**
 * A log served as live traffic, on log time: training goes on in rounds and publishes snapshots, every event behind the
 * first of them is a request that reads its user's served embedding, and the event is ingested afterwards.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type FeatureSpace, type LogEvent, timeGroups } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { openServedLog, type ServedLog } from '@headwater/logs'
import { assertAsOf, createPooling, type Encoder, type Pooling } from '@headwater/pooling'
import { loadTower, type ModelConfig, type ServedTower } from '@headwater/runtime'
import { openStore } from '@headwater/store'
import { RecurringTraining, type TrainingOptions } from '@headwater/training'
import type { DriftRound } from '../geometry/drift.ts'
import type { Stages } from '../progress/stages.ts'
import { choosePanel, panelDrift } from './panel.ts'
import { randomVectors } from './random-vectors.ts'

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
  /** Of the store, with all that the traffic left in it. */
  readonly storeUrl: string
  /** Of the snapshot that was served last. */
  readonly lastSnapshotDirectory: string
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

/** @throws AsOfError where a served vector is not strictly older than its row */
export async function serveLiveTraffic(options: TrafficOptions): Promise<TrafficSummary> {
  const traffic = await Traffic.create(options)
  try {
    return await traffic.run()
  } finally {
    await traffic.close()
  }
}

const profiledSteps = 8

/** Served rows that wait for the disk, at most: beyond, the traffic waits, so that none is dropped. */
const maxPendingRows = 65_536

function servedDirectory(directory: string): string {
  return join(directory, 'served')
}

class Traffic {
  readonly #options: TrafficOptions
  readonly #training: RecurringTraining
  readonly #pooling: Pooling
  readonly #store: Awaited<ReturnType<typeof openStore>>
  readonly #storeUrl: string
  readonly #dim: number
  readonly #servedLog: ServedLog
  readonly #drift: DriftRound[] = []
  readonly #snapshotRows: number[] = []
  readonly #cutoffs = new Map<string, number>()
  #nowMs = 0
  #tower: ServedTower | null = null
  #untrained: ServedTower | null = null
  readonly #held: HeldSnapshot[] = []
  readonly #recent: LogEvent[] = []
  #servedDirectory = ''
  #panel: string[] = []
  #vectorsChecked = 0
  #sumReads = 0
  #sumHits = 0
  #kernelShare = 0

  private constructor(
    options: TrafficOptions,
    store: Awaited<ReturnType<typeof openStore>>,
    storeUrl: string,
    training: RecurringTraining,
    servedLog: ServedLog,
  ) {
    const { space, settings } = options
    const dim = settings.config.embeddings.count * settings.config.embeddings.width
    this.#options = options
    this.#training = training
    this.#store = store
    this.#storeUrl = storeUrl
    this.#dim = dim
    this.#servedLog = servedLog
    const control = { count: 1, slots: 1, slot: 'snapshot' } as const
    // What downstream models learn from are served embeddings, and nothing in their place.
    const defaultVector = new Float32Array(dim)
    this.#pooling = createPooling({
      store,
      space,
      clock: { now: () => this.#nowMs },
      refreshDelayMs: settings.refreshDelayMs,
      models: [
        { name: 'sum', dim, policy: { slot: 'snapshot', ...settings.pooling }, defaultVector },
        { name: 'untrained', dim, policy: control, defaultVector },
        { name: 'random', dim, policy: control, defaultVector },
      ],
    })
  }

  static async create(options: TrafficOptions): Promise<Traffic> {
    const { device, space, directory, settings, seed } = options
    mkdirSync(directory, { recursive: true })
    const storeUrl = `lmdb:${join(directory, 'store')}`
    const training = new RecurringTraining(device, space, join(directory, '.examples'), {
      ...settings.training,
      config: settings.config,
      seed,
    })
    const servedLog = await openServedLog({
      directory: servedDirectory(directory),
      tenant: 'default',
      latest: ['sum'],
      maxPendingRows,
    })
    return new Traffic(options, await openStore(storeUrl), storeUrl, training, servedLog)
  }

  async run(): Promise<TrafficSummary> {
    const { log, publicationRows, stages, signal } = this.#options
    const publications = [...publicationRows]
    let row = 0
    stages.begin('features', publications[0])
    for await (const group of timeGroups(log.events())) {
      signal?.throwIfAborted()
      if (publications.length > 0 && row >= publications[0]) {
        stages.end()
        publications.shift()
        await this.#publishRound(row)
        stages.begin('serve', log.rows)
      }
      this.#nowMs = group[0].timeMs
      if (this.#tower) await this.#serve(group)
      await this.#pooling.ingest(group)
      this.#training.feed(group)
      this.#recent.push(...group)
      if (this.#recent.length > 2 * recentEvents) this.#recent.splice(0, this.#recent.length - recentEvents)
      row += group.length
      stages.advance(row)
    }
    stages.end()
    if (!this.#tower) throw new NothingServedError(this.#held)
    await this.#landAll()
    await this.#store.flushed()
    await this.#servedLog.close()
    return {
      snapshotRows: this.#snapshotRows,
      drift: this.#drift,
      vectorsChecked: this.#vectorsChecked,
      hitRate: this.#sumReads === 0 ? 0 : this.#sumHits / this.#sumReads,
      kernelShare: this.#kernelShare,
      towerParameters: this.#training.weights.set.count,
      servedLog: servedDirectory(this.#options.directory),
      storeUrl: this.#storeUrl,
      lastSnapshotDirectory: this.#servedDirectory,
      held: this.#held,
      recent: this.#recent.slice(-recentEvents),
    }
  }

  /**
   * Trains on what is new, publishes a snapshot and hands it to pooling; the first time, backfills all known users. Where
   * the gate holds the snapshot, traffic goes on with the one before.
   */
  async #publishRound(row: number): Promise<void> {
    const { device, space, directory, settings, stages, signal } = this.#options
    stages.begin('train', 0)
    this.#untrained ??= await this.#publishUntrained()
    await this.#training.round((done, total) => stages.advance(done / total), signal)
    const first = this.#tower === null
    if (first) this.#kernelShare = (await this.#training.profileSteps(profiledSteps)).kernelShare
    const { directory: path, manifest } = await this.#training.publish(join(directory, 'snapshots'))
    stages.end()
    const { status, reasons } = manifest.verdict
    if (status === 'held') {
      this.#held.push({ snapshot: manifest.snapshot, reasons })
      return
    }

    stages.begin('publish', 0)
    const before = this.#tower
    const tower = await loadTower(path, { device })
    this.#tower = tower
    this.#servedDirectory = path
    this.#snapshotRows.push(row)
    await this.#publish('sum', this.#encoder(tower))
    if (before) {
      this.#drift.push(await panelDrift(space, this.#store, this.#panel, this.#nowMs, before, tower))
      // Refreshes that were due keep the tower they were captured with, so those are computed first.
      await this.#pooling.drain()
      before.dispose()
    } else {
      await this.#publish('untrained', this.#encoder(this.#untrained!))
      await this.#publish('random', this.#randomEncoder())
      await this.#pooling.backfill(this.#store.keys('user'), this.#nowMs)
      this.#panel = await choosePanel(this.#store, settings.panelUsers)
    }
    stages.end()
  }

  /** The tower before its first round, with what that round's examples are standardized by. */
  async #publishUntrained(): Promise<ServedTower> {
    const { device, directory } = this.#options
    await this.#training.fitDense()
    const published = await this.#training.publish(join(directory, 'untrained'))
    return loadTower(published.directory, { device })
  }

  #encoder(tower: ServedTower): Encoder {
    const { manifest, dim } = tower
    return {
      snapshot: manifest.snapshot,
      frame: manifest.frame,
      // The manifest's cut-off is the last event trained on, an encoder's the first moment behind it.
      dataCutoffMs: manifest.dataCutoffMs + 1,
      dim,
      encode: (batch) => tower.encode(batch),
    }
  }

  #randomEncoder(): Encoder {
    const { seed } = this.#options
    const dim = this.#dim
    return { snapshot: 1, frame: 1, dataCutoffMs: 0, dim, encode: randomVectors(seed, dim) }
  }

  async #publish(model: string, encoder: Encoder): Promise<void> {
    this.#cutoffs.set(`${model} ${encoder.snapshot}`, encoder.dataCutoffMs)
    await this.#pooling.publish(model, encoder)
  }

  /** Reads and logs what the group's users are served, before any of its events is ingested. */
  async #serve(group: readonly LogEvent[]): Promise<void> {
    const users = group.map(({ user }) => user)
    // A refresh only matters once its user is read again, so the encoder runs in batches as large as that allows.
    if (this.#pooling.hasDue(users) || this.#pooling.due >= this.#pooling.batchSize) await this.#pooling.drain()
    const served = await this.#pooling.read(users, servedModels, { latest: true })
    assertAsOf(served, this.#nowMs, (model, snapshot) => this.#cutoffs.get(`${model} ${snapshot}`))
    if (this.#servedLog.pendingRows + users.length * servedModels.length > maxPendingRows) await this.#servedLog.flush()
    // A request of its own tells each read's rows from those of the next.
    this.#servedLog.record(served, `row ${group[0].row}`)
    this.#vectorsChecked += users.length * servedModels.length
    this.#sumReads += users.length
    for (const snapshot of served.models[0].snapshot) if (snapshot > 0) this.#sumHits++
  }

  /** Lets every refresh that was offered land. */
  async #landAll(): Promise<void> {
    this.#nowMs += this.#options.settings.refreshDelayMs + 1
    await this.#pooling.drain()
  }

  async close(): Promise<void> {
    await this.#pooling.close()
    await this.#servedLog.close()
    await this.#store.close()
    this.#tower?.dispose()
    this.#untrained?.dispose()
    this.#training.dispose()
  }
}
