import { adamBeta1, adamBeta2, adamw, rateSlots } from '@headwater/kernels'
import { queueWrite, type Recorder, type Weights, type Write } from '@headwater/runtime'

export interface Rates {
  /** AdamW's learning rate for dense parameters. */
  readonly dense: number
  /** Row-wise Adagrad's for tables. */
  readonly tables: number
  readonly weightDecay: number
}

/** Uploads what changes from step to step. @param step from 1. */
export function writeRates(
  weights: Weights,
  step: number,
  seed: number,
  rates: Rates,
  write: Write = queueWrite(weights.device),
): void {
  const values = new Float32Array(8)
  values[rateSlots.dense] = rates.dense
  values[rateSlots.tables] = rates.tables
  values[rateSlots.firstCorrection] = 1 / (1 - adamBeta1 ** step)
  values[rateSlots.secondCorrection] = 1 / (1 - adamBeta2 ** step)
  values[rateSlots.weightDecay] = rates.weightDecay
  values[rateSlots.gradientScale] = 1
  write(weights.rates, values)
  write(weights.step, Uint32Array.of((Math.imul(seed, 0x9e3779b1) + step) >>> 0))
}

/** Records AdamW over all dense parameters, a run at a time. */
export function recordAdamw(rec: Recorder, weights: Weights): void {
  for (const { floats, decayedFloats, gradient, first, second, values } of weights.runs)
    rec.dispatch(
      adamw,
      { count4: floats / 4, decayed4: decayedFloats / 4 },
      { rates: weights.rates, gradient: gradient!, first: first!, second: second!, values },
    )
}
