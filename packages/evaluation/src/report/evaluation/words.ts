import { fewSeeds } from '../few-seeds.ts'
import type { EvaluationResult, ExperimentResult } from '../findings.ts'
import { formatCount, formatDay, formatDuration, formatPercent } from '../format.ts'

/** What a run without a verdict says of itself. */
export const quickNotice =
  'A quick run: a tenth of the rows and one seed. It shows that everything works; it gives no verdict.'

export function verdictWord({ holds, seeds }: ExperimentResult): string {
  if (holds === null) return 'no verdict'
  return bySeeds(holds ? 'yes' : 'not shown', seeds)
}

function bySeeds(answer: string, seeds: readonly number[]): string {
  const few = fewSeeds(seeds)
  return few === null ? answer : `${answer}, ${few}`
}

/** The run in a few words. */
export function headlineOf({ experiments, quick, dataset }: EvaluationResult): string {
  const [first] = experiments
  if (quick) return `A quick run of ${experiments.map(({ name }) => name).join(', ')} on ${dataset.name}: no verdict`
  if (experiments.length === 1) return `${first.question} ${capitalized(verdictWord(first))}`
  const held = experiments.filter(({ holds }) => holds === true).length
  const answer = `${held} of ${experiments.length} questions about served embeddings on ${dataset.name} are answered with yes`
  return bySeeds(answer, first.seeds)
}

export function capitalized(text: string): string {
  return text[0].toUpperCase() + text.slice(1)
}

const windowWords = {
  usual: '',
  tune: ': rows by which settings are chosen, of a log that is cut behind them, and no proof of what was chosen',
  final: ', by which nothing is chosen',
}

/** How the figures came about, for a reader who doubts them: paragraphs of plain text. */
export function methodOf({ dataset, method, experiments, quick }: EvaluationResult): string[] {
  const { seeds } = experiments[0]
  const seedsSaid =
    seeds.length > 1
      ? `, widened by the spread between ${seeds.length} training seeds`
      : '; this run has one training seed, whose spread is in no interval'
  return [
    `Every row of the log is a request in time order. The upstream (${method.preset}) publishes ${method.snapshots} snapshots at equal distances of rows, the first at ${formatPercent(method.firstShare, 0)} of them, and goes on training from one to the next. What is served to a row comes from a replay of the log under the arm’s serving policy, in half precision as the store keeps it; an event’s own refresh can be read ${formatDuration(method.refreshDelayMs)} of log time later unless an arm says otherwise. That the features and the snapshot behind each vector are strictly earlier than its row is checked for every one; one that was not would have failed the run.`,
    `Downstream models are progressive: each step’s rows are predicted by the weights that all rows before left behind, then trained on, unless an arm says otherwise. They start at the log’s first row, with the same settings in every arm but for those that an experiment chooses for each arm by the rows before the test window. Figures are of the last ${formatCount(dataset.testRows)} rows, of ${formatCount(dataset.testUsers)} users, from ${formatDay(dataset.testFromMs)} on${windowWords[dataset.window ?? 'usual']}.`,
    `NE is mean log loss over the entropy of the rows’ base rate. Intervals are 95 %, of a paired bootstrap that weighs whole users, ${formatCount(method.bootstrapDraws)} draws${seedsSaid}. Adjusted p-values are Holm’s, over the comparisons that a verdict rests on.`,
    ...(quick ? [quickNotice] : []),
  ]
}
