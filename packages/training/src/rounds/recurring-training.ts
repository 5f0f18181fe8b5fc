import type { FeatureSpace, LogEvent } from '@headwater/features'
import type { GpuDevice, KernelProfile } from '@headwater/gpu'
import { declareTower, fitDense, type Tensor, type Tower, tokensOf, Weights } from '@headwater/runtime'
import { forgottenUsers, type NamedMatrix, type Snapshot } from '@headwater/snapshot'
import { SeededRandom, seededRandom } from '@headwater/statistics'
import { CheckpointError } from '../checkpoint/checkpoint-error.ts'
import type { CheckpointFile, CheckpointSettings } from '../checkpoint/checkpoint-file.ts'
import { readOlderRuns } from '../checkpoint/older-runs.ts'
import type { NamedBuffer } from '../checkpoint/staged-buffers.ts'
import type { TrainingPosition, TrainingState } from '../checkpoint/training-state.ts'
import { TaughtStep } from '../distillation/taught-step.ts'
import { ExampleFeed } from '../examples/example-feed.ts'
import type { ExampleFile } from '../examples/example-file.ts'
import { type RoundSpan, weighLabels } from '../examples/known-labels.ts'
import { PanelSampler } from '../examples/panel-sampler.ts'
import { allocateExamples, type TrainingBatch } from '../examples/training-batch.ts'
import { checkTrainingMemory } from '../memory/training-memory.ts'
import { checkPublicationOptions, distils } from '../options/publication-options.ts'
import { noRound, type Progress, type RoundSummary, type TrainingOptions } from '../options/training-options.ts'
import { type Publication, publish } from '../publication/publish.ts'
import { checkMaxNorm } from '../step/gradient-clipping.ts'
import { initialize } from '../step/initialize.ts'
import type { Rates } from '../step/optimizer-step.ts'
import { checkSchedule, rateFactor } from '../step/schedule.ts'
import type { OnSteps } from '../step/train-step.ts'
import { WarmStartError } from '../warm-start/warm-start-error.ts'
import { writeWarmWeights } from '../warm-start/warm-weights.ts'
import { BadStepsError } from './bad-steps.ts'
import { planRound, type RoundOrder } from './round-plan.ts'

interface RoundPosition {
  /** Words of the generator when the round began. */
  readonly random: readonly number[]
  steps: number
}

/** Examples that the statistics of dense values are fitted on, at most. */
const fittedRows = 65_536

/**
 * Training that goes on with the log: events are replayed into examples as they come, a round trains on what is new from
 * the last weights, and each round's weights can be published as a snapshot.
 */
export class RecurringTraining {
  readonly space: FeatureSpace
  readonly options: TrainingOptions
  readonly weights: Weights
  readonly #device: GpuDevice
  readonly #tower: Tower
  readonly #taught: TaughtStep
  readonly #feed: ExampleFeed
  /** That is trained on; a step has taken its rows over when `run` returns. */
  readonly #batch: TrainingBatch
  #random: SeededRandom
  #round: RoundPosition | null = null
  #position: TrainingPosition = { steps: 0, trained: 0, known: 0, cutoffMs: null, warm: false }
  readonly #delaysMs: readonly number[]
  /** Columns of the user's dense values whose statistics are still to be fitted. */
  #unfitted: readonly number[]
  /** Until the driver has compiled what `compile` began. */
  #compiled: Promise<void> = Promise.resolve()

  /**
   * @param examplePath where encoded examples are kept until `dispose`, and beside them, with `.sequences` behind that name,
   * their users' events.
   * @throws ModelConfigError, TrainingOptionsError; TrainingMemoryError before anything is allocated, GpuLimitError or
   * OutOfMemoryError where the device has less room than it says
   */
  constructor(device: GpuDevice, space: FeatureSpace, examplePath: string, options: TrainingOptions) {
    checkPublicationOptions(options.publication)
    checkSchedule(options.schedule)
    checkMaxNorm(options.maxNorm)
    this.space = space
    this.options = options
    this.#device = device
    const { tasks } = space.schema
    const tower = declareTower(space.user, space.item, tasks.length, options.config)
    this.#tower = tower
    const freeBytes = device.memoryBudgetBytes - device.allocatedBytes
    checkTrainingMemory(tower, options.batchRows, device.limits, freeBytes, distils(options.publication.alignment))
    const { weights, taught, feed } = device.allOrNothing(() => {
      const weights = new Weights(device, tower.set, true)
      const taught = new TaughtStep(device, tower, weights, space, options)
      const panel = new PanelSampler(options.publication.panelUsers, options.seed)
      return { weights, taught, feed: new ExampleFeed(space, examplePath, panel) }
    })
    this.weights = weights
    this.#taught = taught
    this.#feed = feed
    initialize(weights, options.seed)
    this.#delaysMs = space.tasks.map(({ delayMs }) => delayMs)
    this.#unfitted = [...space.user.dense.keys()]
    this.#random = seededRandom(options.seed + 1)
    this.#batch = allocateExamples(space, options.batchRows)
  }

