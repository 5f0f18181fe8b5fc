/** What any model could reach on a synthetic log: the yardstick that shares of the gap are taken by. */
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { type Knowledge, knowledge } from '../reference-world/reference-predictions.ts'
import { scoreReference } from '../reference-world/reference-scores.ts'
import type { FigureTable } from '../report/findings.ts'
import { formatNe } from '../report/format.ts'

const titles: Readonly<Record<Knowledge, string>> = {
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
  const { lab } = outcomes
  const predictions = Object.fromEntries(knowledge.map((name) => [name, outcomes.known(name)]))
  const scores = scoreReference({
    labels: lab.test.models.ranking.labels,
    truth: outcomes.known('truth'),
    predictions: predictions as Record<Knowledge, Float64Array>,
  })
  const row = (title: string, { ne, expectedNe }: (typeof scores)['truth']) => [
    title,
    formatNe(ne),
    formatNe(expectedNe),
  ]
  return [
    {
      title: 'What is reachable, by what a prediction knows beside ads, surfaces and shocks',
      head: ['knows', 'NE, by the clicks', 'NE, by their true probabilities'],
      rows: [
        row('the true probability of each click', scores.truth),
        ...knowledge.map((name) => row(titles[name], scores[name])),
      ],
    },
  ]
}
