/** What any model could reach on a synthetic log: the yardstick that shares of the gap are taken by. */
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { type Knowledge, knowledge } from '../reference-world/reference-predictions.ts'
import { scoreReference } from '../reference-world/reference-scores.ts'
import { formatNe } from '../report/format.ts'
import { type FigureTable, tableOf } from '../report/table.ts'

const titles: Readonly<Record<Knowledge | 'truth', string>> = {
  truth: 'the true probability of each click',
  synchronous: 'all that was seen of the user before: the filtered optimum',
  asynchronous: 'what was seen up to their last request, not its outcome',
  daily: 'what was seen before the day',
  frozen: 'what was seen before the test window',
  profile: 'their profile',
  nobody: 'nothing of the user',
}

/** None on a log whose truth is not known. */
export function reachableTables(outcomes: Outcomes): FigureTable[] {
  if (!outcomes.has('optimum')) return []
  const { labels } = outcomes.lab.test.models.ranking
  const truth = outcomes.known('truth')
  const scores = (['truth', ...knowledge] as const).map((name) => ({
    name,
    ...scoreReference(outcomes.known(name), truth, labels),
  }))
  return [
    tableOf('What is reachable, by what a prediction knows beside ads, surfaces and shocks', scores, [
      ['knows', ({ name }) => titles[name]],
      ['NE, by the clicks', ({ ne }) => formatNe(ne)],
      ['NE, by their true probabilities', ({ expectedNe }) => formatNe(expectedNe)],
    ]),
  ]
}