  /** Called with steps as they are read back: every 32, and when a round ends. */
  set onSteps(onSteps: OnSteps) {
    this.#taught.onSteps = onSteps
  }

  get examples(): ExampleFile {
    return this.#feed.file
  }

  /**
   * Encodes events, in time order and in whole groups of equal time, into examples.
   * @param isExample false for an event that features learn of and nothing is trained on. Default: all are examples
   */
  feed(events: Iterable<LogEvent>, isExample?: (event: LogEvent) => boolean): void {
    this.#feed.feed(events, isExample)
  }

  /**
   * Has the driver compile the kernels of a step while events are fed: the round that comes waits only for what is left. What
   * goes wrong, the signal's reason too, is thrown by that round.
   */
  compile(signal?: AbortSignal): void {
    this.#compiled = this.#taught.step.warm(signal)
    this.#compiled.catch(() => {})
  }

  /**
   * Trains on what was fed since the last round: first several passes over all, later the new rows and as many old ones.
   * The last part of what was fed is held back: snapshots are compared on it, and the next round trains on it. A round
   * without news makes no step, and a restored one goes on behind the last step that it had made.
   * @param onStep called between steps; `capture` may be called then
   * @throws BadStepsError where too many steps were left out; the signal's reason
   */
  async round(
    onProgress?: Progress,
    signal?: AbortSignal,
    onStep?: (steps: number) => Promise<void> | void,
  ): Promise<RoundSummary> {
    this.#feed.flush()
    const { options, examples } = this
    const position = this.#position
    if (examples.length === position.known) return noRound
    const end = this.#roundEnd
    const first = position.trained === 0 && !position.warm
    this.#round ??= await this.#beginRound()
    const round = this.#round
    const done = round.steps
    const span = { previousMs: this.#cutoffMs, cutoffMs: this.#feed.newestMs }
    const orders = planRound({
      trained: position.trained,
      end,
      firstEpochs: first ? options.firstEpochs : 0,
      span,
      delaysMs: this.#delaysMs,
      times: this.#feed.times,
      readTimes: this.#feed.readTimes,
      random: this.#random,
    })
    const rates = first ? options.firstRates : options.roundRates
    const total = orders.reduce((sum, { rows }) => sum + Math.ceil(rows.length / options.batchRows), 0)
    try {
      if (total > 0) {
        await this.#fitDense(end)
        // Ahead of the steps, whose pace tells how much time is left. One with a teacher has more kernels.
        await this.#compiled
        await this.#taught.step.warm(signal)
      }
      let steps = 0
      for (const order of orders)
        for (let from = 0; from < order.rows.length; from += options.batchRows) {
          if (steps++ < done) continue
          signal?.throwIfAborted()
          await this.#taught.step.run(
            this.#read(order, from, span),
            ++position.steps,
            options.seed,
            scaled(rates, rateFactor(options.schedule, steps, total)),
          )
          round.steps = steps
          this.#checkSkipped(this.#taught.step.skipped)
          onProgress?.(steps, total)
          await onStep?.(steps)
        }
      const { loss, weight, skipped, clipped } = await this.#taught.step.takeSums()
      this.#checkSkipped(skipped)
      // Without a label that is known, its rows are as new to the next round as they were to this one.
      if (total > 0) position.trained = end
      position.known = examples.length
      position.cutoffMs = Number.isFinite(span.cutoffMs) ? span.cutoffMs : null
      return { steps, loss: loss / weight, skipped, clipped }
    } finally {
      // A round that broke off begins anew when it is called again; `restore` is the way to go on.
      this.#round = null
    }
  }

