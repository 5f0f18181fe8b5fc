/** Shape letters: R rows, T tasks. */
import { type GpuDevice, type KernelProfile, uniformBytesOf } from '@headwater/gpu'
import { padded, rateSlots } from '@headwater/kernels'
import {
  type Plan,
  type PlanCost,
  queueWrite,
  type Tensor,
  type Tower,
  UploadRing,
  type Weights,
  type Write,
} from '@headwater/runtime'
import type { TrainingBatch } from '../examples/training-batch.ts'
import { type Rates, writeRates } from './optimizer-step.ts'
import { recordStep, StepInputs, type StepTeacher } from './record-step.ts'

/** Sums over the steps since figures were last taken. Skipped steps count in `skipped` only. */
export interface StepSums {
  /** Σ of the first task's losses by the weights of their labels, nats. */
  readonly loss: number
  /** Σ of these weights. */
  readonly weight: number
  /** Steps that changed nothing, since their gradient was not finite. */
  readonly skipped: number
  /** Steps whose gradient was scaled down to the largest norm allowed. */
  readonly clipped: number
}

/** One step, as it was read back from the device. */
export interface StepFigures {
  /** From 1. */
  readonly step: number
  readonly rows: number
  /** Mean loss by the weights of its labels, nats, of each task [T]; null of one without a known label. */
  readonly losses: readonly (number | null)[]
  /** Of the dense gradient, before clipping; null where it is not finite, and the step was left out. */
  readonly gradientNorm: number | null
  readonly rates: Rates
}

/** Gets the steps of a readback in their order, and the wall time since the one before, or since the first was submitted. */
export type OnSteps = (steps: readonly StepFigures[], elapsedMs: number) => void

const noSteps: StepSums = { loss: 0, weight: 0, skipped: 0, clipped: 0 }

/** Records of this many steps are copied aside and read back together. */
const stepsPerReadback = 32
const ratesFloats = 8
/** Steps under way: the host prepares and uploads the next batch while one runs. */
const stepsInFlight = 2

const lossBytesOf = ({ rows, tasks }: StepInputs) => rows * padded(tasks) * 4
const recordBytesOf = (inputs: StepInputs) => 2 * lossBytesOf(inputs) + ratesFloats * 4
const uploadBytesOf = ({ rates, step }: Weights, inputs: StepInputs, teacher: StepTeacher | null) =>
  inputs.sizeBytes + rates.storage.sizeBytes + step.storage.sizeBytes + (teacher?.uploadBytes ?? 0)

/** What a step takes besides the weights: its plan, and the buffers beside that in bytes. */
export interface StepCost extends PlanCost {
  /** Of a batch on the device. */
  readonly inputBytes: number
  /** Of the largest input. */
  readonly largestInputBytes: number
  /** Of what uploads and results go through. */
  readonly stagingBytes: number
  /** Of the largest buffer among that. */
  readonly largestStagingBytes: number
}

/**
 * @param weights may be laid out only, as the teacher
 * @param rows R
 * @param maxBufferBytes largest buffer of the device
 */
export function measureStep(
  tower: Tower,
  weights: Weights,
  rows: number,
  maxBufferBytes = Number.POSITIVE_INFINITY,
  teacher: StepTeacher | null = null,
): StepCost {
  const inputs = new StepInputs(null, tower, rows)
  const cost = recordStep(null, tower, weights, inputs, 0, teacher).rec.measure(maxBufferBytes)
  const uploadBytes = uploadBytesOf(weights, inputs, teacher)
  const recordsBytes = stepsPerReadback * recordBytesOf(inputs)
  return {
    ...cost,
    inputBytes: inputs.sizeBytes + (teacher?.uploadBytes ?? 0),
    largestInputBytes: Math.max(inputs.largestBytes, teacher?.largestInputBytes ?? 0),
    stagingBytes: stepsInFlight * uploadBytes + recordsBytes + uniformBytesOf(cost.dispatches),
    largestStagingBytes: Math.max(uploadBytes, recordsBytes),
  }
}

