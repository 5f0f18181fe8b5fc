/** Outcomes of arms by name and seed, as losses that can be compared. Shape letters: R rows of a downstream model. */
import { logLossesOfLogits } from '@headwater/statistics'
import { crossEntropies, crossEntropiesOfLogits } from '../../reference-world/reference-scores.ts'
import type { ScoredModel } from '../../report/findings.ts'
import type { ArmOutcome } from '../arms/arm.ts'
import { ranksName, setupColumn } from '../arms/downstream-arm.ts'
import type { LabLog, ModelRows } from '../log/lab-log.ts'

export class Outcomes {
  readonly lab: LabLog
  readonly seeds: readonly number[]
  readonly #byName: ReadonlyMap<string, readonly ArmOutcome[]>
  readonly #made = new Map<string, unknown>()

  /** @param byName outcomes of each arm in the order of the seeds; of an arm without a seed, one */
  constructor(lab: LabLog, seeds: readonly number[], byName: ReadonlyMap<string, readonly ArmOutcome[]>) {
    this.lab = lab
    this.seeds = seeds
    this.#byName = byName
  }

  /** The same with an arm in place of what it had of that name. */
  with(arm: string, own: readonly ArmOutcome[]): Outcomes {
    return new Outcomes(this.lab, this.seeds, new Map([...this.#byName, [arm, own]]))
  }

  has(arm: string): boolean {
    return this.#byName.has(arm)
  }

  ofArm(arm: string): readonly ArmOutcome[] {
    const outcomes = this.#byName.get(arm)
    if (outcomes === undefined) throw new TypeError(`no arm "${arm}" was run`)
    return outcomes
  }

  /** Mean over the seeds of a figure of the arm; NaN where it has none. */
  figure(arm: string, name: string): number {
    const outcomes = this.ofArm(arm)
    return outcomes.reduce((sum, { figures }) => sum + figures[name], 0) / outcomes.length
  }

  rowsOf(model: ScoredModel): ModelRows {
    return this.lab.test.models[model === 'head' ? 'ranking' : model]
  }

  /** Users of the model's rows, numbered, [R]. */
  users(model: ScoredModel): Uint32Array {
    const { users } = this.lab.test
    return this.rowsOf(model).places.map((place) => users[place])
  }

  /** The same of items. */
  items(model: ScoredModel): Uint32Array {
    const { items } = this.lab.test
    return this.rowsOf(model).places.map((place) => items[place])
  }

  /** @param arm its name, with that of a setup behind a "#" where it has several */
  logits(arm: string, model: ScoredModel): readonly Float32Array[] {
    const { places } = this.rowsOf(model)
    const [name, setup = ''] = arm.split('#')
    return this.ofArm(name).map(({ columns }) => {
      const logits = columns[setupColumn(setup, model)]
      if (logits?.length !== places.length)
        throw new TypeError(`arm "${arm}" has ${logits?.length} predictions of model "${model}", not ${places.length}`)
      return logits
    })
  }

  /** Of each seed the ranks of what was taken at the test window's choices; empty where nothing is ranked. */
  ranks(arm: string, model: ScoredModel): readonly Float32Array[] {
    const [name, setup = ''] = arm.split('#')
    return this.ofArm(name).map(({ columns }) => columns[setupColumn(setup, ranksName(model))] ?? new Float32Array())
  }

  /** Log losses [R] of each seed. */
  seedLosses(arm: string, model: ScoredModel): readonly Float64Array[] {
    const { labels } = this.rowsOf(model)
    return this.logits(arm, model).map((logits) => logLossesOfLogits(logits, labels))
  }

  /** Log losses [R], averaged over the seeds. */
  losses(arm: string, model: ScoredModel): Float64Array {
    return this.once(`losses ${arm} ${model}`, () => meanOf(this.seedLosses(arm, model)))
  }

  /**
   * Expected losses [R] under the true click probabilities, averaged over the seeds: a third of the noise of the clicks'.
   * Of models of all rows of a synthetic log.
   */
  expectedLosses(arm: string, model: ScoredModel): Float64Array {
    return this.once(`expected ${arm} ${model}`, () => meanOf(this.seedExpectedLosses(arm, model)))
  }

  /** The same of each seed. */
  seedExpectedLosses(arm: string, model: ScoredModel): readonly Float64Array[] {
    const truth = this.known('truth')
    return this.logits(arm, model).map((logits) => crossEntropiesOfLogits(logits, truth))
  }

  /** A column of the filtered optimum's predictions [T]. */
  known(name: string): Float64Array {
    return Float64Array.from(this.ofArm('optimum')[0].columns[name])
  }

  /** Expected losses [T] of a way of knowing. */
  knownLosses(name: string): Float64Array {
    return this.once(`known ${name}`, () => crossEntropies(this.known(name), this.known('truth')))
  }

  /** What was made of these outcomes under a key before, or is made now. */
  once<T>(key: string, make: () => T): T {
    const made = (this.#made.get(key) as T | undefined) ?? make()
    this.#made.set(key, made)
    return made
  }
}

/** Log losses of the seeds' logits of the same rows, averaged over them. */
export function seedMean(logits: readonly Float32Array[], labels: ArrayLike<number>): Float64Array {
  return meanOf(logits.map((own) => logLossesOfLogits(own, labels)))
}

/** Of each row [R] over several lists. */
export function meanOf(parts: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(parts[0].length)
  for (const part of parts) for (let i = 0; i < mean.length; i++) mean[i] += part[i] / parts.length
  return mean
}
