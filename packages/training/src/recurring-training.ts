import type { FeatureSpace, LogEvent } from '@headwater/features'
import { groupsByTime, Replay } from '@headwater/features'
import type { GpuDevice, KernelProfile } from '@headwater/gpu'
import {
  declareTower,
  type NamedMatrix,
  nextSnapshotNumber,
  publishSnapshot,
  type TowerConfig,
  Weights,
} from '@headwater/runtime'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { ExampleFile } from './example-file.ts'
import { initialize } from './initialize.ts'
import type { Rates } from './optimizer-step.ts'
import { blockShuffled, withReplay } from './orders.ts'
import { type TrainingBatch, TrainStep } from './train-step.ts'

export interface TrainingOptions {
  readonly config: TowerConfig
  readonly seed: number
  /** R, rows of a step. */
  readonly batchRows: number
  /** Passes over everything before the first snapshot. */
  readonly firstEpochs: number
  readonly firstRates: Rates
  readonly roundRates: Rates
}

export const defaultTraining: Omit<TrainingOptions, 'config' | 'seed'> = {
  batchRows: 512,
  firstEpochs: 2,
  firstRates: { dense: 1e-3, tables: 0.02, weightDecay: 0.01 },
  roundRates: { dense: 1e-4, tables: 0.02, weightDecay: 0.01 },
}

/** A round's figures. */
export interface RoundSummary {
  readonly steps: number
  /** Mean training loss of the first task, nats; NaN where there was nothing to train on. */
  readonly loss: number
}

export type Progress = (done: number, total: number) => void

const encodeRows = 512

/**
 * Training that goes on with the log: events are replayed into examples as they come, a round trains on what is new from
 * the last weights, and each round's weights can be published as a snapshot.
 */
export class RecurringTraining {
  readonly space: FeatureSpace
  readonly options: TrainingOptions
  readonly weights: Weights
  readonly examples: ExampleFile
  readonly #step: TrainStep
  readonly #replay: Replay
  readonly #encoded: TrainingBatch
  readonly #batches: readonly TrainingBatch[]
  readonly #random: SeededRandom
  #encodedRows = 0
  #steps = 0
  #trained = 0
  #lastEventMs = Number.NEGATIVE_INFINITY

  /** @param examplePath where encoded examples are kept until `dispose`. */
  constructor(device: GpuDevice, space: FeatureSpace, examplePath: string, options: TrainingOptions) {
    this.space = space
    this.options = options
    const { tasks } = space.schema
    const tower = declareTower(space.user, space.item, tasks.length, options.config)
    this.weights = new Weights(device, tower.set, true)
    initialize(this.weights, options.seed)
    this.#step = new TrainStep(
      device,
      tower,
      this.weights,
      options.batchRows,
      tasks.map((task) => task.weight ?? 1),
    )
    this.examples = new ExampleFile(space, examplePath)
    this.#replay = new Replay(space)
    this.#random = seededRandom(options.seed + 1)
    this.#encoded = this.#batch(encodeRows)
    // One is trained on while the other is filled.
    this.#batches = [this.#batch(options.batchRows), this.#batch(options.batchRows)]
  }

  #batch(rows: number): TrainingBatch {
    const { space } = this
    return {
      rows,
      user: space.allocate('user', rows),
      item: space.allocate('item', rows),
      labels: new Uint8Array(rows * space.schema.tasks.length),
    }
  }

  /** Encodes events, in time order and in whole groups of equal time, into examples. */
  feed(events: Iterable<LogEvent>): void {
    for (const group of groupsByTime(events)) {
      for (const event of group) {
        this.#replay.encode(event, this.#encoded, this.#encodedRows)
        if (++this.#encodedRows === encodeRows) this.#flush()
      }
      this.#replay.ingest(group)
      this.#lastEventMs = Math.max(this.#lastEventMs, group[0].timeMs)
    }
  }

  #flush(): void {
    if (this.#encodedRows > 0) this.examples.append({ ...this.#encoded, rows: this.#encodedRows })
    this.#encodedRows = 0
  }

  /** Trains on what was fed since the last round: first several passes over all, later the new rows and as many old ones. */
  async round(onProgress?: Progress, signal?: AbortSignal): Promise<RoundSummary> {
    this.#flush()
    const { options, examples } = this
    const first = this.#trained === 0
    const orders = first
      ? Array.from({ length: options.firstEpochs }, () => blockShuffled(0, examples.length, this.#random))
      : [withReplay(this.#trained, examples.length, this.#random)]
    const rates = first ? options.firstRates : options.roundRates
    const total = orders.reduce((sum, order) => sum + Math.ceil(order.length / options.batchRows), 0)
    let steps = 0
    for (const order of orders)
      for (let from = 0; from < order.length; from += options.batchRows) {
        signal?.throwIfAborted()
        const to = Math.min(order.length, from + options.batchRows)
        const batch = examples.read(order, from, to, this.#batches[steps % 2])
        await this.#step.run(batch, ++this.#steps, options.seed, rates)
        steps++
        onProgress?.(steps, total)
      }
    const loss = await this.#step.meanLoss()
    this.#trained = examples.length
    return { steps, loss }
  }

  /** Share of a step's wall time that is spent inside kernels, over steps on the newest examples; they train like any other. */
  async profileSteps(steps: number): Promise<{ kernelShare: number; kernels: readonly KernelProfile[] }> {
    const { options, examples } = this
    const profile = new Map<string, KernelProfile>()
    let kernelMs = 0
    let wallMs = 0
    const rows = Math.min(options.batchRows, examples.length)
    for (let i = 0; i < steps; i++) {
      const order = Uint32Array.from({ length: rows }, () => Math.floor(this.#random.nextFloat() * examples.length))
      const batch = examples.read(order, 0, rows, this.#batches[0])
      const times = await this.#step.profile(batch, ++this.#steps, options.seed, options.roundRates, profile)
      kernelMs += times.kernelMs
      wallMs += times.wallMs
    }
    return { kernelShare: kernelMs / wallMs, kernels: [...profile.values()].sort((a, b) => b.timeMs - a.timeMs) }
  }

  /** The weights as they are now, padding taken out. */
  async matrices(): Promise<NamedMatrix[]> {
    const matrices: NamedMatrix[] = []
    for (const { name, rows, cols } of this.weights.set.entries())
      matrices.push({ name, rows, cols, data: await this.weights.read(name) })
    return matrices
  }

  /** Publishes the weights as the model's next snapshot. Warm starts stay in one alignment frame. @returns its directory. */
  async publish(modelDirectory: string): Promise<string> {
    return publishSnapshot(modelDirectory, this.space.schema, await this.matrices(), {
      snapshot: await nextSnapshotNumber(modelDirectory),
      frame: 1,
      dataCutoffMs: this.#trained > 0 ? this.#lastEventMs : 0,
      trainedRows: this.#trained,
      config: this.options.config,
    })
  }

  dispose(): void {
    this.#step.dispose()
    this.weights.dispose()
    this.examples.close()
  }
}
