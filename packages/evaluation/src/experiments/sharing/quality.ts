/** How well models are served by one tower and by a tower for each. */
import type { ModelName } from '../../downstream/family.ts'
import { compare, scoreArm } from '../../lab/analysis/figures.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import { meanGain, meanNe } from '../../lab/analysis/several-models.ts'
import type { Chart, Interval } from '../../report/findings.ts'
import { formatCount, formatNe } from '../../report/format.ts'
import { type FigureTable, tableOf } from '../../report/table.ts'
import { curveChart, curvePoint, namedChart, namedPoint } from '../charts.ts'
import { sharedBy, sharingModels } from './plans.ts'

export const ownName = (model: ModelName) => `own-${model}`
export const sharedName = (models: number) => `shared-${models}`

export const modelsLabel = 'models, the first of the list'

export function neCharts(outcomes: Outcomes): Chart[] {
  const models = sharingModels(outcomes.lab)
  const x = { label: modelsLabel }
  /** Of a figure of the first models, by their number. */
  const curve = (figureOf: (first: readonly ModelName[]) => Interval) =>
    sharedBy(outcomes.lab).map((m) => {
      const first = models.slice(0, m).map(({ name }) => name)
      return curvePoint(`${m} models`, m, figureOf(first))
    })
  const neCurve = (armOf: (model: ModelName, m: number) => string) =>
    curve((first) =>
      meanNe(
        outcomes,
        first.map((model) => ({ arm: armOf(model, first.length), model })),
      ),
    )
  const gains = curve((first) =>
    meanGain(
      outcomes,
      first.map((model) => ({ arm: sharedName(first.length), over: ownName(model), model })),
    ),
  )
  const last = sharedName(models.length)
  const part = outcomes.lab.quick ? ` A quick run has ${models.length} models of ${outcomes.lab.portfolio.length}.` : ''
  return [
    curveChart(
      'Mean NE of the first models',
      `Of as many models as the axis says, each with the same weight. The shared tower is taught what these models are taught, so that of one model it is that model’s own. Intervals are of the sample of users.${part}`,
      x,
      { label: 'mean normalized entropy · ↓ better' },
      [
        { name: 'one shared tower', points: neCurve((_, m) => sharedName(m)) },
        { name: 'a tower each', points: neCurve(ownName) },
        { name: 'without', points: neCurve(() => 'sharing-without') },
      ],
    ),
    curveChart(
      'Gain of sharing',
      'Mean over these models of the gain by the shared tower over their own, of users and seeds.',
      x,
      { label: 'gain in normalized entropy, % · ↑ better', percent: true },
      [{ name: 'gain', points: gains }],
    ),
    namedChart(
      `What the tower of ${models.length} is worth to each model`,
      'Gain by the shared tower over the model’s own, with 95 % intervals of users and seeds.',
      'gain in normalized entropy, % · better →',
      models.map(({ name }) => namedPoint(name, compare(outcomes, name, last, ownName(name))!.gain)),
    ),
  ]
}

export function modelTable(outcomes: Outcomes): FigureTable {
  const { lab } = outcomes
  const models = sharingModels(lab)
  const ne = (arm: string, model: ModelName) => formatNe(scoreArm(outcomes, arm, model).ne.value)
  return tableOf('Models in the order in which they come to share', models, [
    ['model', ({ name }) => name],
    ['what it is', ({ title }) => title],
    ['rows trained on', ({ name }) => formatCount(lab.test.models[name].trained)],
    ['rows scored', ({ name }) => formatCount(lab.test.models[name].places.length)],
    ['NE without', ({ name }) => ne('sharing-without', name)],
    ['own tower', ({ name }) => ne(ownName(name), name)],
    ['shared', ({ name }) => ne(sharedName(models.length), name)],
  ])
}
