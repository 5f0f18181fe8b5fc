/** Shape letters: R rows, T tasks. */
import type { SideBatch } from '@headwater/features'
import { type GpuDevice, type KernelProfile, Pacer } from '@headwater/gpu'
import { bceMultiTask, padded, rateSlots } from '@headwater/kernels'
import {
  interactionTensor,
  mixBackward,
  mixForward,
  type Plan,
  persistent,
  SparseInputBatch,
  type Tensor,
  type Tower,
  userBackward,
  userForward,
  type Weights,
} from '@headwater/runtime'
import { recordClipping, UpdateRecorder } from './gradient-clipping.ts'
import { type Rates, recordAdamw, writeRates } from './optimizer-step.ts'

/** Examples as the towers take them; rows beyond `rows` of a side are ignored. */
export interface TrainingBatch {
  readonly rows: number
  readonly user: SideBatch
  readonly item: SideBatch
  /** 0/1 [R, T] */
  readonly labels: Uint8Array
}

/** What steps came to since their figures were last taken. Steps that were skipped count nowhere but in `skipped`. */
export interface StepSums {
  /** Σ over rows of the first task's loss, nats. */
  readonly loss: number
  readonly rows: number
  /** Steps that changed nothing, since their gradient was not finite. */
  readonly skipped: number
  /** Steps whose gradient was scaled down to the largest norm allowed. */
  readonly clipped: number
}

const noSteps: StepSums = { loss: 0, rows: 0, skipped: 0, clipped: 0 }

/** Losses and rates of this many steps are copied aside and read back together. */
const stepsPerReadback = 32
const ratesFloats = 8

/**
 * One training step of both towers, recorded once for R rows and replayed: forward, loss, backward, clipping, optimizers.
 * A step whose gradient is not finite leaves parameters, tables and moments as they are.
 */
export class TrainStep {
  readonly rows: number
  readonly plan: Plan
  readonly #device: GpuDevice
  readonly #weights: Weights
  readonly #tasks: number
  readonly #user: SparseInputBatch
  readonly #item: SparseInputBatch
  readonly #labels: Tensor
  readonly #rowWeights: Tensor
  readonly #taskWeights: Tensor
  readonly #loss: Tensor
  readonly #lossFloats: number
  /** A record a step: its losses, then its rates, in which the device notes norm, scale and skip. */
  readonly #records: GPUBuffer
  readonly #labelStaging: Float32Array
  readonly #weightStaging: Float32Array
  readonly #pacer: Pacer
  /** Rows of the steps whose records were not read back yet. */
  #pending: number[] = []
  /** A step was submitted and not waited for. Restored steps are pending, but were run elsewhere. */
  #inFlight = false
  #sums = noSteps