  /** Time of the last round's newest event; −∞ before the first. */
  get #cutoffMs(): number {
    return this.#position.cutoffMs ?? Number.NEGATIVE_INFINITY
  }

  /** Examples that a round now would train on end here: the last of what is new is held back. */
  get #roundEnd(): number {
    const { length } = this.examples
    const { heldBackShare, maxHeldBackRows } = this.options.publication
    return length - Math.min(maxHeldBackRows, Math.floor(heldBackShare * (length - this.#position.known)))
  }

  async #beginRound(): Promise<RoundPosition> {
    // Figures of a round that broke off are not this one's.
    await this.#taught.step.takeSums()
    await this.#taught.take(await this.#taught.nextTeacher())
    return { random: this.#random.words, steps: 0 }
  }

  /** A batch of an order from entry `from` on, its labels weighed. */
  #read({ rows, matured }: RoundOrder, from: number, span: RoundSpan): TrainingBatch {
    const batch = this.examples.read(rows, from, Math.min(rows.length, from + this.options.batchRows), this.#batch)
    weighLabels(batch, this.#delaysMs, span, (r) => matured?.[from + r] === 1)
    return batch
  }

  #checkSkipped(skipped: number): void {
    const { maxBadSteps } = this.options
    if (skipped > maxBadSteps) throw new BadStepsError(skipped, maxBadSteps, this.#position.steps)
  }

  /**
   * Begins with a snapshot's weights in place of new ones, and with rounds like those that follow a first one: one pass,
   * their own rates. The schema may have gained optional features since; they change nothing before they are trained.
   * @throws WarmStartError where something was fed already or the snapshot's tower is another one; SchemaChangeError
   */
  warmStart(snapshot: Snapshot): void {
    if (this.#feed.newestMs > Number.NEGATIVE_INFINITY)
      throw new WarmStartError('Warm start: events were fed already; begin with it, in a new training.')
    const { newDense } = writeWarmWeights(this.weights, this.space, this.options.config, snapshot)
    this.#position.warm = true
    this.#unfitted = newDense
  }

  /**
   * From the next round on the snapshot that a model serves as a round begins teaches it, where the publication's alignment
   * has a teacher; `publish` sees to that too. The round throws SnapshotError where the snapshot is damaged, and
   * DistillationError where it cannot teach this tower.
   */
  teachFrom(modelDirectory: string): void {
    this.#taught.modelDirectory = modelDirectory
  }

  /**
   * Fits the statistics of dense values to what was fed, as a first round begins with: for a tower that is published before
   * it, which is the same then but for what it learns. Nothing where they were fitted before.
   */
  async fitDense(): Promise<void> {
    this.#feed.flush()
    await this.#fitDense(this.#roundEnd)
  }

  /** Fits what is left to fit of the statistics of dense values, on the examples before `end`. */
  async #fitDense(end: number): Promise<void> {
    const columns = this.#unfitted
    this.#unfitted = []
    if (columns.length === 0) return
    const count = this.space.user.dense.length
    const sample = this.#feed.sampleDense(end, fittedRows)
    for (const { name, data } of fitDense(tokensOf(this.options.config.user, 'dense'), sample, count)) {
      const values = await this.weights.read(name)
      const width = data.length / count
      for (const column of columns) values.set(data.subarray(column * width, (column + 1) * width), column * width)
      this.weights.write(name, values)
    }
  }

  /** What a checkpoint must agree with: everything that the weights depend on besides the log. */
  get settings(): CheckpointSettings {
    const { publication, ...options } = this.options
    const { panelUsers, heldBackShare, maxHeldBackRows } = publication
    const { maxBadSteps: _, ...decisive } = options
    const distillation = distils(publication.alignment) ? publication.distillationWeight : 0
    const decisivePublication = { panelUsers, heldBackShare, maxHeldBackRows, distillation }
    return { ...decisive, publication: decisivePublication, schema: this.space.schema }
  }

  /**
   * Where the training stands, and the buffers that hold the rest: to be copied before the next step is submitted.
   * Everything fed must have been seen by a round.
   */
  capture(): { readonly state: TrainingState; readonly buffers: readonly NamedBuffer[] } {
    const { sums, pendingSteps, records } = this.#taught.step.capture()
    const { length, fingerprint } = this.examples
    const state = {
      examples: length,
      fingerprint,
      ...this.#position,
      random: this.#round?.random ?? this.#random.words,
      roundSteps: this.#round?.steps ?? null,
      teacher: this.#taught.teacher,
      sums,
      pendingSteps,
    }
    return { state, buffers: [...trainedBuffers(this.weights), { name: 'records of steps', buffer: records }] }
  }

  /**
   * Goes on where a checkpoint was made, after the same events were fed as then; a round that was under way goes on with
   * the next `round`. @throws CheckpointError where the events were others; as `teachFrom` where a snapshot teaches it
   */
  async restore(checkpoint: CheckpointFile): Promise<void> {
    this.#feed.flush()
    const { training: state } = checkpoint.header.state
    const { length, fingerprint } = this.examples
    if (length !== state.examples || fingerprint !== state.fingerprint)
      throw new CheckpointError(
        `Checkpoint ${checkpoint.path} was made on other data: its first ${state.examples} rows are not those of this log. Give the log that it was made on, or start in a new directory.`,
      )
    await this.#taught.take(state.teacher)
    const runs = checkpoint.isOlder ? runBuffers(this.weights) : []
    if (checkpoint.isOlder) await readOlderRuns(checkpoint, this.weights, this.options.config)
    for (const { name, buffer } of this.capture().buffers) {
      if (runs.some((run) => run.buffer === buffer)) continue
      await checkpoint.read(name, buffer.size, (chunk, offsetBytes) =>
        this.#device.gpuDevice.queue.writeBuffer(buffer, offsetBytes, chunk as Uint8Array<ArrayBuffer>),
      )
      await this.#device.idle()
    }
    const { steps, trained, known, cutoffMs, warm, random, roundSteps } = state
    this.#position = { steps, trained, known, cutoffMs, warm }
    if (steps > 0) this.#unfitted = []
    this.#random = new SeededRandom(random)
    this.#round = roundSteps === null ? null : { random, steps: roundSteps }
    this.#taught.step.restore(state)
  }

  /** Share of a step's wall time that is spent inside kernels, over steps on examples of earlier rounds; they train like any other. */
  async profileSteps(steps: number): Promise<{ kernelShare: number; kernels: readonly KernelProfile[] }> {
    const { options, examples } = this
    const profile = new Map<string, KernelProfile>()
    let kernelMs = 0
    let wallMs = 0
    const { trained } = this.#position
    const rows = Math.min(options.batchRows, trained)
    for (let i = 0; i < steps; i++) {
      const order = Uint32Array.from({ length: rows }, () => Math.floor(this.#random.nextFloat() * trained))
      const batch = examples.read(order, 0, rows, this.#batch)
      const span = { previousMs: Number.NEGATIVE_INFINITY, cutoffMs: this.#cutoffMs }
      weighLabels(batch, this.#delaysMs, span, () => false)
      const times = await this.#taught.step.profile(
        batch,
        ++this.#position.steps,
        options.seed,
        options.roundRates,
        profile,
      )
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
   * pass. Users whom the model has forgotten are left out of this panel and all later ones. @throws as `publish` of publication/publish.ts;
   * the served snapshot stays served then.
   */
  async publish(modelDirectory: string): Promise<Publication> {
    this.#feed.flush()
    // A tower that was published before the first round has learned nothing.
    const { trained, known } = this.#position
    if (trained > 0) this.teachFrom(modelDirectory)
    this.#feed.panel.forget(await forgottenUsers(modelDirectory))
    const { space, weights, examples, options } = this
    return publish(
      {
        device: this.#device,
        space,
        tower: this.#tower,
        weights,
        matrices: await this.matrices(),
        examples,
        heldBack: { from: trained, to: known },
        panel: this.#feed.panel.rows(),
        dataCutoffMs: Math.max(0, this.#feed.newestMs),
        trainedRows: trained,
        log: { rows: this.#feed.digest.rows, digest: this.#feed.digest.hex },
        cutoffMs: this.#cutoffMs,
        isTaught: this.#taught.teacher !== null,
      },
      modelDirectory,
      options.publication,
    )
  }

  dispose(): void {
    this.#taught.dispose()
    this.weights.dispose()
    this.#feed.close()
  }
}

const scaled = ({ dense, tables, weightDecay }: Rates, factor: number): Rates => ({
  dense: dense * factor,
  tables: tables * factor,
  weightDecay,
})

const bufferOf = ({ storage }: Tensor): NamedBuffer => ({ name: storage.label, buffer: storage.buffer! })

/** Dense parameters and what the optimizer knows of them. Gradients are made anew by every step. */
const runBuffers = ({ runs }: Weights): NamedBuffer[] =>
  runs.flatMap(({ values, first, second }) => [values, first!, second!].map(bufferOf))

/** Weights and what the optimizers know of them. */
function trainedBuffers(weights: Weights): NamedBuffer[] {
  const tables = weights.set.tables.flatMap((table) => [...weights.table(table).wholes])
  return [...runBuffers(weights), ...tables.map(bufferOf)]
}
