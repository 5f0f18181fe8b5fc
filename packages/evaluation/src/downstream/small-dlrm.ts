/** The main job's ranking model as one of the family: dot products of a query with the item, and an MLP, on the GPU. */
import type { SideBatch, SideLayout } from '@headwater/features'
import { type GpuDevice, Pacer } from '@headwater/gpu'
import { type DownstreamRows, flagNames, type HeldModel, type PatientModel } from './downstream-rows.ts'
import { RankingModel, rankingModelDefaults } from './ranking-model.ts'

export interface SmallDlrmOptions {
  readonly rows: number
  readonly userBuckets: number
  readonly dim: number
  readonly flags: boolean
  readonly seed: number
  /** Of the usual learning rates. Default 1. */
  readonly rateFactor?: number
}

export class SmallDlrm implements PatientModel, HeldModel {
  readonly stepsHeld = 64
  readonly #model: RankingModel
  readonly #layout: SideLayout
  readonly #options: SmallDlrmOptions
  readonly #dense: Float32Array
  readonly #userLengths: Uint32Array
  readonly #pacer: Pacer
  #steps = 0

  constructor(device: GpuDevice, layout: SideLayout, options: SmallDlrmOptions) {
    const { rows, userBuckets, dim, flags, seed, rateFactor = 1 } = options
    const { dense, tables, weightDecay } = rankingModelDefaults.rates
    const names = flags ? [...layout.dense, ...flagNames] : layout.dense
    this.#layout = layout
    this.#options = options
    this.#dense = new Float32Array(rows * names.length)
    this.#userLengths = new Uint32Array(rows).fill(1)
    this.#pacer = new Pacer(device)
    this.#model = new RankingModel(
      device,
      { dense: names, bags: [{ name: 'user', buckets: userBuckets, maxValues: 1 }, ...layout.bags], sequence: null },
      {
        ...rankingModelDefaults,
        rates: { dense: rateFactor * dense, tables: rateFactor * tables, weightDecay },
        rows,
        embeddingDim: dim,
        seed,
        steps: this.stepsHeld,
      },
    )
  }

  step(given: DownstreamRows): Promise<void> {
    return this.#paced((batch, vectors) => this.#model.step(batch, vectors, given.labels), given)
  }

  predict(given: DownstreamRows): Promise<void> {
    return this.#paced((batch, vectors) => this.#model.predict(batch, vectors), given)
  }

  train(given: DownstreamRows): Promise<void> {
    return this.#paced((batch, vectors) => this.#model.train(batch, vectors, given.labels), given)
  }

  async #paced(run: (batch: SideBatch, vectors: Float32Array | null) => void, given: DownstreamRows): Promise<void> {
    if (this.#steps++ > 0) await this.#pacer.done()
    const { dim, flags } = this.#options
    const plain = this.#layout.dense.length
    const width = plain + (flags ? flagNames.length : 0)
    for (let row = 0; row < given.rows; row++) {
      this.#dense.set(given.item.dense.subarray(row * plain, (row + 1) * plain), row * width)
      if (!flags) continue
      const own = given.flags.subarray(row * flagNames.length, (row + 1) * flagNames.length)
      this.#dense.set(own, row * width + plain)
    }
    const batch: SideBatch = {
      rows: given.rows,
      dense: this.#dense,
      bags: [{ ids: given.users, lengths: this.#userLengths }, ...given.item.bags],
      sequence: null,
    }
    run(batch, dim > 0 ? given.vectors : null)
    this.#pacer.submitted()
  }

  hold(): void {
    this.#model.hold()
  }

  logits(): Promise<Float32Array> {
    return this.#model.logits()
  }

  dispose(): void {
    this.#model.dispose()
  }
}
