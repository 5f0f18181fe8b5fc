/** What a training step reads and runs, apart from whether there is memory for it. Shape letters: R rows, T tasks. */
import type { GpuDevice } from '@headwater/gpu'
import { bceMultiTask, padded } from '@headwater/kernels'
import {
  Allocation,
  columns,
  InputBatch,
  type Recorder,
  type Tensor,
  type Tower,
  type Weights,
  type Write,
  withWeights,
} from '@headwater/runtime'
import type { TrainingBatch } from '../examples/training-batch.ts'
import { recordClipping, UpdateRecorder } from './gradient-clipping.ts'
import { recordAdamw } from './optimizer-step.ts'

/** What teaches the user tower besides labels. */
export interface StepTeacher {
  /** Bytes of its inputs on the device; `upload` writes no more. */
  readonly uploadBytes: number
  /** Of the largest of them. */
  readonly largestInputBytes: number
  upload(batch: TrainingBatch, write: Write): void
  /**
   * Adds the gradient of its loss to that of the embeddings, which holds the labels' part.
   * @param embeddings [R, K·D], columns of a wider tensor; `gradient` lies as they do
   * @param rowWeights [1, R], 0 for a row that does not count
   */
  record(rec: Recorder, embeddings: Tensor, rowWeights: Tensor, gradient: Tensor): void
}

/** The device side of batches of up to R rows. */
export class StepInputs {
  readonly rows: number
  readonly tasks: number
  readonly user: InputBatch
  readonly item: InputBatch
  /** [R, T] */
  readonly labels: Tensor
  /** [R, T], 0 in rows that a batch does not have. */
  readonly labelWeights: Tensor
  /** [1, R], 1 in rows that a batch has. */
  readonly rowWeights: Tensor
  /** [1, T] */
  readonly taskWeights: Tensor
  readonly #allocation: Allocation
  readonly #labels: Float32Array
  readonly #labelWeights: Float32Array
  readonly #rowWeights: Float32Array

  /** @param device null: laid out and counted only */
  constructor(device: GpuDevice | null, tower: Tower, rows: number) {
    this.rows = rows
    this.tasks = tower.mix.tasks
    this.#allocation = new Allocation(device)
    this.user = new InputBatch(device, tower.user.needs, rows, true)
    this.item = new InputBatch(device, tower.mix.needs, rows, true)
    this.labels = this.#allocation.tensor('labels', rows, this.tasks)
    this.labelWeights = this.#allocation.tensor('label weights', rows, this.tasks)
    this.rowWeights = this.#allocation.tensor('row weights', 1, rows)
    this.taskWeights = this.#allocation.tensor('task weights', 1, this.tasks)
    this.#labels = new Float32Array(rows * padded(this.tasks))
    this.#labelWeights = new Float32Array(rows * padded(this.tasks))
    this.#rowWeights = new Float32Array(rows)
  }

  get sizeBytes(): number {
    return this.user.sizeBytes + this.item.sizeBytes + this.#allocation.sizeBytes
  }

  /** Bytes of the largest tensor. */
  get largestBytes(): number {
    return Math.max(this.user.largestBytes, this.item.largestBytes, this.#allocation.largestBytes)
  }

  /** Writes a batch; the task weights stay as they are. */
  upload(batch: TrainingBatch, write: Write): void {
    const { rows } = batch
    const { tasks: T } = this
    const width = padded(T)
    this.user.upload({ ...batch.user, rows }, write)
    this.item.upload({ ...batch.item, rows }, write)
    for (let r = 0; r < rows; r++)
      for (let t = 0; t < T; t++) {
        this.#labels[r * width + t] = batch.labels[r * T + t]
        this.#labelWeights[r * width + t] = batch.labelWeights[r * T + t]
      }
    this.#labelWeights.fill(0, rows * width)
    this.#rowWeights.fill(1, 0, rows).fill(0, rows)
    write(this.labels, this.#labels)
    write(this.labelWeights, this.#labelWeights)
    write(this.rowWeights, this.#rowWeights)
  }

  dispose(): void {
    this.user.dispose()
    this.item.dispose()
    this.#allocation.dispose()
  }
}

/**
 * Records a step: forward, loss, backward, clipping, optimizers.
 * @param device null: to be measured only
 * @returns its recorder, and the loss [R, T] of every label whatever its weight, which is kept
 * @throws TrainingOptionsError
 */
export function recordStep(
  device: GpuDevice | null,
  tower: Tower,
  weights: Weights,
  inputs: StepInputs,
  maxNorm: number,
  teacher: StepTeacher | null,
): { readonly rec: Recorder; readonly loss: Tensor } {
  const { rows: R, tasks: T, user, item, labels, labelWeights, rowWeights, taskWeights } = inputs
  const rec = new UpdateRecorder(device)
  const model = withWeights(rec, weights)
  const z = rec.tensor('Z', R, tower.mix.interactionColumns)
  const userBackward = tower.user.forward(model, user, z, true)
  const { logits, backward: mixBackward } = tower.mix.forward(model, item, z, true)
  const loss = rec.keep(rec.tensor('loss', R, T))
  const dlogits = rec.tensor('gradient of logits', R, T)
  const shape = { R, T, scale: 1 / R }
  rec.dispatch(bceMultiTask, shape, { logits, labels, labelWeights, taskWeights, loss, dlogits })
  const dEmbeddings = mixBackward(dlogits)
  teacher?.record(rec, columns(z, 0, tower.user.dim), rowWeights, dEmbeddings)
  userBackward(dEmbeddings, rowWeights)
  recordClipping(rec, weights, maxNorm)
  rec.recordHeld()
  recordAdamw(rec, weights)
  return { rec, loss }
}
