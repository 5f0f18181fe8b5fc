/** Shape letters: R rows, T tasks. */
import type { SideBatch } from '@headwater/features'
import { type GpuDevice, type KernelProfile, Pacer } from '@headwater/gpu'
import { bceMultiTask, padded } from '@headwater/kernels'
import {
  interactionTensor,
  mixBackward,
  mixForward,
  type Plan,
  persistent,
  Recorder,
  SparseInputBatch,
  type Tensor,
  type Tower,
  userBackward,
  userForward,
  type Weights,
} from '@headwater/runtime'
import { type Rates, recordAdamw, writeRates } from './optimizer-step.ts'

/** Examples as the towers take them; rows beyond `rows` of a side are ignored. */
export interface TrainingBatch {
  readonly rows: number
  readonly user: SideBatch
  readonly item: SideBatch
  /** 0/1 [R, T] */
  readonly labels: Uint8Array
}

/** Losses are copied aside for this many steps and read back together. */
const stepsPerReadback = 32

/** One training step of both towers, recorded once for R rows and replayed: forward, loss, backward, optimizer. */
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
  readonly #losses: GPUBuffer
  readonly #labelStaging: Float32Array
  readonly #weightStaging: Float32Array
  readonly #pacer: Pacer
  #pending: number[] = []
  #lossSum = 0
  #lossRows = 0

  constructor(device: GpuDevice, tower: Tower, weights: Weights, rows: number, taskWeights: readonly number[]) {
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
    this.#losses = device.buffer(
      'losses',
      stepsPerReadback * rows * width * 4,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    )

    const rec = new Recorder(device)
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
    recordAdamw(rec, weights)
    this.plan = rec.plan(`train ${rows}`)
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
    if (this.#pending.length > 0) await this.#pacer.done()
    if (this.#pending.length === stepsPerReadback) await this.#collect()
    this.#upload(batch, step, seed, rates)
    const { buffer } = this.#loss.storage
    const slot = this.#pending.length
    this.plan.program.submit((encoder) =>
      encoder.copyBufferToBuffer(buffer!, 0, this.#losses, slot * buffer!.size, buffer!.size),
    )
    this.#pacer.submitted()
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
    const width = padded(this.#tasks)
    const bytes = await this.#device.read(this.#losses, this.#pending.length * this.rows * width * 4)
    const losses = new Float32Array(bytes)
    for (const [slot, rows] of this.#pending.entries())
      for (let r = 0; r < rows; r++) this.#lossSum += losses[(slot * this.rows + r) * width]
    this.#lossRows += this.#pending.reduce((a, b) => a + b, 0)
    this.#pending = []
  }

  /** Mean loss of the first task, nats, since the last call. Waits for every step. */
  async meanLoss(): Promise<number> {
    await this.#collect()
    const mean = this.#lossSum / this.#lossRows
    this.#lossSum = 0
    this.#lossRows = 0
    return mean
  }

  dispose(): void {
    this.plan.dispose()
    this.#user.dispose()
    this.#item.dispose()
    for (const tensor of [this.#labels, this.#rowWeights, this.#taskWeights])
      this.#device.release(tensor.storage.buffer!)
    this.#device.release(this.#losses)
  }
}
