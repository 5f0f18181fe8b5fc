/** What any model could reach on a synthetic log: the yardstick that shares of the gap are taken by. */
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { type HiddenKnowledge, hiddenKnowledge } from '../reference-world/hidden/hidden-predictions.ts'
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

const hiddenGiven = "items' factors and what holds for all users"
const { profile: _, ...shared } = titles
const hiddenTitles: Readonly<Record<HiddenKnowledge | 'truth', string>> = {
  ...shared,
  unordered: 'all that was seen of the user before, but not what the clicks of a day do to the next ones',
  categories: 'all that was seen of the user before, but items by their category alone',
}

/** None on a log whose truth is not known. */
export function reachableTables(outcomes: Outcomes): FigureTable[] {
  if (!outcomes.has('optimum')) return []
  const { world, test } = outcomes.lab
  const isHidden = world !== null && 'kind' in world
  const known: [string, string][] = isHidden
    ? (['truth', ...hiddenKnowledge] as const).map((name) => [name, hiddenTitles[name]])
    : (['truth', ...knowledge] as const).map((name) => [name, titles[name]])
  const probabilities = outcomes.known('truth')
  const scores = known.map(([name, title]) => {
    return { title, ...scoreReference(outcomes.known(name), probabilities, test.models.ranking.labels) }
  })
  return [
    tableOf(
      `What is reachable, by what a prediction knows beside ${isHidden ? hiddenGiven : 'ads, surfaces and shocks'}`,
      scores,
      [
        ['knows', ({ title }) => title],
        ['NE, by the clicks', ({ ne }) => formatNe(ne)],
        ['NE, by their true probabilities', ({ expectedNe }) => formatNe(expectedNe)],
      ],
    ),
  ]
}
