/**
 * Learning rates of downstream models. A model with an embedding and the same one without may each want a rate of its own:
 * one rate for all would count as the embedding's what is the rate's. So arms are run at several, and for each arm, model and
 * seed that one counts which has the least loss on the rows before the test window.
 */
import type { ModelName } from '../downstream/family.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { type Deployment, judgedName, latestAlone, type Setup, setupColumn } from '../lab/arms/downstream-arm.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { formatFixed, formatNe } from '../report/format.ts'
import { type FigureTable, tableOf } from '../report/table.ts'

/** Of the usual rate, which comes first: it counts where others are as good. */
const factors = [1, 1 / 3, 3, 9] as const
const setupOf = (factor: number) => `rate-${Math.round(100 * factor)}`

/** Setup of an arm whose models are tried at each rate. A quick run has the usual one alone. */
export function rateSetups({ quick }: LabLog, deployment: Deployment = latestAlone.deployment): readonly Setup[] {
  const setup = { ...latestAlone, deployment }
  if (quick) return [setup]
  return factors.map((rateFactor) => ({ ...setup, name: setupOf(rateFactor), rateFactor }))
}

/** An arm of more than one setup at the rate that all models have where nothing is tuned. */
export const atUsualRate = (arm: string): string => `${arm}#${setupOf(1)}`

/** An arm of `rateSetups`, and its models. */
export interface RatedArm {
  readonly arm: string
  readonly models: readonly ModelName[]
}

/** The same outcomes, where an arm's predictions by a model are those of its best rate. */
export function atBestRates(outcomes: Outcomes, arms: readonly RatedArm[]): Outcomes {
  if (outcomes.lab.quick) return outcomes
  return arms.reduce((all, { arm, models }) => {
    const own = all.ofArm(arm).map(({ columns, figures }) => {
      const best = models.map((model) => {
        const losses = factors.map((factor) => figures[judgedName(setupOf(factor), model)] ?? Number.POSITIVE_INFINITY)
        const factor = factors[losses.indexOf(Math.min(...losses))]
        return [model, columns[setupColumn(setupOf(factor), model)]] as const
      })
      return { figures, columns: { ...columns, ...Object.fromEntries(best) } }
    })
    return all.with(arm, own)
  }, outcomes)
}

export function ratesTable(outcomes: Outcomes, arms: readonly RatedArm[]): FigureTable {
  return tableOf(
    'Mean log loss before the test window, by the factor of the model’s learning rate, mean over seeds',
    arms.flatMap(({ arm, models }) => models.map((model) => ({ arm, model }))),
    [
      ['arm', ({ arm }) => arm],
      ['model', ({ model }) => model],
      ...factors.map((factor) => {
        const loss = ({ arm, model }: { arm: string; model: ModelName }) => {
          const found = outcomes.figure(arm, judgedName(setupOf(factor), model))
          // Of a model without rows right before the test window.
          return Number.isNaN(found) ? '–' : formatNe(found)
        }
        return [`× ${formatFixed(factor, 2)}`, loss] as const
      }),
    ],
  )
}
