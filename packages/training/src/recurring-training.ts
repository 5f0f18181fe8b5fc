import { totalmem } from 'node:os'
import type { FeatureSpace, LogEvent } from '@headwater/features'
import { groupsByTime, Replay } from '@headwater/features'
import type { GpuDevice, KernelProfile } from '@headwater/gpu'
import { declareTower, type NamedMatrix, type Tensor, type Tower, type TowerConfig, Weights } from '@headwater/runtime'
import { SeededRandom, seededRandom } from '@headwater/statistics'
import { BadStepsError } from './bad-steps.ts'
import { CheckpointError } from './checkpoint/checkpoint-error.ts'
import type { CheckpointFile, CheckpointSettings } from './checkpoint/checkpoint-file.ts'
import type { NamedBuffer } from './checkpoint/staged-buffers.ts'
import { ExampleFile } from './example-file.ts'
import { checkMaxNorm } from './gradient-clipping.ts'
import { initialize } from './initialize.ts'
import type { Rates } from './optimizer-step.ts'
import { blockShuffled, withReplay } from './orders.ts'
import { checkPublicationOptions, defaultPublication, type PublicationOptions } from './publication/options.ts'
import { PanelSampler } from './publication/panel.ts'
import { type Publication, publish } from './publication/publish.ts'
import { checkSchedule, constantSchedule, rateFactor, type Schedule } from './schedule.ts'
import { type TrainingBatch, TrainStep } from './train-step.ts'
import { checkTrainingMemory } from './training-memory.ts'
import type { TrainingState } from './training-state.ts'

export interface TrainingOptions {
  readonly config: TowerConfig
  readonly seed: number
  /** R, rows of a step. */
  readonly batchRows: number
  /** Passes over everything before the first snapshot. */
  readonly firstEpochs: number
  readonly firstRates: Rates
  readonly roundRates: Rates
  /** Of every round, from its first step on. */
  readonly schedule: Schedule
  /** Norm to which gradients are clipped; 0: they are not. */
  readonly maxNorm: number
  /** Steps of a round that may be left out for a gradient that is not finite. */
  readonly maxBadSteps: number
  readonly publication: PublicationOptions
}

export const defaultTraining: Omit<TrainingOptions, 'config' | 'seed'> = {
  batchRows: 512,
  firstEpochs: 2,
  firstRates: { dense: 1e-3, tables: 0.02, weightDecay: 0.01 },
  roundRates: { dense: 1e-4, tables: 0.02, weightDecay: 0.01 },
  schedule: constantSchedule,
  maxNorm: 0,
  maxBadSteps: 10,
  publication: defaultPublication,
}

/** A round's figures. */
export interface RoundSummary {
  readonly steps: number
  /** Mean training loss of the first task, nats; NaN where there was nothing to train on. */
  readonly loss: number
  /** Steps left out since their gradient was not finite. */
  readonly skipped: number
  /** Steps whose gradient was clipped. */
  readonly clipped: number
}

const noRound: RoundSummary = { steps: 0, loss: Number.NaN, skipped: 0, clipped: 0 }

export type Progress = (done: number, total: number) => void

