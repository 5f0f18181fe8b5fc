/**
 * A snapshot's mix tower, which ranks items for a user's embeddings.
 * Shape letters: R rows, J = K·D numbers of a user's embeddings, T tasks.
 */

import {
  BatchError,
  BatchNumberError,
  batchRows,
  compileFeatures,
  type FeatureSpace,
  type Schema,
  type SideBatch,
} from '@headwater/features'
import { type GpuDevice, Readback, requestDevice } from '@headwater/gpu'
import { padded } from '@headwater/kernels'
import { inverseAlignment, readSnapshot, type Snapshot, SnapshotError } from '@headwater/snapshot'
import { InputBatch } from '../inputs/input-batch.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import { AlignmentLayer } from '../loading/alignment-layer.ts'
import { snapshotConfig } from '../loading/snapshot-config.ts'
import { writeWeights } from '../loading/write-weights.ts'
import { withWeights } from '../parameters/model-recorder.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import { Weights } from '../parameters/weights.ts'
import { Allocation } from '../plan/allocation.ts'
import { type Plan, Recorder } from '../plan/recorder.ts'
import { assign, columns, type Tensor } from '../plan/tensor.ts'
import { queueWrite } from '../plan/upload-ring.ts'
import { headEmbeddings } from '../tower/config.ts'
import { checkModelConfig } from '../tower/config-check.ts'
import { declareMixTower, type MixTower } from '../tower/mix-tower.ts'
import { ServedTowerError } from './errors.ts'

/** Rows of the recorded plans; a piece of a call runs in the smallest that holds it. */
const planRows = [16, 128, 512] as const
const pieceRows = planRows[planRows.length - 1]

/**
 * Loads a snapshot's mix tower.
 * @param source as of `loadTower`
 * @param options `device`: the caller's, such as a tower's own; it stays. Default: one of the mix tower's own.
 * @throws SnapshotError where the snapshot is not whole, or its alignment has no way back to the coordinates that the mix tower was
 * trained in; ModelConfigError, ParameterSizeError, TableSizeError, OutOfMemoryError; NoAdapterError without a device
 */
export async function loadMixTower(
  source: string | Snapshot,
  options: { readonly device?: GpuDevice } = {},
): Promise<ServedMixTower> {
  const snapshot = typeof source === 'string' ? await readSnapshot(source) : source
  const device = options.device ?? (await requestDevice({ label: `mix tower of ${snapshot.directory}` }))
  try {
    return device.allOrNothing(() => new ServedMixTower(snapshot, device, options.device === undefined))
  } catch (cause) {
    if (options.device === undefined) device.destroy()
    throw cause
  }
}

/** Embeddings and rows of item features in, probabilities out; see {@link loadMixTower}. */
export class ServedMixTower {
  readonly schema: Schema
  /** The schema's features, compiled: it makes the rows that `predict` takes. */
  readonly space: FeatureSpace
  /** J */
  readonly dim: number
  readonly device: GpuDevice
  readonly #owned: boolean
  readonly #tower: MixTower
  readonly #weights: Weights
  /** From published coordinates to the tower's own; null where they are the same. */
  readonly #back: AlignmentLayer | null
  readonly #readback: Readback
  readonly #plans = new Map<number, MixPlan>()
  #disposed = false
  /** Settles once every earlier call has. */
  #last: Promise<unknown> = Promise.resolve()

