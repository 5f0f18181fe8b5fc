import { readStatus } from '@headwater/store'
import { zeroCounters } from '../contracts/counters.ts'
import { PoolingConfigError, UnknownModelError } from '../contracts/errors.ts'
import type { ServedBatch } from '../contracts/served-batch.ts'
import type { ModelRule, Settings } from '../options/options.ts'
import type { ColdDefaults } from '../snapshots/cold-defaults.ts'
import type { ReadOptions } from './read-options.ts'
import { ServedRead, serveModel } from './served-read.ts'

/** What reads of the same models share. */
interface Plan {
  readonly models: readonly string[]
  readonly rules: readonly ModelRule[]
  readonly defaults: readonly ColdDefaults[]
  readonly expires: boolean
}

/** The read path. It allocates next to nothing but the answer, as it runs a million times where all else runs once. */
export class PooledReads {
  readonly #settings: Settings
  readonly #defaults: ReadonlyMap<string, ColdDefaults>
  readonly #onSegment: () => void
  /** Of the last read: most ask for the same models. */
  #plan: Plan = { models: [], rules: [], defaults: [], expires: false }

  /** @param onSegment called when a segment's default is missing, and is to be computed */
  constructor(settings: Settings, defaults: ReadonlyMap<string, ColdDefaults>, onSegment: () => void) {
    this.#settings = settings
    this.#defaults = defaults
    this.#onSegment = onSegment
  }

  /** @throws UnknownModelError */
  ruleOf(model: string): ModelRule {
    const rule = this.#settings.rules.get(model)
    if (rule === undefined) throw new UnknownModelError(model, this.#settings.rules.keys())
    return rule
  }

  /** Memory for a read. @throws UnknownModelError, PoolingConfigError */
  prepare(users: readonly string[], models: readonly string[], options: ReadOptions | undefined): ServedRead {
    const { rules } = this.#planOf(models)
    const latest = options?.latest === true
    const halves = options?.halves === true
    const segments = options?.segments
    if (segments !== undefined && segments.length !== users.length) {
      throw new PoolingConfigError(`segments has ${segments.length} entries for ${users.length} users; give one each`)
    }
    const into = options?.into
    if (into === undefined)
      return new ServedRead(users.length, rules, latest, halves, this.#settings.mode === 'synchronous')
    if (!(into instanceof ServedRead) || !into.fits(users.length, rules, latest, halves)) {
      throw new PoolingConfigError(
        'into does not fit; give what a read of as many users, the same models and options gave',
      )
    }
    return into
  }

  /** Fills memory from the store: one round trip. */
  fill(read: ServedRead, users: readonly string[], models: readonly string[], servedMs: number): Promise<void> {
    const { rules, expires } = this.#planOf(models)
    read.users = users
    read.servedMs = servedMs
    read.request.users = users
    if (expires) {
      for (let m = 0; m < rules.length; m++) read.request.models[m].expiredBeforeMs = servedMs - rules[m].timeToLiveMs
    }
    return this.#settings.store.read(read.request, read.buffer)
  }

  /** Takes users for missing, whatever the store had of them. */
  leaveOut(read: ServedRead, isOut: (user: string) => boolean): void {
    for (const [u, user] of read.users.entries()) {
      if (isOut(user)) for (const { status } of read.models) status[u] = readStatus.missing
    }
  }

  /** Makes what the store held what is served, and counts and tells it. */
  serve(read: ServedRead, models: readonly string[], asOfMs: number, options: ReadOptions | undefined): void {
    const { rules, defaults } = this.#planOf(models)
    const { counters, onServed } = this.#settings
    for (let m = 0; m < rules.length; m++) {
      const columns = read.models[m]
      const isLearning = serveModel(columns, rules[m], read.servedMs, asOfMs, counters, defaults[m], options?.segments)
      if (isLearning) this.#onSegment()
    }
    if (onServed !== null) onServed(read, options?.request)
  }

  /** What a read would serve, neither counted nor reported. */
  async look(users: readonly string[], models: readonly string[], servedMs: number): Promise<ServedBatch> {
    const read = this.prepare(users, models, undefined)
    await this.fill(read, users, models, servedMs)
    const { rules, defaults } = this.#planOf(models)
    const counters = zeroCounters()
    for (const [m, columns] of read.models.entries())
      serveModel(columns, rules[m], servedMs, servedMs, counters, defaults[m], undefined)
    return read
  }

  #planOf(models: readonly string[]): Plan {
    const plan = this.#plan
    let same = models.length === plan.models.length
    for (let m = 0; same && m < models.length; m++) same = models[m] === plan.models[m]
    if (same) return plan
    const rules = models.map((model) => this.ruleOf(model))
    this.#plan = {
      models: [...models],
      rules,
      defaults: models.map((model) => this.#defaults.get(model)!),
      expires: rules.some(({ timeToLiveMs }) => timeToLiveMs < Number.POSITIVE_INFINITY),
    }
    return this.#plan
  }
}