interface RoundPosition {
  /** Words of the generator when the round began. */
  readonly random: readonly number[]
  steps: number
}

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
  readonly #device: GpuDevice
  readonly #tower: Tower
  readonly #step: TrainStep
  readonly #panel: PanelSampler
  readonly #replay: Replay
  readonly #encoded: TrainingBatch
  readonly #batches: readonly TrainingBatch[]
  #random: SeededRandom
  #round: RoundPosition | null = null
  #encodedRows = 0
  #steps = 0
  /** Examples before this one were trained on. */
  #trained = 0
  /** Examples before this one were there when the last round ended; those from `#trained` on are held back. */
  #known = 0
  #lastEventMs = Number.NEGATIVE_INFINITY

  /**
   * @param examplePath where encoded examples are kept until `dispose`.
   * @throws TowerConfigError, PublicationOptionsError, ScheduleError, ClippingError; TrainingMemoryError before anything is
   * allocated, GpuLimitError or OutOfMemoryError where the device has less room than it says
   */
  constructor(device: GpuDevice, space: FeatureSpace, examplePath: string, options: TrainingOptions) {
    checkPublicationOptions(options.publication)
    checkSchedule(options.schedule)
    checkMaxNorm(options.maxNorm)
    this.space = space
    this.options = options
    this.#device = device
    this.#panel = new PanelSampler(options.publication.panelUsers, options.seed)
    const { tasks } = space.schema
    const tower = declareTower(space.user, space.item, tasks.length, options.config)
    this.#tower = tower
    checkTrainingMemory(
      tower.set,
      device.limits.maxBufferSize,
      device.adapter.software ? totalmem() : Number.POSITIVE_INFINITY,
    )
    this.weights = new Weights(device, tower.set, true)
    initialize(this.weights, options.seed)
    this.#step = new TrainStep(
      device,
      tower,
      this.weights,
      options.batchRows,
      tasks.map((task) => task.weight ?? 1),
      options.maxNorm,
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
        this.#panel.observe(event.user, this.examples.length + this.#encodedRows)
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

  /**
   * Trains on what was fed since the last round: first several passes over all, later the new rows and as many old ones.
   * The last part of what was fed is held back: snapshots are compared on it, and the next round trains on it. A round
   * without news makes no step, and a restored one goes on behind the last step that it had made.
   * @param onStep called between steps: the moment to `capture`
   * @throws BadStepsError where too many steps were left out; the signal's reason
   */
  async round(
    onProgress?: Progress,
    signal?: AbortSignal,
    onStep?: (steps: number) => Promise<void> | void,
  ): Promise<RoundSummary> {
    this.#flush()
    const { options, examples } = this
    const { heldBackShare, maxHeldBackRows } = options.publication
    const fresh = examples.length - this.#known
    if (fresh === 0) return noRound
    const end = examples.length - Math.min(maxHeldBackRows, Math.floor(heldBackShare * fresh))
    const first = this.#trained === 0
    this.#round ??= { random: this.#random.words, steps: 0 }
    const round = this.#round
    const done = round.steps
    const orders = first
      ? Array.from({ length: options.firstEpochs }, () => blockShuffled(0, end, this.#random))
      : [withReplay(this.#trained, end, this.#random)]
    const rates = first ? options.firstRates : options.roundRates
    const total = orders.reduce((sum, order) => sum + Math.ceil(order.length / options.batchRows), 0)
    try {
      let steps = 0
      for (const order of orders)
        for (let from = 0; from < order.length; from += options.batchRows) {
          if (steps++ < done) continue
          signal?.throwIfAborted()
          const to = Math.min(order.length, from + options.batchRows)
          const batch = examples.read(order, from, to, this.#batches[steps % 2])
          await this.#step.run(
            batch,
            ++this.#steps,
            options.seed,
            scaled(rates, rateFactor(options.schedule, steps, total)),
          )
          round.steps = steps
          this.#checkSkipped(this.#step.skipped)
          onProgress?.(steps, total)
          await onStep?.(steps)
        }
      const { loss, rows, skipped, clipped } = await this.#step.takeSums()
      this.#checkSkipped(skipped)
      this.#trained = end
      this.#known = examples.length
      return { steps, loss: loss / rows, skipped, clipped }
    } finally {
      // A round that broke off begins anew when it is called again; `restore` is the way to go on.
      this.#round = null
    }
  }

  #checkSkipped(skipped: number): void {
    const { maxBadSteps } = this.options
    if (skipped > maxBadSteps) throw new BadStepsError(skipped, maxBadSteps, this.#steps)
  }

  /** What a checkpoint must agree with: everything that the weights depend on besides the log. */
  get settings(): CheckpointSettings {
    const { publication, ...options } = this.options
    const { panelUsers, heldBackShare, maxHeldBackRows } = publication
    const { maxBadSteps: _, ...decisive } = options
    return { ...decisive, publication: { panelUsers, heldBackShare, maxHeldBackRows }, schema: this.space.schema }
  }

  /**
   * Where the training stands, and the buffers that hold the rest: to be copied before the next step is submitted.
   * Everything fed must have been seen by a round.
   */
  capture(): { readonly state: TrainingState; readonly buffers: readonly NamedBuffer[] } {
    const { sums, pendingRows, records } = this.#step.capture()
    const { length, fingerprint } = this.examples
    const state = {
      examples: length,
      fingerprint,
      steps: this.#steps,
      trained: this.#trained,
      known: this.#known,
      random: this.#round?.random ?? this.#random.words,
      roundSteps: this.#round?.steps ?? null,
      sums,
      pendingRows,
    }
    return { state, buffers: [...trainedBuffers(this.weights), { name: 'records of steps', buffer: records }] }
  }

  /**
   * Goes on where a checkpoint was made, after the same events were fed as then; a round that was under way goes on with
   * the next `round`. @throws CheckpointError where the events were others
   */
  async restore(checkpoint: CheckpointFile): Promise<void> {
    this.#flush()
    const { training: state } = checkpoint.header.state
    const { length, fingerprint } = this.examples
    if (length !== state.examples || fingerprint !== state.fingerprint)
      throw new CheckpointError(
        `Checkpoint ${checkpoint.path} was made on other data: its first ${state.examples} rows are not those of this log. Give the log that it was made on, or start in a new directory.`,
      )
    for (const { name, buffer } of this.capture().buffers) {
      await checkpoint.read(name, buffer.size, (chunk, offsetBytes) =>
        this.#device.gpuDevice.queue.writeBuffer(buffer, offsetBytes, chunk as Uint8Array<ArrayBuffer>),
      )
      await this.#device.idle()
    }
    this.#steps = state.steps
    this.#trained = state.trained
    this.#known = state.known
    this.#random = new SeededRandom(state.random)
    this.#round = state.roundSteps === null ? null : { random: state.random, steps: state.roundSteps }
    this.#step.restore(state)
  }

  /** Share of a step's wall time that is spent inside kernels, over steps on examples of earlier rounds; they train like any other. */
  async profileSteps(steps: number): Promise<{ kernelShare: number; kernels: readonly KernelProfile[] }> {
    const { options, examples } = this
    const profile = new Map<string, KernelProfile>()
    let kernelMs = 0
    let wallMs = 0
    const rows = Math.min(options.batchRows, this.#trained)
    for (let i = 0; i < steps; i++) {
      const order = Uint32Array.from({ length: rows }, () => Math.floor(this.#random.nextFloat() * this.#trained))
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

  /**
   * Publishes the weights as the model's next snapshot, lined up with the served one, and serves it where the gate lets it
   * pass. @throws as `publish` of publication/publish.ts; the served snapshot stays served then.
   */
  async publish(modelDirectory: string): Promise<Publication> {
    this.#flush()
    const { space, weights, examples, options } = this
    return publish(
      {
        device: this.#device,
        space,
        tower: this.#tower,
        weights,
        matrices: await this.matrices(),
        examples,
        heldBack: { from: this.#trained, to: this.#known },
        panelRows: this.#panel.rows(),
        dataCutoffMs: Math.max(0, this.#lastEventMs),
        trainedRows: this.#trained,
      },
      modelDirectory,
      options.publication,
    )
  }

  dispose(): void {
    this.#step.dispose()
    this.weights.dispose()
    this.examples.close()
  }
}

const scaled = ({ dense, tables, weightDecay }: Rates, factor: number): Rates => ({
  dense: dense * factor,
  tables: tables * factor,
  weightDecay,
})

/** Weights and what the optimizers know of them. Gradients and transposed copies are made anew by every step. */
function trainedBuffers(weights: Weights): NamedBuffer[] {
  const named = (tensor: Tensor): NamedBuffer => ({ name: tensor.storage.label, buffer: tensor.storage.buffer! })
  const tables = weights.set.tables.flatMap((table) => [weights.tableValues(table), weights.tableSquares(table)])
  return [weights.values, weights.first!, weights.second!, ...tables].map(named)
}
