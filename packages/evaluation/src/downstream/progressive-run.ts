/**
 * One downstream model over the log: each step's rows are predicted, and trained on once their labels are known. It may have several
 * settings, of which those go on that are best before the rows whose predictions are kept.
 */
import type { FeatureSpace, LogEvent } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import type { Choice, ReplayedBlock } from '../replay/blocks.ts'
import { createModel, type DownstreamSpec, rowSelector, stepRows, userBucket } from './family.ts'
import { rankOfFirst } from './rank.ts'
import { defaultRanking } from './ranking-settings.ts'
import {
  type DownstreamModel,
  type DownstreamOptions,
  type DownstreamRows,
  givenWidth,
  predictionsHeld,
  RowBuffer,
  type Served,
} from './rows.ts'
import { type RowSpan, TriedModel, type TriedSettings } from './tried-model.ts'

export interface ProgressiveRunOptions extends Omit<DownstreamOptions, 'userBuckets' | 'others' | 'rateFactor'> {
  readonly device: GpuDevice
  readonly space: FeatureSpace
  readonly spec: DownstreamSpec
  /** First row whose predictions are kept. */
  readonly keptFrom: number
  /** First row of those before `keptFrom` that settings are chosen by. Default: none are. */
  readonly judgedFrom?: number
  /** Makes a model in the place of the spec's own. */
  readonly model?: (settings: TriedSettings) => DownstreamModel
  /**
   * Rows at which what training has come to begins to predict, from the first of them on only there. Default: after every
   * step.
   */
  readonly deployedAt?: readonly number[]
  /**
   * Settings to choose among, the usual ones first: they count where others are as good, and where there is nothing to choose by.
   * Default: none, the usual ones are all.
   */
  readonly tries?: readonly TriedSettings[]
  /** Rows by whose loss the worse half of the settings is given up behind them; before `judgedFrom`. Default: none is. */
  readonly halvedBy?: RowSpan
}

/** Logits of the kept rows, in order. */
export interface RunPredictions {
  readonly best: Float32Array
  /** With the first of the settings. */
  readonly usual: Float32Array
  /** By the best as they were when the kept rows began, as by a split of the log in time; empty where nothing is chosen. */
  readonly split: Float32Array
  /** Of the blocks' choices of the model's rows, the rank of what was taken, by the best. */
  readonly ranks: readonly number[]
  /** Which settings are best, by place. */
  readonly chosen: number
  /** Mean log loss of the rows that settings are chosen by, of those that were not given up. */
  readonly judgedLosses: ReadonlyMap<string, number>
}

export class ProgressiveRun {
  readonly #options: ProgressiveRunOptions
  /** Models with each of the settings that may yet be the best. */
  #models: readonly TriedModel[]
  readonly #all: readonly TriedModel[]
  readonly #selects: ReturnType<typeof rowSelector>
  readonly #delayMs: number
  /** Tasks whose labels are known when the model's own are. */
  readonly #others: readonly number[]
  readonly #labels: Uint8Array
  readonly #labelWeights: Float32Array
  #buffer: RowBuffer
  readonly #waiting: { readonly rows: DownstreamRows; readonly knownMs: number }[] = []
  /** Of the step that is being filled. */
  #filling = { rows: [] as number[], labels: [] as number[] }
  readonly #deployedAt: number[]
  #isDeployed = false
  /** Rows by whose loss settings go on or end. */
  #scored: RowSpan
  #isHalved: boolean
  /** Once the kept rows have begun, where there are settings to choose among. */
  #best: TriedModel | null = null
  #judgedLosses: ReadonlyMap<string, number> | null = null
  #steps = 0
  /** Times of the first and last row of the step that is being filled. */
  #firstMs = 0
  #lastMs = 0
  #lastRow = 0

