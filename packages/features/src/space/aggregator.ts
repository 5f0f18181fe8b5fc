import type { Aggregation, AggregationKind } from '../schema/schema.ts'
import { schemaDefaults } from '../schema/schema-defaults.ts'
import type { SlotWeights } from './slot-weights.ts'
import type { ImageLayout } from './state-image.ts'

/** Divisor that brings log(1 + seconds) to about 1 for a few months. */
const logSecondsScale = 16

const msPerDay = 86_400_000

/** λ of the weight e^(−λ · age in milliseconds) that halves in so many days. */
export const decayPerMs = (halfLifeDays: number): number => Math.LN2 / (halfLifeDays * msPerDay)

/**
 * One aggregation compiled: its accumulators are doubles in a state, all decayed to the state's last event and its time.
 * Shape letter: S slots (1 without `by`).
 *
 * Each slot accumulates the weight Σw and, where the kind has a value, Σwx.
 */
export class Aggregator {
  readonly columns: readonly string[]
  readonly #kind: AggregationKind
  readonly #by: SlotWeights
  readonly #decayPerMs: number
  /** What a later event leaves of an earlier one's weight. */
  readonly #leftByEvent: number
  readonly #shrinkage: number
  readonly #prior: number
  /** Places of the S sums and the S weights in `f64`; −1 where the kind has none. */
  readonly #sumsAt: number
  readonly #weightsAt: number

  constructor(aggregation: Aggregation, by: SlotWeights, layout: ImageLayout) {
    const { name, kind, value, halfLifeDays, halfLifeEvents } = aggregation
    this.#kind = kind
    this.#by = by
    this.#decayPerMs = halfLifeDays === undefined ? 0 : decayPerMs(halfLifeDays)
    this.#leftByEvent = halfLifeEvents === undefined ? 1 : 2 ** (-1 / halfLifeEvents)
    this.#shrinkage = aggregation.shrinkage ?? schemaDefaults.shrinkage
    this.#prior = aggregation.prior ?? schemaDefaults.prior
    this.columns = by.names.map((slot) => (slot === '' ? name : `${name}[${slot}]`))
    const hasWeights = kind !== 'since' && !(kind === 'sum' && value !== undefined)
    this.#sumsAt = value === undefined ? -1 : layout.reserveDoubles(by.names.length)
    this.#weightsAt = hasWeights ? layout.reserveDoubles(by.names.length) : -1
  }

  /**
   * Takes in one event.
   *
   * @param f64 the state's doubles
   * @param elapsedMs since the state's last event, not below 0
   * @param x the event's value; NaN where it is missing, which only decays. Ignored by kinds without a value
   */
  add(f64: Float64Array, elapsedMs: number, x: number): void {
    this.#decay(f64, elapsedMs)
    const { slots, weights, active } = this.#by
    if (this.#sumsAt >= 0) {
      if (Number.isNaN(x)) return
      for (let i = 0; i < active; i++) f64[this.#sumsAt + slots[i]] += weights[i] * x
    }
    if (this.#weightsAt >= 0) {
      for (let i = 0; i < active; i++) f64[this.#weightsAt + slots[i]] += weights[i]
    }
  }

  /** Writes the S encoded columns to `out` from place `at`, as of `elapsedMs` after the state's last event. */
  read(f64: Float64Array, elapsedMs: number, out: Float32Array, at: number): void {
    const slots = this.columns.length
    switch (this.#kind) {
      case 'since':
        out[at] = logSeconds(elapsedMs)
        return
      case 'count':
      case 'sum': {
        const factor = this.#factor(elapsedMs)
        const from = this.#sumsAt >= 0 ? this.#sumsAt : this.#weightsAt
        for (let s = 0; s < slots; s++) out[at + s] = signedLog(factor * f64[from + s])
        return
      }
      case 'share': {
        let total = 0
        for (let s = 0; s < slots; s++) total += f64[this.#weightsAt + s]
        for (let s = 0; s < slots; s++) out[at + s] = total > 0 ? f64[this.#weightsAt + s] / total : 0
        return
      }
      case 'mean':
      case 'residual': {
        const factor = this.#factor(elapsedMs)
        for (let s = 0; s < slots; s++) out[at + s] = this.#shrunken(f64, s, factor) - this.#prior
        return
      }
    }
  }

  /** The shrunken mean itself, prior included, of a `mean` without `by`. */
  mean(f64: Float64Array, elapsedMs: number): number {
    return this.#shrunken(f64, 0, this.#factor(elapsedMs))
  }

  #shrunken(f64: Float64Array, slot: number, factor: number): number {
    const sum = factor * f64[this.#sumsAt + slot]
    const weight = factor * f64[this.#weightsAt + slot]
    return (sum + this.#shrinkage * this.#prior) / (weight + this.#shrinkage)
  }

  #decay(f64: Float64Array, elapsedMs: number): void {
    const factor = this.#leftByEvent * this.#factor(elapsedMs)
    if (factor === 1) return
    const slots = this.columns.length
    for (let s = 0; s < slots; s++) {
      if (this.#sumsAt >= 0) f64[this.#sumsAt + s] *= factor
      if (this.#weightsAt >= 0) f64[this.#weightsAt + s] *= factor
    }
  }

  #factor(elapsedMs: number): number {
    return this.#decayPerMs === 0 ? 1 : Math.exp(-this.#decayPerMs * elapsedMs)
  }
}

/** log(1 + seconds) ÷ 16. */
export function logSeconds(elapsedMs: number): number {
  return Math.log1p(elapsedMs / 1000) / logSecondsScale
}

/** log(1 + x), continued to x < 0 as an odd function. */
function signedLog(x: number): number {
  return x >= 0 ? Math.log1p(x) : -Math.log1p(-x)
}
