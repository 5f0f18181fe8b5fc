/**
 * Settings of downstream models. A model with an embedding and the same one without may each want settings of its own: one for
 * all would count as the embedding's what is the setting's. So arms are run with the usual ones and with each of them changed,
 * and for each arm, model and seed those count which have the least loss on the rows before the test window.
 */
import type { ModelName } from '../downstream/family.ts'
import { defaultRanking } from '../downstream/ranking-settings.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import {
  type Deployment,
  judgedName,
  latestAlone,
  type Setup,
  setupColumn,
  type TriedSettings,
} from '../lab/arms/downstream-arm.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { formatNe } from '../report/format.ts'
import { type FigureTable, tableOf } from '../report/table.ts'

interface Candidate extends TriedSettings {
  /** Stable, in names of columns. */
  readonly name: string
  /** In tables. */
  readonly title: string
}

const usual: Candidate = { name: 'rate-100', title: 'usual', rateFactor: 1 }
const { penalty, idWidth, hidden, firstSquare } = defaultRanking

/** The usual ones come first: they count where others are as good. Only a ranking model has other settings than its rate. */
const candidates: readonly Candidate[] = [
  usual,
  { name: 'rate-33', title: 'rate × 0.33', rateFactor: 1 / 3 },
  { name: 'rate-300', title: 'rate × 3', rateFactor: 3 },
  { name: 'rate-900', title: 'rate × 9', rateFactor: 9 },
  { name: 'penalty-25', title: 'L2 ÷ 4', ranking: { penalty: penalty / 4 } },
  { name: 'penalty-400', title: 'L2 × 4', ranking: { penalty: penalty * 4 } },
  { name: 'squares', title: 'Adagrad from 1e-4', ranking: { firstSquare: firstSquare + 1e-4 } },
  { name: 'dropout', title: 'dropout .2', ranking: { dropout: 0.2 } },
  { name: 'ids', title: 'ids × 2', ranking: { idWidth: 2 * idWidth } },
  { name: 'hidden', title: 'hidden × 2', ranking: { hidden: [2 * hidden[0], 2 * hidden[1]] } },
]

/** Setups of an arm whose models are tried with each of the settings. A quick run has the usual ones alone. */
export function tunedSetups({ quick }: LabLog, deployment: Deployment = latestAlone.deployment): readonly Setup[] {
  const setup = { ...latestAlone, deployment }
  if (quick) return [setup]
  return candidates.map(({ name, title: _, ...tried }) => ({ ...setup, name, tried }))
}

/** An arm of more than one setup with the settings that all models have where nothing is tuned. */
export const atUsualSettings = (arm: string): string => `${arm}#${usual.name}`

/** An arm of `tunedSetups`, and its models. */
export interface TunedArm {
  readonly arm: string
  readonly models: readonly ModelName[]
}

/** The same outcomes, where an arm's predictions by a model are those of its best settings. */
export function atBestSettings(outcomes: Outcomes, arms: readonly TunedArm[]): Outcomes {
  if (outcomes.lab.quick) return outcomes
  return arms.reduce((all, { arm, models }) => {
    const own = all.ofArm(arm).map(({ columns, figures }) => {
      const best = models.map((model) => {
        const losses = candidates.map(({ name }) => figures[judgedName(name, model)] ?? Number.POSITIVE_INFINITY)
        const { name } = candidates[losses.indexOf(Math.min(...losses))]
        return [model, columns[setupColumn(name, model)]] as const
      })
      return { figures, columns: { ...columns, ...Object.fromEntries(best) } }
    })
    return all.with(arm, own)
  }, outcomes)
}

export function settingsTable(outcomes: Outcomes, arms: readonly TunedArm[]): FigureTable {
  return tableOf(
    'Mean log loss before the test window, by what is changed of the model’s settings, mean over seeds',
    arms.flatMap(({ arm, models }) => models.map((model) => ({ arm, model }))),
    [
      ['arm', ({ arm }) => arm],
      ['model', ({ model }) => model],
      ...candidates.map(({ name, title }) => {
        const loss = ({ arm, model }: { arm: string; model: ModelName }) => {
          const found = outcomes.figure(arm, judgedName(name, model))
          // Of a model without such a setting, or without rows right before the test window.
          return Number.isNaN(found) ? '–' : formatNe(found)
        }
        return [title, loss] as const
      }),
    ],
  )
}
