/** Shape letters: R rows, K embeddings of D. */
import type { SideBatch } from '@headwater/features'
import { type GpuDevice, Readback } from '@headwater/gpu'
import { SparseInputBatch } from '../layers/sparse-inputs.ts'
import type { Weights } from '../parameters.ts'
import { type Plan, Recorder } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'
import type { AlignmentLayer } from '../snapshot/alignment.ts'
import { type UserTower, userForward } from './user-tower.ts'

/** Rows of the recorded plans; a batch runs in the smallest that holds it. */
const buckets = [16, 128, 512] as const

interface Bucket {
  readonly inputs: SparseInputBatch
  readonly embeddings: Tensor
  readonly plan: Plan
  readonly readback: Readback
}

/** Rows of user features in, user embeddings out. */
export class UserEncoder {
  readonly device: GpuDevice
  readonly tower: UserTower
  readonly weights: Weights
  /** K · D */
  readonly dim: number
  /** Most rows that one call takes. */
  readonly maxRows = buckets[buckets.length - 1]
  readonly #alignment: AlignmentLayer | null
  #buckets = new Map<number, Bucket>()
  #last: Promise<unknown> = Promise.resolve()

  /** @param alignment to published coordinates; without one, vectors are in the tower's own. */
  constructor(device: GpuDevice, tower: UserTower, weights: Weights, alignment: AlignmentLayer | null = null) {
    this.device = device
    this.tower = tower
    this.weights = weights
    this.#alignment = alignment
    this.dim = tower.config.embeddings * tower.config.width
  }

  /**
   * @param batch at most `maxRows` rows.
   * @returns f32 [R, K·D]
   * @throws RangeError for too many rows, DeviceLostError
   */
  encode(batch: SideBatch): Promise<Float32Array> {
    // Calls share the bucket's buffers, so each waits for the one before.
    const result = this.#last.then(() => this.#encode(batch))
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Records the plans of every batch size and has the driver compile them, so that no call has to wait for it. */
  async warm(): Promise<void> {
    for (const rows of buckets) await this.#bucket(rows).plan.program.warm()
  }

  async #encode(batch: SideBatch): Promise<Float32Array> {
    const rows = buckets.find((size) => size >= batch.rows)
    if (!rows) throw new RangeError(`A batch of ${batch.rows} rows is over the encoder's ${this.maxRows}; split it.`)
    const { inputs, embeddings, plan, readback } = this.#bucket(rows)
    const sizeBytes = batch.rows * this.dim * 4
    inputs.upload(batch)
    plan.program.submit((encoder) => readback.copy(encoder, embeddings.storage.buffer!, sizeBytes))
    return new Float32Array(await readback.take(sizeBytes))
  }

  #bucket(rows: number): Bucket {
    const known = this.#buckets.get(rows)
    if (known) return known
    const inputs = new SparseInputBatch(this.device, this.tower.inputs, rows, false)
    const rec = new Recorder(this.device)
    const embeddings = rec.keep(rec.tensor('user embeddings', rows, this.dim))
    const own = this.#alignment ? rec.tensor('embeddings before alignment', rows, this.dim) : embeddings
    userForward(rec, this.weights, this.tower, inputs, own, false)
    this.#alignment?.forward(rec, own, embeddings)
    const plan = rec.plan(`encode ${rows}`)
    const readback = new Readback(this.device, `encode ${rows}`, rows * this.dim * 4)
    const bucket = { inputs, embeddings, plan, readback }
    this.#buckets.set(rows, bucket)
    return bucket
  }

  dispose(): void {
    for (const { inputs, plan, readback } of this.#buckets.values()) {
      inputs.dispose()
      plan.dispose()
      readback.dispose()
    }
    this.#buckets.clear()
  }
}
