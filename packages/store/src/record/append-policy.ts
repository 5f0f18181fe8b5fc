import { RequestError } from '../validation/errors.ts'
import { checkDuration, checkInteger } from '../validation/numbers.ts'
import { type CodecName, codecs } from './codec/vector-codec.ts'

const maxSlots = 255

/** How a ring takes an embedding in, and what it averages. */
export interface AppendPolicy {
  /** Slots kept, N. 1 … 255. */
  readonly slots: number
  /** Newest slots of the newest slot's frame that are averaged. 1 … `slots`. */
  readonly count: number
  /**
   * [`count`] positive weights of the averaged slots, the newest first: say 0.5 ** i for one that halves from slot to slot.
   * Of those slots that take part they are brought to a sum of 1. Absent: all weigh the same.
   */
  readonly weights?: readonly number[]
  /** `snapshot`: a slot a snapshot, renewed by later feature times. `refresh`: a slot a refresh, as the paper reads. */
  readonly slot: 'snapshot' | 'refresh'
  /**
   * Slots whose features lie further than this behind the newest slot's are kept but not averaged: they would bring back
   * a user of long ago. Milliseconds, 0 or more; absent: no limit.
   */
  readonly maxLagMs?: number
  /** How the slots are held; a ring of another codec is coded anew. The pooled vector is fp16 always. Default `fp16`. */
  readonly codec?: CodecName
}

/** @throws RequestError */
export function checkPolicy({ slots, count, weights, slot, maxLagMs = Infinity, codec = 'fp16' }: AppendPolicy): void {
  checkInteger('policy.slots', slots, 1, maxSlots)
  checkInteger('policy.count', count, 1, slots)
  if (weights !== undefined) checkWeights(weights, count)
  if (slot !== 'snapshot' && slot !== 'refresh') {
    throw new RequestError(`policy.slot is "${slot}"; give "snapshot" or "refresh"`)
  }
  checkDuration('policy.maxLagMs', maxLagMs)
  if (!Object.hasOwn(codecs, codec)) throw new RequestError(`policy.codec is "${codec}"; give "fp16" or "int8"`)
}

function checkWeights(weights: readonly number[], count: number): void {
  if (weights.length !== count) {
    throw new RequestError(`policy.weights has ${weights.length} values; give policy.count of them, ${count}`)
  }
  const bad = weights.findIndex((weight) => !(weight > 0))
  if (bad >= 0) throw new RequestError(`policy.weights[${bad}] is ${weights[bad]}; give numbers above 0`)
  if (!Number.isFinite(sumOf(weights))) throw new RequestError('policy.weights have no finite sum; give smaller ones')
}

/** [slots] what each of the averaged slots weighs, the newest first; they sum to 1. */
export function sharesOf({ weights = [] }: AppendPolicy, slots: number): readonly number[] {
  const taking = Array.from({ length: slots }, (_, s) => weights[s] ?? 1)
  const sum = sumOf(taking)
  return taking.map((weight) => weight / sum)
}

function sumOf(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0)
}