/**
 * One training step of both towers, recorded once for R rows and replayed: forward, loss, backward, clipping, optimizers.
 * A step whose gradient is not finite leaves parameters, tables and moments as they are.
 */
export class TrainStep {
  readonly rows: number
  readonly plan: Plan
  readonly #device: GpuDevice
  readonly #weights: Weights
  readonly #inputs: StepInputs
  readonly #teacher: StepTeacher | null
  readonly #loss: Tensor
  readonly #ring: UploadRing
  /** A record a step: its losses, the weights of their labels, and its rates, in which the device notes norm, scale and skip. */
  readonly #records: GPUBuffer
  readonly #recordBytes: number
  /** Steps whose records were not read back yet. Restored ones were run elsewhere. */
  #pending: Pick<StepFigures, 'step' | 'rows'>[] = []
  #sums = noSteps
  #sinceMs: number | null = null
  onSteps: OnSteps | null = null

  /**
   * @param taskWeights [T]
   * @param maxNorm to which gradients are clipped; 0: they are not
   * @throws TrainingOptionsError; GpuLimitError, OutOfMemoryError
   */
  constructor(
    device: GpuDevice,
    tower: Tower,
    weights: Weights,
    rows: number,
    taskWeights: readonly number[],
    maxNorm = 0,
    teacher: StepTeacher | null = null,
  ) {
    this.#device = device
    this.#weights = weights
    this.rows = rows
    this.#teacher = teacher
    this.#inputs = new StepInputs(device, tower, rows)
    queueWrite(device)(this.#inputs.taskWeights, Float32Array.from(taskWeights))
    const { rec, loss } = recordStep(device, tower, weights, this.#inputs, maxNorm, teacher)
    this.#loss = loss
    this.plan = rec.plan(`train ${rows}`)
    const uploadBytes = uploadBytesOf(weights, this.#inputs, teacher)
    this.#ring = new UploadRing(device, 'upload of a batch', uploadBytes, stepsInFlight)
    this.#recordBytes = recordBytesOf(this.#inputs)
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
    this.#records = device.buffer('records of steps', stepsPerReadback * this.#recordBytes, usage)
  }

  /** Has the driver compile what the step runs, where it has not. @throws the signal's reason, between two pipelines */
  warm(signal?: AbortSignal): Promise<void> {
    return this.plan.program.warm(signal)
  }

  #upload(batch: TrainingBatch, step: number, seed: number, rates: Rates, write: Write): void {
    writeRates(this.#weights, step, seed, rates, write)
    this.#inputs.upload(batch, write)
    this.#teacher?.upload(batch, write)
  }

  /**
   * Submits a step and returns as soon as the one before the last has run: the host reads and uploads the next batch while
   * the device works.
   * @throws what `GpuDevice.check` throws; BatchNumberError for a number that is not finite, with which no step is made
   */
  async run(batch: TrainingBatch, step: number, seed: number, rates: Rates): Promise<void> {
    if (this.#pending.length === stepsPerReadback) await this.#collect()
    this.#sinceMs ??= performance.now()
    const { write, flush } = await this.#ring.begin()
    this.#upload(batch, step, seed, rates, write)
    this.plan.program.submit({ before: flush, after: (encoder) => this.#copyRecord(encoder) })
    this.#pending.push({ step, rows: batch.rows })
  }

  #copyRecord(encoder: GPUCommandEncoder): void {
    let at = this.#pending.length * this.#recordBytes
    const copy = ({ storage }: Tensor, sizeBytes: number) => {
      encoder.copyBufferToBuffer(storage.buffer!, storage.offsetBytes, this.#records, at, sizeBytes)
      at += sizeBytes
    }
    const lossBytes = lossBytesOf(this.#inputs)
    copy(this.#loss, lossBytes)
    copy(this.#inputs.labelWeights, lossBytes)
    copy(this.#weights.rates, ratesFloats * 4)
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
    const { write, flush } = await this.#ring.begin()
    this.#upload(batch, step, seed, rates, write)
    const encoder = this.#device.gpuDevice.createCommandEncoder()
    flush(encoder)
    this.#device.gpuDevice.queue.submit([encoder.finish()])
    const uploadMs = performance.now() - startMs
    const { kernelMs, wallMs } = await this.plan.program.profile(profile)
    return { kernelMs, wallMs: wallMs + uploadMs }
  }

  async #collect(): Promise<void> {
    const pending = this.#pending
    if (pending.length === 0) return
    const records = new Float32Array(await this.#device.read(this.#records, pending.length * this.#recordBytes))
    const width = padded(this.#inputs.tasks)
    const count = lossBytesOf(this.#inputs) / 4
    let { loss, weight, skipped, clipped } = this.#sums
    const figures: StepFigures[] = []
    for (const [slot, about] of pending.entries()) {
      const start = (slot * this.#recordBytes) / 4
      const losses = records.subarray(start, start + count)
      const weights = records.subarray(start + count, start + 2 * count)
      const rates = records.subarray(start + 2 * count)
      if (this.onSteps) figures.push({ ...about, ...figuresOf(losses, weights, rates, this.#inputs.tasks) })
      if (rates[rateSlots.skip] !== 0) {
        skipped++
        continue
      }
      if (rates[rateSlots.gradientScale] < 1) clipped++
      for (let at = 0; at < count; at += width) {
        // What rows that do not count have as their loss may be anything.
        if (weights[at] !== 0) loss += weights[at] * losses[at]
        weight += weights[at]
      }
    }
    this.#sums = { loss, weight, skipped, clipped }
    this.#pending = []
    const nowMs = performance.now()
    this.onSteps?.(figures, nowMs - (this.#sinceMs ?? nowMs))
    this.#sinceMs = nowMs
  }

  /** Steps skipped since sums were last taken, as far as they were read back: every 32 steps. */
  get skipped(): number {
    return this.#sums.skipped
  }

  /** The sums over all steps since the last call. Waits for every step. */
  async takeSums(): Promise<StepSums> {
    await this.#collect()
    const sums = this.#sums
    this.#sums = noSteps
    // What comes between rounds is no time of steps.
    this.#sinceMs = null
    return sums
  }

  /** Mean loss of the first task by the weights of its labels, nats, since sums were last taken. Waits for every step. */
  async meanLoss(): Promise<number> {
    const { loss, weight } = await this.takeSums()
    return loss / weight
  }

  /** Sums and unread records, for a checkpoint: to be copied before the next step is submitted. */
  capture(): { readonly sums: StepSums; readonly pendingSteps: number; readonly records: GPUBuffer } {
    return { sums: this.#sums, pendingSteps: this.#pending.length, records: this.#records }
  }

  /** Goes on from what `capture` gave; the records' bytes are for the caller to write. @param steps of the training so far */
  restore({
    sums,
    pendingSteps,
    steps,
  }: Omit<ReturnType<TrainStep['capture']>, 'records'> & { readonly steps: number }): void {
    this.#sums = sums
    // Rows are no part of a checkpoint; all but a round's last batch are full.
    this.#pending = Array.from({ length: pendingSteps }, (_, i) => ({
      step: steps - pendingSteps + 1 + i,
      rows: this.rows,
    }))
  }

  dispose(): void {
    this.plan.dispose()
    this.#inputs.dispose()
    this.#ring.dispose()
    this.#device.release(this.#records)
  }
}

/** @param losses [R, T], padded @param weights as the losses */
function figuresOf(losses: Float32Array, weights: Float32Array, rates: Float32Array, tasks: number) {
  const width = padded(tasks)
  const means = Array.from({ length: tasks }, (_, t) => {
    let [loss, weight] = [0, 0]
    for (let at = t; at < losses.length; at += width) {
      if (weights[at] !== 0) loss += weights[at] * losses[at]
      weight += weights[at]
    }
    return weight > 0 ? loss / weight : null
  })
  const { dense, tables, weightDecay } = rateSlots
  return {
    losses: means,
    gradientNorm: rates[rateSlots.skip] === 0 ? rates[rateSlots.gradientNorm] : null,
    rates: { dense: rates[dense], tables: rates[tables], weightDecay: rates[weightDecay] },
  }
}
