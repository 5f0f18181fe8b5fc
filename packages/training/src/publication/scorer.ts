/** Predictions of both towers without training. Shape letters: R rows, T tasks. */
import { type GpuDevice, Readback } from '@headwater/gpu'
import { padded } from '@headwater/kernels'
import {
  interactionTensor,
  mixForward,
  type Plan,
  Recorder,
  SparseInputBatch,
  type Tensor,
  type Tower,
  userForward,
  type Weights,
} from '@headwater/runtime'
import type { TrainingBatch } from '../train-step.ts'

/** The forward pass of user tower and mix tower, without dropout, recorded once for R rows and replayed. */
export class Scorer {
  /** R, most rows that one call takes. */
  readonly rows: number
  readonly tower: Tower
  readonly #user: SparseInputBatch
  readonly #item: SparseInputBatch
  readonly #logits: Tensor
  readonly #plan: Plan
  readonly #readback: Readback

  constructor(device: GpuDevice, tower: Tower, weights: Weights, rows: number) {
    this.rows = rows
    this.tower = tower
    this.#user = new SparseInputBatch(device, tower.user.inputs, rows, false)
    this.#item = new SparseInputBatch(device, tower.mix.inputs, rows, false)
    const rec = new Recorder(device)
    const z = interactionTensor(rec, tower.mix, rows)
    userForward(rec, weights, tower.user, this.#user, z, false)
    this.#logits = rec.keep(mixForward(rec, weights, tower.mix, this.#item, z, false).logits)
    this.#plan = rec.plan(`score ${rows}`)
    this.#readback = new Readback(device, `score ${rows}`, rows * padded(tower.mix.tasks) * 4)
  }

  /**
   * @param batch at most R rows; labels are not looked at
   * @returns logits [rows, T]
   * @throws RangeError for too many rows, DeviceLostError
   */
  async score(batch: TrainingBatch): Promise<Float32Array> {
    const { rows } = batch
    if (rows > this.rows) throw new RangeError(`A batch of ${rows} rows is over the scorer's ${this.rows}; split it.`)
    this.#user.upload({ ...batch.user, rows })
    this.#item.upload({ ...batch.item, rows })
    const { buffer } = this.#logits.storage
    const sizeBytes = rows * this.#logits.stride * 4
    this.#plan.program.submit((encoder) => this.#readback.copy(encoder, buffer!, sizeBytes))
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
