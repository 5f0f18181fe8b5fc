/** Figures of several downstream models together, each with the same weight. Shape letters: M models, U users. */
import { binaryEntropy, clusterBootstrap, mean } from '@headwater/statistics'
import type { ModelName } from '../../downstream/family.ts'
import type { Interval } from '../../report/findings.ts'
import { bootstrap } from './figures.ts'
import type { Outcomes } from './outcomes.ts'
import { widenBySeeds } from './seed-widening.ts'

/** An arm that serves a model. */
export interface Served {
  readonly arm: string
  readonly model: ModelName
}

/** Mean of the models' normalized entropies, of users, who are drawn whole with their rows of all models, and of seeds. */
export function meanNe(outcomes: Outcomes, served: readonly Served[]): Interval {
  const sums = new SumsByUser(outcomes)
  for (const { arm, model } of served) {
    const { labels } = outcomes.rowsOf(model)
    sums.add(model, outcomes.losses(arm, model))
    sums.add(model, labels)
    sums.add(model, new Uint8Array(labels.length).fill(1))
  }
  const whole = served.map(({ model }) => entropyOf(outcomes.rowsOf(model).labels))
  const found = sums.bootstrap((all) => {
    let total = 0
    let models = 0
    for (const [m, wholeEntropy] of whole.entries()) {
      const [loss, positives, rows] = all.subarray(3 * m, 3 * m + 3)
      if (rows === 0) continue
      // A draw of few users may have one class, which has no entropy to be measured by.
      const entropy = positives > 0 && positives < rows ? binaryEntropy(positives / rows) : wholeEntropy
      total += loss / rows / entropy
      models++
    }
    return total / models
  })
  const bySeed = outcomes.seeds.map((_, seed) =>
    mean(
      served.map(({ arm, model }, m) => {
        const losses = outcomes.seedLosses(arm, model)
        return mean(losses[Math.min(seed, losses.length - 1)]) / whole[m]
      }),
    ),
  )
  return widenBySeeds(found, bySeed).interval
}

function entropyOf(labels: Uint8Array): number {
  return binaryEntropy(labels.reduce((sum, label) => sum + label, 0) / labels.length)
}

/**
 * Mean of the models' gains (NE of `over` − NE of `arm`) ÷ NE of `over`, of sampling users and, where there are several
 * seeds, of the spread between them.
 */
export function meanGain(outcomes: Outcomes, pairs: readonly (Served & { readonly over: string })[]): Interval {
  const sums = new SumsByUser(outcomes)
  for (const { arm, over, model } of pairs) {
    sums.add(model, outcomes.losses(over, model))
    sums.add(model, outcomes.losses(arm, model))
  }
  const found = sums.bootstrap((all) => {
    const gains = pairs.map((_, m) => 1 - all[2 * m + 1] / all[2 * m])
    return mean(gains.filter(Number.isFinite))
  })
  const total = (losses: Float64Array) => losses.reduce((sum, loss) => sum + loss, 0)
  const bySeed = outcomes.seeds.map((_, seed) =>
    mean(
      pairs.map(({ arm, over, model }) => {
        const [own, others] = [arm, over].map((name) => total(outcomes.seedLosses(name, model)[seed]))
        return 1 - own / others
      }),
    ),
  )
  return widenBySeeds(found, bySeed).interval
}

/** Columns of sums a user, so that models with rows of their own are drawn together. */
class SumsByUser {
  readonly #outcomes: Outcomes
  /** By number of the user in the log, [columns]. */
  readonly #byUser = new Map<number, number[]>()
  #columns = 0

  constructor(outcomes: Outcomes) {
    this.#outcomes = outcomes
  }

  /** A column of the model's rows. */
  add(model: ModelName, values: ArrayLike<number>): void {
    const column = this.#columns++
    for (const [row, user] of this.#outcomes.users(model).entries()) {
      let sums = this.#byUser.get(user)
      if (sums === undefined) {
        sums = []
        this.#byUser.set(user, sums)
      }
      sums[column] = (sums[column] ?? 0) + values[row]
    }
  }

  bootstrap(statistic: (sums: Float64Array) => number) {
    const users = [...this.#byUser.values()]
    const columns = Array.from({ length: this.#columns }, (_, c) => Float64Array.from(users, (sums) => sums[c] ?? 0))
    return clusterBootstrap(Uint32Array.from(users.keys()), columns, bootstrap, statistic)
  }
}
