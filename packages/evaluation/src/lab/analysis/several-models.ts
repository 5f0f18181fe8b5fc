/** Figures of several downstream models together, each with the same weight. Shape letters: M models, U users. */
import { baseRate, binaryEntropy, clusterBootstrap, mean } from '@headwater/statistics'
import type { ModelName } from '../../downstream/family.ts'
import type { Interval } from '../../report/findings.ts'
import { bootstrap, widenBySeeds } from './figures.ts'
import type { Outcomes } from './outcomes.ts'

/** An arm that serves a model. */
export interface Served {
  readonly arm: string
  readonly model: ModelName
}

/** Mean of the models' normalized entropies, of users, who are drawn whole with their rows of all models, and of seeds. */
export function meanNe(outcomes: Outcomes, served: readonly Served[]): Interval {
  const columns = served.flatMap(({ arm, model }): Column[] => {
    const { labels } = outcomes.rowsOf(model)
    return [outcomes.losses(arm, model), labels, new Uint8Array(labels.length).fill(1)].map((values) => ({
      model,
      values,
    }))
  })
  const whole = served.map(({ model }) => binaryEntropy(baseRate(outcomes.rowsOf(model).labels)))
  const found = bootstrapSums(outcomes, columns, (all) => {
    const each = whole.flatMap((wholeEntropy, m) => {
      const [loss, positives, rows] = all.subarray(3 * m, 3 * m + 3)
      if (rows === 0) return []
      // A draw of few users may have one class, which has no entropy to be measured by.
      const entropy = positives > 0 && positives < rows ? binaryEntropy(positives / rows) : wholeEntropy
      return loss / rows / entropy
    })
    return mean(each)
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

/**
 * Mean of the models' gains (NE of `over` − NE of `arm`) ÷ NE of `over`, of sampling users and, where there are several
 * seeds, of the spread between them.
 */
export function meanGain(outcomes: Outcomes, pairs: readonly (Served & { readonly over: string })[]): Interval {
  const columns = pairs.flatMap(({ arm, over, model }) =>
    [over, arm].map((name) => ({ model, values: outcomes.losses(name, model) })),
  )
  const found = bootstrapSums(outcomes, columns, (all) =>
    mean(pairs.map((_, m) => 1 - all[2 * m + 1] / all[2 * m]).filter(Number.isFinite)),
  )
  const bySeed = outcomes.seeds.map((_, seed) =>
    mean(
      pairs.map(({ arm, over, model }) => {
        const [own, others] = [arm, over].map((name) => mean(outcomes.seedLosses(name, model)[seed]))
        return 1 - own / others
      }),
    ),
  )
  return widenBySeeds(found, bySeed).interval
}

/** Numbers of a model's rows. */
interface Column {
  readonly model: ModelName
  readonly values: ArrayLike<number>
}

/** Of sums of columns a user, so that models with rows of their own are drawn together. */
function bootstrapSums(outcomes: Outcomes, columns: readonly Column[], statistic: (sums: Float64Array) => number) {
  /** By number of the user in the log, [columns]. */
  const byUser = new Map<number, number[]>()
  for (const [column, { model, values }] of columns.entries())
    for (const [row, user] of outcomes.users(model).entries()) {
      const sums = byUser.get(user) ?? columns.map(() => 0)
      sums[column] += values[row]
      byUser.set(user, sums)
    }
  const ofUsers = [...byUser.values()]
  const sums = columns.map((_, column) => Float64Array.from(ofUsers, (own) => own[column]))
  return clusterBootstrap(Uint32Array.from(byUser.keys()), sums, bootstrap, statistic)
}