  /** Use {@link loadMixTower}. */
  constructor(snapshot: Snapshot, device: GpuDevice, owned: boolean) {
    const { schema, directory, alignment } = snapshot
    this.device = device
    this.#owned = owned
    this.schema = schema
    this.space = compileFeatures(schema)
    const { user, item } = this.space
    const config = snapshotConfig(snapshot)
    checkModelConfig(config, user, item, `${directory}/manifest.json`)
    const { count, width } = config.embeddings
    this.dim = count * width
    const made = headEmbeddings(config, user) * width
    const set = new ParameterSet()
    this.#tower = declareMixTower(set, item, schema.tasks.length, config, made < this.dim ? made : null)
    const back = alignment && inverseAlignment(alignment)
    if (alignment && back?.dim !== this.dim)
      throw new SnapshotError(
        `${directory}: its alignment is no rotation of ${this.dim} numbers, so published embeddings have no way back into the mix ` +
          "tower's coordinates. Publish the snapshot again with alignment 'procrustes' or 'none'.",
      )
    this.#weights = new Weights(device, set, false)
    writeWeights(this.#weights, snapshot)
    this.#back = back && new AlignmentLayer(device, back, device.limits)
    this.#readback = new Readback(device, 'logits', pieceRows * padded(this.#tower.tasks) * 4)
  }

  /**
   * Predicts each task's probability for each item. Calls run one after another; a call of more than 512 rows runs in pieces.
   * @param embeddings published, f32: [J] of one user, whom all rows are for, or [R, J]; as the tower gives them or a store holds them
   * @param items rows of `space`'s item side, read until the call has settled
   * @returns f32 [R, T], the tasks in the schema's order
   * @throws BatchError for embeddings of another size or rows of another layout, BatchNumberError for a number that is not finite,
   * DeviceLostError (then load it again), ServedTowerError once disposed
   */
  predict(embeddings: Float32Array, items: SideBatch): Promise<Float32Array> {
    const call = this.#last.then(() => this.#run(embeddings, items))
    this.#last = call.catch(() => undefined)
    return call
  }

  async #run(embeddings: Float32Array, items: SideBatch): Promise<Float32Array> {
    const { rows } = items
    const J = this.dim
    if (embeddings.length !== J && embeddings.length !== rows * J)
      throw new BatchError(
        `${embeddings.length} numbers of embeddings for ${rows} items; give ${J} of one user, or as many for each item`,
      )
    const bad = embeddings.findIndex((number) => !Number.isFinite(number))
    if (bad >= 0)
      throw new BatchNumberError(Math.floor(bad / J), `number ${bad % J} of the embeddings`, embeddings[bad])
    const { tasks, needs } = this.#tower
    const probabilities = new Float32Array(rows * tasks)
    for (let from = 0; from < rows; from += pieceRows) {
      const to = Math.min(rows, from + pieceRows)
      this.#check()
      const own = embeddings.length === J ? embeddings : embeddings.subarray(from * J, to * J)
      const plan = this.#plan(planRows.find((size) => size >= to - from)!)
      const piece = rows <= pieceRows ? items : batchRows(needs.layout, items, from, to)
      // Where the buffer was destroyed while it was read, why that was is the failure.
      const logits = await plan.run(own, piece, from, this.#readback).finally(() => this.#check())
      for (const [i, logit] of logits.entries()) probabilities[from * tasks + i] = 1 / (1 + Math.exp(-logit))
    }
    return probabilities
  }

  /** Compiles the pipelines, so that no call has to wait for it. @param rows of the largest call @throws DeviceLostError */
  async warm(rows: number = pieceRows): Promise<void> {
    this.#check()
    for (const size of planRows) {
      await this.#plan(size).warm()
      if (size >= rows) return
    }
  }

  #plan(rows: number): MixPlan {
    let plan = this.#plans.get(rows)
    if (!plan) {
      const { device } = this
      plan = device.allOrNothing(() => new MixPlan(device, this.#tower, this.#weights, this.#back, this.dim, rows))
      this.#plans.set(rows, plan)
    }
    return plan
  }

  #check(): void {
    if (this.#disposed) throw new ServedTowerError('The mix tower was disposed; load it again.')
    this.device.check()
  }

  /** Frees its memory, and its device where that is its own; calls that wait are rejected. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    for (const plan of this.#plans.values()) plan.dispose()
    this.#readback.dispose()
    this.#back?.dispose()
    this.#weights.dispose()
    if (this.#owned) this.device.destroy()
  }
}

/** One batch size, recorded once and replayed. */
class MixPlan {
  readonly #device: GpuDevice
  readonly #rows: number
  readonly #dim: number
  readonly #tasks: number
  readonly #inputs: InputBatch
  readonly #memory: Allocation
  readonly #published: Tensor
  readonly #logits: Tensor
  readonly #plan: Plan

  constructor(
    device: GpuDevice,
    tower: MixTower,
    weights: Weights,
    back: AlignmentLayer | null,
    dim: number,
    rows: number,
  ) {
    this.#device = device
    this.#rows = rows
    this.#dim = dim
    this.#tasks = tower.tasks
    this.#inputs = new InputBatch(device, tower.needs, rows, false)
    this.#memory = new Allocation(device)
    this.#published = this.#memory.tensor('published embeddings', rows, dim)
    const rec = new Recorder(device)
    const z = rec.tensor('Z', rows, tower.interactionColumns)
    const own = columns(z, 0, dim)
    if (back) back.forward(rec, this.#published, own)
    else copyTokens(rec, this.#published, assign(own))
    this.#logits = rec.keep(tower.forward(withWeights(rec, weights), this.#inputs, z, false).logits)
    this.#plan = rec.plan(`rank ${rows}`)
  }

  /** Has the driver compile everything. */
  async warm(): Promise<void> {
    await this.#plan.program.warm()
  }

  /** @param embeddings of one user, or of each row @param firstRow number that the first row has in messages @returns [rows, T] */
  async run(embeddings: Float32Array, items: SideBatch, firstRow: number, readback: Readback): Promise<Float32Array> {
    const { rows } = items
    const write = queueWrite(this.#device)
    this.#inputs.upload(items, write, firstRow)
    const each = new Float32Array(this.#rows * this.#dim)
    for (let at = 0; at < rows * this.#dim; at += embeddings.length) each.set(embeddings, at)
    write(this.#published, each)
    const { storage, stride } = this.#logits
    const sizeBytes = rows * stride * 4
    this.#plan.program.submit({ after: (encoder) => readback.copy(encoder, storage.buffer!, sizeBytes) })
    const packed = new Float32Array(await readback.take(sizeBytes))
    return packed.filter((_, i) => i % stride < this.#tasks)
  }

  dispose(): void {
    this.#plan.dispose()
    this.#memory.dispose()
    this.#inputs.dispose()
  }
}
