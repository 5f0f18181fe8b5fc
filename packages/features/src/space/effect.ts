import type { Aggregation } from '../schema/schema.ts'
import { schemaDefaults } from '../schema/schema-defaults.ts'
import { decayPerMs } from './aggregator.ts'
import type { SlotWeights } from './slot-weights.ts'
import type { ImageLayout } from './state-image.ts'

/**
 * What a user or an item adds to an outcome, as a Gaussian belief: an `effect` compiled. Shape letter: S slots (1 without
 * `by`).
 *
 * Of each slot a state holds the mean m and how much of the prior variance is known by now, c in [0, 1): the variance is
 * (1 − c) ÷ shrinkage, in units of the noise of one outcome. A state of zeros knows nothing. Between events both go back to
 * the prior by an Ornstein–Uhlenbeck process: m ← ρ m, c ← ρ² c.
 */
export class Effect {
  /** Means, and without `by` how much is left to be known: the standard deviation ÷ the prior's. */
  readonly columns: readonly string[]
  readonly prior: number
  readonly #by: SlotWeights
  readonly #isSingle: boolean
  readonly #decayPerMs: number
  readonly #leftByEvent: number
  readonly #shrinkage: number
  readonly #meansAt: number
  readonly #knownAt: number

  constructor(aggregation: Aggregation, by: SlotWeights, layout: ImageLayout) {
    const { name, halfLifeDays, halfLifeEvents } = aggregation
    this.#by = by
    this.#isSingle = aggregation.by === undefined
    this.#decayPerMs = halfLifeDays === undefined ? 0 : decayPerMs(halfLifeDays)
    this.#leftByEvent = halfLifeEvents === undefined ? 1 : 2 ** (-1 / halfLifeEvents)
    this.#shrinkage = aggregation.shrinkage ?? schemaDefaults.shrinkage
    this.prior = aggregation.prior ?? schemaDefaults.prior
    this.columns = this.#isSingle ? [name, `${name}.unknown`] : by.names.map((slot) => `${name}[${slot}]`)
    this.#meansAt = layout.reserveDoubles(by.names.length)
    this.#knownAt = layout.reserveDoubles(by.names.length)
  }

  /** Takes the state to an event, `elapsedMs` after the one before. */
  advance(f64: Float64Array, elapsedMs: number): void {
    const left = this.#leftByEvent * this.#leftAfter(elapsedMs)
    if (left === 1) return
    for (let s = 0; s < this.#by.names.length; s++) {
      f64[this.#meansAt + s] *= left
      f64[this.#knownAt + s] *= left * left
    }
  }

  /** What an event's outcome is expected to have of this: the mean over its slots, by their weights. */
  expected(f64: Float64Array): number {
    let sum = 0
    for (let i = 0; i < this.#by.active; i++) sum += this.#share(i) * f64[this.#meansAt + this.#by.slots[i]]
    return sum
  }

  /** The variance of that. */
  variance(f64: Float64Array): number {
    let sum = 0
    for (let i = 0; i < this.#by.active; i++) sum += this.#share(i) ** 2 * this.#varianceOf(f64, this.#by.slots[i])
    return sum
  }

  /**
   * Learns of an event. Covariances between slots, and with other effects, are left out.
   * @param surprise the outcome less all that was expected of it @param variance of the surprise
   */
  learn(f64: Float64Array, surprise: number, variance: number): void {
    for (let i = 0; i < this.#by.active; i++) {
      const slot = this.#by.slots[i]
      const share = this.#share(i)
      const gain = (share * this.#varianceOf(f64, slot)) / variance
      f64[this.#meansAt + slot] += gain * surprise
      f64[this.#knownAt + slot] = 1 - (1 - f64[this.#knownAt + slot]) * (1 - gain * share)
    }
  }

  /** Writes the columns to `out` from place `at`, as of `elapsedMs` after the state's last event. */
  read(f64: Float64Array, elapsedMs: number, out: Float32Array, at: number): void {
    const left = this.#leftAfter(elapsedMs)
    const slots = this.#by.names.length
    for (let s = 0; s < slots; s++) out[at + s] = left * f64[this.#meansAt + s]
    if (this.#isSingle) out[at + 1] = Math.sqrt(1 - left * left * f64[this.#knownAt])
  }

  #varianceOf(f64: Float64Array, slot: number): number {
    return (1 - f64[this.#knownAt + slot]) / this.#shrinkage
  }

  /** Part of the event's weight that its i-th slot has. */
  #share(i: number): number {
    const { weights, active } = this.#by
    let total = 0
    for (let j = 0; j < active; j++) total += weights[j]
    return weights[i] / total
  }

  #leftAfter(elapsedMs: number): number {
    return this.#decayPerMs === 0 ? 1 : Math.exp(-this.#decayPerMs * elapsedMs)
  }
}

/** All effects of one outcome, which add up to it: outcome = prior + item + user + … + noise. */
export interface EffectModel {
  readonly item: Effect
  readonly users: Effect[]
}

/**
 * Takes both states to an event and learns of it: one step of a Kalman filter, whose gains are each effect's part of the
 * variance of the surprise.
 * @param x the outcome; NaN where it is missing, which only decays
 * @param ofUser the user's doubles, `userElapsedMs` after the user's last event; `ofItem` likewise
 */
export function learnEffects(
  { item, users }: EffectModel,
  x: number,
  ofUser: Float64Array,
  userElapsedMs: number,
  ofItem: Float64Array,
  itemElapsedMs: number,
): void {
  item.advance(ofItem, itemElapsedMs)
  for (const effect of users) effect.advance(ofUser, userElapsedMs)
  if (Number.isNaN(x)) return
  let surprise = x - item.prior - item.expected(ofItem)
  let variance = 1 + item.variance(ofItem)
  for (const effect of users) {
    surprise -= effect.expected(ofUser)
    variance += effect.variance(ofUser)
  }
  item.learn(ofItem, surprise, variance)
  for (const effect of users) effect.learn(ofUser, surprise, variance)
}
