/** Predictions of both towers without training. Shape letters: R rows, T tasks. */
import { type GpuDevice, Readback, uniformBytesOf } from '@headwater/gpu'
import { padded } from '@headwater/kernels'
import {
  InputBatch,
  type Plan,
  type PlanCost,
  queueWrite,
  Recorder,
  type Tensor,
  type Tower,
  type Weights,
  type Write,
  withWeights,
} from '@headwater/runtime'
import type { TrainingBatch } from '../examples/training-batch.ts'

/** Rows that a publication scores at once. */
export const scoreRows = 512

/** @param device null: to be measured only; then weights may be laid out only */
function record(device: GpuDevice | null, tower: Tower, weights: Weights, rows: number) {
  const user = new InputBatch(device, tower.user.needs, rows, false)
  const item = new InputBatch(device, tower.mix.needs, rows, false)
  const rec = new Recorder(device)
  const model = withWeights(rec, weights)
  const z = rec.tensor('Z', rows, tower.mix.interactionColumns)
  tower.user.forward(model, user, z, false)
  const logits = rec.keep(tower.mix.forward(model, item, z, false).logits)
  return { user, item, rec, logits }
}

const logitsBytes = (tower: Tower, rows: number) => rows * padded(tower.mix.tasks) * 4

/**
 * The plan of a scorer, and the bytes that it takes on a device besides the weights.
 * @param rows R
 * @param maxBufferBytes largest buffer of the device
 */
export function measureScorer(
  tower: Tower,
  weights: Weights,
  rows: number,
  maxBufferBytes = Number.POSITIVE_INFINITY,
): PlanCost & { readonly sizeBytes: number } {
  const { user, item, rec } = record(null, tower, weights, rows)
  const cost = rec.measure(maxBufferBytes)
  const besideBytes = user.sizeBytes + item.sizeBytes + uniformBytesOf(cost.dispatches) + logitsBytes(tower, rows)
  return { ...cost, sizeBytes: cost.plannedBytes + besideBytes }
}

/** The forward pass of user tower and mix tower, without dropout, recorded once for R rows and replayed. */
export class Scorer {
  /** R, most rows that one call takes. */
  readonly rows: number
  readonly tower: Tower
  readonly #write: Write
  readonly #user: InputBatch
  readonly #item: InputBatch
  readonly #logits: Tensor
  readonly #plan: Plan
  readonly #readback: Readback

  /** @throws GpuLimitError, OutOfMemoryError */
  constructor(device: GpuDevice, tower: Tower, weights: Weights, rows: number) {
    this.rows = rows
    this.tower = tower
    this.#write = queueWrite(device)
    const { user, item, rec, logits } = record(device, tower, weights, rows)
    this.#user = user
    this.#item = item
    this.#logits = logits
    this.#plan = rec.plan(`score ${rows}`)
    this.#readback = new Readback(device, `score ${rows}`, logitsBytes(tower, rows))
  }

  /**
   * @param batch at most R rows; labels are not looked at
   * @returns logits [rows, T]
   * @throws RangeError for too many rows, DeviceLostError
   */
  async score(batch: TrainingBatch): Promise<Float32Array> {
    const { rows } = batch
    if (rows > this.rows) throw new RangeError(`A batch of ${rows} rows is over the scorer's ${this.rows}; split it.`)
    this.#user.upload({ ...batch.user, rows }, this.#write)
    this.#item.upload({ ...batch.item, rows }, this.#write)
    const { buffer } = this.#logits.storage
    const sizeBytes = rows * this.#logits.stride * 4
    this.#plan.program.submit({ after: (encoder) => this.#readback.copy(encoder, buffer!, sizeBytes) })
    const packed = new Float32Array(await this.#readback.take(sizeBytes))
    const { tasks } = this.tower.mix
    const logits = new Float32Array(rows * tasks)
    for (let r = 0; r < rows; r++)
      logits.set(packed.subarray(r * this.#logits.stride, r * this.#logits.stride + tasks), r * tasks)
    return logits
  }

  dispose(): void {
    this.#plan.dispose()
    this.#readback.dispose()
    this.#user.dispose()
    this.#item.dispose()
  }
}
