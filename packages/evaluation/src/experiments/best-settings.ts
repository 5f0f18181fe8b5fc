/**
 * Settings of downstream models. A model with an embedding and the same one without may each want settings of its own: one for
 * all would count as the embedding's what is the setting's. So arms are run with the usual ones and with each of them changed,
 * and for each arm, model and seed those count which have the least loss on the rows before the test window. Only those and the
 * usual ones go on into it, and the worse half is given up when snapshots have been served for a while: successive halving (Karnin,
 * Koren and Somekh 2013; Jamieson and Talwalkar 2016), in two rounds.
 */
import { mean } from '@headwater/statistics'
import type { ModelName } from '../downstream/family.ts'
import { defaultRanking } from '../downstream/ranking-settings.ts'
import type { TriedSettings } from '../downstream/tried-model.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { chosenName, judgedName, latestAlone, type Setup, splitSetup, usualSetup } from '../lab/arms/downstream-arm.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { formatNe } from '../report/format.ts'
import { type FigureTable, tableOf } from '../report/table.ts'

interface Candidate extends TriedSettings {
  /** In tables. */
  readonly title: string
}

const { penalty, idWidth, hidden, firstSquare } = defaultRanking

/** The usual ones come first: they count where others are as good. Only a ranking model has other settings than its rate. */
const candidates: readonly Candidate[] = [
  { name: 'usual', title: 'usual' },
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

/** Setup of an arm whose models are tried with each of the settings. A quick run has the usual ones alone. */
export function tunedSetups({ quick }: LabLog): readonly Setup[] {
  return quick ? [latestAlone] : [{ ...latestAlone, tries: candidates.map(({ title: _, ...tried }) => tried) }]
}

/** A tuned arm with the settings that all models have where nothing is tuned. */
export const atUsualSettings = (arm: string): string => `${arm}#${usualSetup}`

/** A tuned arm whose models were trained until the test window and no further. */
export const bySplitInTime = (arm: string): string => `${arm}#${splitSetup}`

/** An arm of `tunedSetups`, and its models. */
interface TunedArm {
  readonly arm: string
  readonly models: readonly ModelName[]
}

export function settingsTable(outcomes: Outcomes, arms: readonly TunedArm[]): FigureTable {
  return tableOf(
    'Mean log loss before the test window, by what is changed of the model’s settings, mean over the seeds that did not give it up',
    arms.flatMap(({ arm, models }) => models.map((model) => ({ arm, model }))),
    [
      ['arm', ({ arm }) => arm],
      ['model', ({ model }) => model],
      ...candidates.map(({ name, title }) => {
        const loss = ({ arm, model }: { arm: string; model: ModelName }) => {
          const found = outcomes.ofArm(arm).flatMap(({ figures }) => figures[judgedName(name, model)] ?? [])
          // Given up before by all seeds, of a model without such a setting, or without rows right before the test window.
          return found.length === 0 ? '–' : formatNe(mean(found))
        }
        return [title, loss] as const
      }),
      [
        'chosen, by seed',
        ({ arm, model }) => titlesOf(outcomes.ofArm(arm).map(({ figures }) => figures[chosenName(model)])),
      ],
    ],
  )
}

const titlesOf = (chosen: readonly number[]) => chosen.map((place) => candidates[place].title).join(', ')
