/** One downstream model over the log: each step's rows are predicted, and trained on once their labels are known. */
import type { FeatureSpace, LogEvent } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { ProgressiveScore } from '@headwater/statistics'
import type { ReplayedBlock } from '../replay/blocks.ts'
import { createModel, type DownstreamSpec, rowSelector, stepRows, userBucket } from './family.ts'
import { type DownstreamModel, type DownstreamOptions, type DownstreamRows, RowBuffer, type Served } from './rows.ts'

export interface ProgressiveRunOptions extends Omit<DownstreamOptions, 'userBuckets' | 'others'> {
  readonly device: GpuDevice
  readonly space: FeatureSpace
  readonly spec: DownstreamSpec
  /** First row whose predictions are kept. */
  readonly keptFrom: number
  /** First row of those before `keptFrom` that settings are chosen by. Default: none are. */
  readonly judgedFrom?: number
  /** In the place of the spec's own model. */
  readonly model?: DownstreamModel
  /**
   * Rows at which what training has come to begins to predict, from the first of them on only there. Default: after every
   * step.
   */
  readonly deployedAt?: readonly number[]
}

export class ProgressiveRun {
  readonly #options: ProgressiveRunOptions
  readonly #model: DownstreamModel
  readonly #selects: ReturnType<typeof rowSelector>
  readonly #delayMs: number
  /** Tasks whose labels are known when the model's own are. */
  readonly #others: readonly number[]
  readonly #labels: Uint8Array
  readonly #labelWeights: Float32Array
  #buffer: RowBuffer
  readonly #waiting: { readonly rows: DownstreamRows; readonly knownMs: number }[] = []
  /** For each row predicted and not yet collected, its place in the log and its label. */
  #predicted: { readonly row: number; readonly label: number }[] = []
  readonly #judged = new ProgressiveScore()
  readonly #logits: Float32Array[] = []
  readonly #deployedAt: number[]
  #steps = 0
  /** Times of the first and last row of the step that is being filled. */
  #firstMs = 0
  #lastMs = 0
  #lastRow = 0

  constructor(options: ProgressiveRunOptions) {
    const { device, space, spec } = options
    this.#options = options
    this.#deployedAt = [...(options.deployedAt ?? [])]
    this.#selects = rowSelector(space, spec)
    this.#delayMs = space.tasks[spec.task].delayMs
    this.#others = space.tasks.flatMap(({ delayMs }, task) =>
      task !== spec.task && delayMs <= this.#delayMs ? [task] : [],
    )
    this.#model = options.model ?? createModel(device, space, spec, { ...options, others: this.#others.length })
    this.#labels = new Uint8Array(space.tasks.length)
    this.#labelWeights = new Float32Array(space.tasks.length)
    this.#buffer = this.#newBuffer()
  }

  /** @param served to the block's rows, null where nothing is */
  async add(
    block: Pick<ReplayedBlock<unknown>, 'events' | 'item' | 'groupEnds'>,
    served: readonly (Served | null)[],
  ): Promise<void> {
    let from = 0
    for (const end of block.groupEnds) {
      // Rows of equal time are not earlier than one another, so they share a step as long as they fit one.
      if (this.#buffer.rows > 0 && this.#buffer.rows + end - from > stepRows) await this.#step()
      for (let row = from; row < end; row++) {
        const event = block.events[row]
        if (!this.#takes(event)) continue
        const { space, spec } = this.#options
        const user = userBucket(space, event.user)
        if (this.#buffer.rows === 0) this.#firstMs = event.timeMs
        const place = this.#buffer.push(user, block.item, row, served[row], this.#labels[spec.task])
        this.#putOthers(place)
        this.#predicted.push({ row: event.row, label: this.#labels[spec.task] })
        this.#lastMs = event.timeMs
        this.#lastRow = event.row
        if (this.#buffer.rows === stepRows) await this.#step()
      }
      from = end
    }
  }

  /** Logits of the kept rows, in order. */
  async finish(): Promise<Float32Array> {
    if (this.#buffer.rows > 0) await this.#step()
    await this.#collect()
    const length = this.#logits.reduce((sum, part) => sum + part.length, 0)
    const all = new Float32Array(length)
    let at = 0
    for (const part of this.#logits) {
      all.set(part, at)
      at += part.length
    }
    return all
  }

  /** Mean log loss of the rows that settings are chosen by, once all is collected; null where there are none. */
  get judgedLoss(): number | null {
    return this.#judged.rows === 0 ? null : this.#judged.meanLogLoss
  }

  dispose(): void {
    this.#model.dispose()
  }

  #takes(event: LogEvent): boolean {
    this.#options.space.labels(event, this.#labels, this.#labelWeights)
    return this.#selects(event, this.#labels, this.#labelWeights)
  }

  #putOthers(place: number): void {
    const { labels, weights } = this.#buffer.others
    for (const [i, task] of this.#others.entries()) {
      labels[place * this.#others.length + i] = this.#labels[task]
      weights[place * this.#others.length + i] = this.#labelWeights[task] > 0 ? 1 : 0
    }
  }

  async #step(): Promise<void> {
    const rows = this.#buffer.view
    this.#deploy()
    if (this.#delayMs > 0) {
      while (this.#waiting.length > 0 && this.#waiting[0].knownMs < this.#firstMs)
        await this.#model.train(this.#waiting.shift()!.rows)
      await this.#model.predict(rows)
      this.#waiting.push({ rows, knownMs: this.#lastMs + this.#delayMs })
      this.#buffer = this.#newBuffer()
    } else {
      await this.#model.step(rows)
      this.#buffer.rows = 0
    }
    if (++this.#steps % Math.min(this.#model.stepsHeld, 64) === 0) await this.#collect()
  }

  #deploy(): void {
    const due = this.#deployedAt.filter((row) => row <= this.#lastRow).length
    if (due === 0) return
    this.#deployedAt.splice(0, due)
    this.#model.hold()
  }

  async #collect(): Promise<void> {
    const { keptFrom, judgedFrom = keptFrom } = this.#options
    const predicted = this.#predicted
    this.#predicted = []
    const logits = await this.#model.logits()
    for (const [i, { row, label }] of predicted.entries()) {
      if (row < judgedFrom || row >= keptFrom) continue
      // Of a rate at which training came apart each prediction is as bad as can be.
      const probability = Number.isNaN(logits[i]) ? 1 - label : 1 / (1 + Math.exp(-logits[i]))
      this.#judged.add(probability, label)
    }
    this.#logits.push(logits.filter((_, i) => predicted[i].row >= keptFrom))
  }

  #newBuffer(): RowBuffer {
    const { space, dim, flags } = this.#options
    return new RowBuffer(space, stepRows, dim, flags, this.#others.length)
  }
}

/** Adds a block to each of several runs: their steps on a device go on side by side. */
export async function addToEach(
  block: Parameters<ProgressiveRun['add']>[0],
  each: Iterable<readonly [run: ProgressiveRun, served: readonly (Served | null)[]]>,
): Promise<void> {
  const added = await Promise.allSettled(Array.from(each, ([run, served]) => run.add(block, served)))
  for (const one of added) if (one.status === 'rejected') throw one.reason
}