  /**
   * @param maxNorm to which gradients are clipped; 0: they are not
   * @throws ClippingError
   */
  constructor(
    device: GpuDevice,
    tower: Tower,
    weights: Weights,
    rows: number,
    taskWeights: readonly number[],
    maxNorm = 0,
  ) {
    this.#device = device
    this.#weights = weights
    this.#tasks = taskWeights.length
    this.rows = rows
    this.#pacer = new Pacer(device)
    const width = padded(this.#tasks)
    const own = (label: string, r: number, c: number) =>
      persistent(device.buffer(label, r * padded(c) * 4, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST), r, c)
    this.#user = new SparseInputBatch(device, tower.user.inputs, rows, true)
    this.#item = new SparseInputBatch(device, tower.mix.inputs, rows, true)
    this.#labels = own('labels', rows, this.#tasks)
    this.#rowWeights = own('row weights', 1, rows)
    this.#taskWeights = own('task weights', 1, this.#tasks)
    device.gpuDevice.queue.writeBuffer(this.#taskWeights.storage.buffer!, 0, Float32Array.from(taskWeights))
    this.#labelStaging = new Float32Array(rows * width)
    this.#weightStaging = new Float32Array(rows)
    this.#lossFloats = rows * width
    this.#records = device.buffer(
      'records of steps',
      stepsPerReadback * this.#recordBytes,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    )

    const rec = new UpdateRecorder(device)
    weights.recordTransposes(rec)
    const z = interactionTensor(rec, tower.mix, rows)
    const savedUser = userForward(rec, weights, tower.user, this.#user, z, true)
    const savedMix = mixForward(rec, weights, tower.mix, this.#item, z, true)
    this.#loss = rec.keep(rec.tensor('loss', rows, this.#tasks))
    const dLogits = rec.tensor('gradient of logits', rows, this.#tasks)
    rec.dispatch(
      bceMultiTask,
      { R: rows, T: this.#tasks, scale: 1 / rows },
      {
        logits: savedMix.logits,
        labels: this.#labels,
        rowWeights: this.#rowWeights,
        taskWeights: this.#taskWeights,
        loss: this.#loss,
        dlogits: dLogits,
      },
    )
    const dEmbeddings = mixBackward(rec, weights, tower.mix, this.#item, savedMix, dLogits)
    userBackward(rec, weights, tower.user, this.#user, savedUser, dEmbeddings)
    recordClipping(rec, weights, maxNorm)
    rec.recordHeld()
    recordAdamw(rec, weights)
    this.plan = rec.plan(`train ${rows}`)
  }

  get #recordBytes(): number {
    return (this.#lossFloats + ratesFloats) * 4
  }

  #upload(batch: TrainingBatch, step: number, seed: number, rates: Rates): void {
    const { queue } = this.#device.gpuDevice
    writeRates(this.#weights, step, seed, rates)
    this.#user.upload({ ...batch.user, rows: batch.rows })
    this.#item.upload({ ...batch.item, rows: batch.rows })
    const width = padded(this.#tasks)
    for (let r = 0; r < batch.rows; r++)
      for (let t = 0; t < this.#tasks; t++) this.#labelStaging[r * width + t] = batch.labels[r * this.#tasks + t]
    this.#weightStaging.fill(1, 0, batch.rows).fill(0, batch.rows)
    queue.writeBuffer(this.#labels.storage.buffer!, 0, this.#labelStaging as Float32Array<ArrayBuffer>)
    queue.writeBuffer(this.#rowWeights.storage.buffer!, 0, this.#weightStaging as Float32Array<ArrayBuffer>)
  }

  /** Waits for the step before, then submits this one and returns: the host prepares the next batch meanwhile. */
  async run(batch: TrainingBatch, step: number, seed: number, rates: Rates): Promise<void> {
    if (this.#inFlight) await this.#pacer.done()
    if (this.#pending.length === stepsPerReadback) await this.#collect()
    this.#upload(batch, step, seed, rates)
    const lossBytes = this.#lossFloats * 4
    const at = this.#pending.length * this.#recordBytes
    this.plan.program.submit((encoder) => {
      encoder.copyBufferToBuffer(this.#loss.storage.buffer!, 0, this.#records, at, lossBytes)
      const rates = this.#weights.rates.storage.buffer!
      encoder.copyBufferToBuffer(rates, 0, this.#records, at + lossBytes, ratesFloats * 4)
    })
    this.#pacer.submitted()
    this.#inFlight = true
    this.#pending.push(batch.rows)
  }

  /** The same step, with a timestamp around every dispatch. @returns ms inside kernels and of the whole. */
  async profile(
    batch: TrainingBatch,
    step: number,
    seed: number,
    rates: Rates,
    profile: Map<string, KernelProfile>,
  ): Promise<{ kernelMs: number; wallMs: number }> {
    await this.#device.idle()
    const startMs = performance.now()
    this.#upload(batch, step, seed, rates)
    const uploadMs = performance.now() - startMs
    const { kernelMs, wallMs } = await this.plan.program.profile(profile)
    return { kernelMs, wallMs: wallMs + uploadMs }
  }

  async #collect(): Promise<void> {
    if (this.#pending.length === 0) return
    const width = padded(this.#tasks)
    const records = new Float32Array(await this.#device.read(this.#records, this.#pending.length * this.#recordBytes))
    let { loss, rows, skipped, clipped } = this.#sums
    for (const [slot, stepRows] of this.#pending.entries()) {
      const start = slot * (this.#lossFloats + ratesFloats)
      const rates = records.subarray(start + this.#lossFloats, start + this.#lossFloats + ratesFloats)
      if (rates[rateSlots.skip] !== 0) {
        skipped++
        continue
      }
      if (rates[rateSlots.gradientScale] < 1) clipped++
      for (let r = 0; r < stepRows; r++) loss += records[start + r * width]
      rows += stepRows
    }
    this.#sums = { loss, rows, skipped, clipped }
    this.#pending = []
    this.#inFlight = false
  }

  /** Steps skipped since sums were last taken, as far as they were read back: every 32 steps. */
  get skipped(): number {
    return this.#sums.skipped
  }

  /** What all steps since the last call came to. Waits for every step. */
  async takeSums(): Promise<StepSums> {
    await this.#collect()
    const sums = this.#sums
    this.#sums = noSteps
    return sums
  }

  /** Mean loss of the first task, nats, since sums were last taken. Waits for every step. */
  async meanLoss(): Promise<number> {
    const { loss, rows } = await this.takeSums()
    return loss / rows
  }

  /** Sums and unread records, for a checkpoint: to be copied before the next step is submitted. */
  capture(): { readonly sums: StepSums; readonly pendingRows: readonly number[]; readonly records: GPUBuffer } {
    return { sums: this.#sums, pendingRows: [...this.#pending], records: this.#records }
  }

  /** Goes on from what `capture` gave; the records' bytes are for the caller to write. */
  restore({ sums, pendingRows }: { readonly sums: StepSums; readonly pendingRows: readonly number[] }): void {
    this.#sums = sums
    this.#pending = [...pendingRows]
  }

  dispose(): void {
    this.plan.dispose()
    this.#user.dispose()
    this.#item.dispose()
    for (const tensor of [this.#labels, this.#rowWeights, this.#taskWeights])
      this.#device.release(tensor.storage.buffer!)
    this.#device.release(this.#records)
  }
}
