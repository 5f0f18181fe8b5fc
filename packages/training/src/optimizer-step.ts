import { adamBeta1, adamBeta2, adamw, rateSlots } from '@headwater/kernels'
import type { Recorder, Weights } from '@headwater/runtime'

export interface Rates {
  /** AdamW's learning rate for dense parameters. */
  readonly dense: number
  /** Row-wise Adagrad's for tables. */
  readonly tables: number
  readonly weightDecay: number
}

/** Uploads what changes from step to step. @param step from 1. */
export function writeRates(weights: Weights, step: number, seed: number, rates: Rates): void {
  const { queue } = weights.device.gpuDevice
  const values = new Float32Array(8)
  values[rateSlots.dense] = rates.dense
  values[rateSlots.tables] = rates.tables
  values[rateSlots.firstCorrection] = 1 / (1 - adamBeta1 ** step)
  values[rateSlots.secondCorrection] = 1 / (1 - adamBeta2 ** step)
  values[rateSlots.weightDecay] = rates.weightDecay
  values[rateSlots.gradientScale] = 1
  queue.writeBuffer(weights.rates.storage.buffer!, 0, values)
  queue.writeBuffer(weights.step.storage.buffer!, 0, Uint32Array.of((Math.imul(seed, 0x9e3779b1) + step) >>> 0))
}

/** Records AdamW over all dense parameters at once. */
export function recordAdamw(rec: Recorder, weights: Weights): void {
  const { values, gradient, first, second, rates } = weights
  rec.dispatch(
    adamw,
    { count4: weights.totalFloats / 4, decayed4: weights.decayedFloats / 4 },
    { rates, gradient: gradient!, first: first!, second: second!, values },
  )
}
