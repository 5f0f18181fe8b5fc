/** How well models are served by one tower and by a tower for each. */
import type { ModelName } from '../../downstream/family.ts'
import { compare, scoreArm } from '../../lab/analysis/figures.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import { meanGain, meanNe } from '../../lab/analysis/several-models.ts'
import type { Chart, ChartPoint, FigureTable } from '../../report/findings.ts'
import { formatCount, formatNe } from '../../report/format.ts'
import { curvePoint, namedChart, namedPoint } from '../charts.ts'
import { sharedBy, sharingModels } from './plans.ts'

export const ownName = (model: ModelName) => `own-${model}`
export const sharedName = (models: number) => `shared-${models}`

export const modelsLabel = 'models, the first of the list'

export function neCharts(outcomes: Outcomes): Chart[] {
  const models = sharingModels(outcomes.lab)
  const counts = sharedBy(outcomes.lab)
  const curve = (armOf: (model: ModelName, m: number) => string): ChartPoint[] =>
    counts.map((m) => {
      const served = models.slice(0, m).map(({ name }) => ({ arm: armOf(name, m), model: name }))
      return curvePoint(`${m} models`, m, meanNe(outcomes, served))
    })
  const gains = counts.map((m): ChartPoint => {
    const pairs = models.slice(0, m).map(({ name }) => ({ arm: sharedName(m), over: ownName(name), model: name }))
    return curvePoint(`${m} models`, m, meanGain(outcomes, pairs))
  })
  const last = sharedName(models.length)
  const part = outcomes.lab.quick ? ` A quick run has ${models.length} models of ${outcomes.lab.portfolio.length}.` : ''
  return [
    {
      title: 'Mean NE of the first models',
      caption: `Of as many models as the axis says, each with the same weight. The shared tower is taught what these models are taught, so that of one model it is that model’s own. Intervals are of the sample of users.${part}`,
      kind: 'curve',
      x: { label: modelsLabel },
      y: { label: 'mean normalized entropy · ↓ better' },
      series: [
        { name: 'one shared tower', points: curve((_, m) => sharedName(m)) },
        { name: 'a tower each', points: curve((model) => ownName(model)) },
        { name: 'without', points: curve(() => 'sharing-without') },
      ],
    },
    {
      title: 'Gain of sharing',
      caption: 'Mean over these models of the gain by the shared tower over their own, of users and seeds.',
      kind: 'curve',
      x: { label: modelsLabel },
      y: { label: 'gain in normalized entropy, % · ↑ better', percent: true },
      series: [{ name: 'gain', points: gains }],
    },
    namedChart(
      `What the tower of ${models.length} is worth to each model`,
      'Gain by the shared tower over the model’s own, with 95 % intervals of users and seeds.',
      'gain in normalized entropy, % · better →',
      models.map(({ name }) => namedPoint(name, compare(outcomes, name, last, ownName(name))!.gain)),
    ),
  ]
}

export function modelTable(outcomes: Outcomes): FigureTable {
  const models = sharingModels(outcomes.lab)
  const last = sharedName(models.length)
  return {
    title: 'Models in the order in which they come to share',
    head: ['model', 'what it is', 'rows trained on', 'rows scored', 'NE without', 'own tower', 'shared'],
    rows: models.map(({ name, title }) => {
      const { trained, places } = outcomes.lab.test.models[name]
      return [
        name,
        title,
        formatCount(trained),
        formatCount(places.length),
        ...['sharing-without', ownName(name), last].map((arm) => formatNe(scoreArm(outcomes, arm, name).ne.value)),
      ]
    }),
  }
}