  constructor(options: ProgressiveRunOptions) {
    const { device, space, spec, keptFrom, judgedFrom = keptFrom, halvedBy } = options
    this.#options = options
    this.#scored = halvedBy ?? { fromRow: judgedFrom, toRow: keptFrom }
    this.#isHalved = halvedBy === undefined
    this.#deployedAt = [...(options.deployedAt ?? [])]
    this.#selects = rowSelector(space, spec)
    this.#delayMs = space.tasks[spec.task].delayMs
    this.#others = space.tasks.flatMap(({ delayMs }, task) =>
      task !== spec.task && delayMs <= this.#delayMs ? [task] : [],
    )
    this.#all = (options.tries ?? [{ name: '' }]).map((settings: TriedSettings) => {
      const { name, rateFactor, ranking } = settings
      const own = {
        ...options,
        others: this.#others.length,
        ...(rateFactor !== undefined && { rateFactor }),
        ...(ranking && { ranking: { ...(options.ranking ?? defaultRanking), ...ranking } }),
      }
      return new TriedModel(name, options.model?.(settings) ?? createModel(device, space, spec, own))
    })
    this.#models = this.#all
    this.#labels = new Uint8Array(space.tasks.length)
    this.#labelWeights = new Float32Array(space.tasks.length)
    this.#buffer = this.#newBuffer()
  }

  /** @param served to the block's rows, null where nothing is */
  async add(
    block: Pick<ReplayedBlock<unknown>, 'events' | 'item' | 'groupEnds' | 'choices'>,
    served: readonly (Served | null)[],
  ): Promise<void> {
    const { space, spec } = this.#options
    let from = 0
    for (const end of block.groupEnds) {
      await this.#reach(block.events[end - 1].row)
      // Rows of equal time are not earlier than one another, so they share a step as long as they fit one.
      if (this.#buffer.rows > 0 && this.#buffer.rows + end - from > stepRows) await this.#step()
      for (let row = from; row < end; row++) {
        const event = block.events[row]
        if (!this.#takes(event)) continue
        const choice = block.choices?.find(({ place }) => place === row)
        if (choice !== undefined) await this.#rank(choice, event, served[row])
        const user = userBucket(space, event.user)
        if (this.#buffer.rows === 0) this.#firstMs = event.timeMs
        const place = this.#buffer.push(user, block.item, row, served[row], this.#labels[spec.task])
        this.#putOthers(place)
        this.#filling.rows.push(event.row)
        this.#filling.labels.push(this.#labels[spec.task])
        this.#lastMs = event.timeMs
        this.#lastRow = event.row
        if (this.#buffer.rows === stepRows) await this.#step()
      }
      from = end
    }
  }

  async finish(): Promise<RunPredictions> {
    await this.#reach(Number.POSITIVE_INFINITY)
    if (this.#buffer.rows > 0) await this.#step()
    await this.#collect()
    const [usual] = this.#all
    const { logits, heldLogits, ranks } = this.#best ?? usual
    return {
      best: logits,
      usual: usual.logits,
      split: heldLogits,
      ranks,
      chosen: this.#all.indexOf(this.#best ?? usual),
      judgedLosses: this.#judgedLosses ?? this.#losses(),
    }
  }

  dispose(): void {
    for (const { model } of this.#models) model.dispose()
    this.#models = []
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
    const filled = this.#filling
    this.#filling = { rows: [], labels: [] }
    this.#deploy()
    const isLate = this.#delayMs > 0
    const known: DownstreamRows[] = []
    if (isLate) while (this.#waiting[0]?.knownMs < this.#firstMs) known.push(this.#waiting.shift()!.rows)
    await settled(
      this.#models.map(async (tried) => {
        const { model } = tried
        for (const earlier of known) await model.train(earlier)
        if (this.#isDeployed) await model.predictHeld(rows)
        else if (isLate) await model.predict(rows)
        else await model.step(rows)
        tried.predicted(filled)
        if (tried === this.#best) {
          await model.predictHeld(rows)
          tried.predicted(filled, true)
        }
        if (this.#isDeployed && !isLate) await model.train(rows)
      }),
    )
    if (isLate) {
      this.#waiting.push({ rows, knownMs: this.#lastMs + this.#delayMs })
      this.#buffer = this.#newBuffer()
    } else this.#buffer.rows = 0
    // A step is predicted twice at most.
    if (++this.#steps % (predictionsHeld / 2) === 0) await this.#collect()
  }

  /** Ranks what was taken among all that could have been, by the weights that predict the row itself. */
  async #rank({ item, expected }: Choice, event: LogEvent, served: Served | null): Promise<void> {
    await this.#collect()
    const user = userBucket(this.#options.space, event.user)
    const models = this.#models.map(({ model }) => model)
    const logits = models.map(() => [] as number[])
    const buffer = this.#newBuffer()
    for (let from = 0, held = 0; from < item.rows; from += stepRows) {
      buffer.rows = 0
      const to = Math.min(from + stepRows, item.rows)
      for (let row = from; row < to; row++) buffer.push(user, item, row, served, 0)
      const rows = buffer.view
      await settled(models.map((model) => (this.#isDeployed ? model.predictHeld(rows) : model.predict(rows))))
      if (++held < predictionsHeld && to < item.rows) continue
      held = 0
      for (const [m, model] of models.entries()) logits[m].push(...(await model.logits()))
    }
    for (const [m, tried] of this.#models.entries())
      tried.ranks.push(rankOfFirst(Float32Array.from(logits[m]), expected))
  }

  #deploy(): void {
    const due = this.#deployedAt.filter((row) => row <= this.#lastRow).length
    if (due === 0) return
    this.#deployedAt.splice(0, due)
    this.#isDeployed = true
    for (const { model } of this.#models) model.hold()
  }

  /** Gives settings up where the log has come to a row at which they are. */
  async #reach(row: number): Promise<void> {
    const { tries, halvedBy, keptFrom, judgedFrom = keptFrom } = this.#options
    if (tries === undefined) return
    if (!this.#isHalved && row >= halvedBy!.toRow) {
      await this.#collect()
      this.#goOnWith(Math.ceil(tries.length / 2))
      this.#scored = { fromRow: judgedFrom, toRow: keptFrom }
      this.#isHalved = true
      for (const tried of this.#models) tried.scoreAnew()
    }
    if (this.#best !== null || row < keptFrom) return
    if (this.#buffer.rows > 0) await this.#step()
    await this.#collect()
    this.#judgedLosses = this.#losses()
    this.#best = this.#goOnWith(1)
    this.#best.model.hold()
  }

  #losses(): ReadonlyMap<string, number> {
    return new Map(this.#models.flatMap(({ name, loss }) => (loss === null ? [] : [[name, loss] as const])))
  }

  /** Ends all settings but the best of them and the usual ones. @returns the best */
  #goOnWith(count: number): TriedModel {
    const lossOf = ({ loss }: TriedModel) => loss ?? Number.POSITIVE_INFINITY
    const byLoss = this.#models.toSorted((a, b) => lossOf(a) - lossOf(b) || this.#all.indexOf(a) - this.#all.indexOf(b))
    const ended = byLoss.slice(count).filter((own) => own !== this.#all[0])
    for (const { model } of ended) model.dispose()
    this.#models = this.#models.filter((own) => !ended.includes(own))
    return byLoss[0]
  }

  async #collect(): Promise<void> {
    await settled(this.#models.map((tried) => tried.collect(this.#scored, this.#options.keptFrom)))
  }

  #newBuffer(): RowBuffer {
    const { space, dim, flags, meeting } = this.#options
    return new RowBuffer(space, stepRows, dim, flags, this.#others.length, givenWidth(meeting))
  }
}

/** Waits for all of them also where one fails. @throws what the first that failed has thrown */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(work)) if (one.status === 'rejected') throw one.reason
}

/** Adds a block to each of several runs: their steps on a device go on side by side. */
export async function addToEach(
  block: Parameters<ProgressiveRun['add']>[0],
  each: Iterable<readonly [run: ProgressiveRun, served: readonly (Served | null)[]]>,
): Promise<void> {
  await settled(Array.from(each, ([run, served]) => run.add(block, served)))
}
