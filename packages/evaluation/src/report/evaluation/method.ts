import type { EvaluationResult } from '../findings.ts'
import { formatCount, formatDay, formatDuration, formatPercent } from '../format.ts'
import { quickNotice } from './verdicts.ts'

/** How the figures came about, for a reader who doubts them: paragraphs of plain text. */
export function methodOf({ dataset, method, experiments, quick }: EvaluationResult): string[] {
  const { seeds } = experiments[0]
  const seedsSaid =
    seeds.length > 1
      ? `, widened by the spread between ${seeds.length} training seeds`
      : '; this run has one training seed, whose spread is in no interval'
  return [
    `Every row of the log is a request in time order. The upstream (${method.preset}) publishes ${method.snapshots} snapshots at equal distances of rows, the first at ${formatPercent(method.firstShare, 0)} of them, and goes on training from one to the next. What is served to a row comes from a replay of the log under the arm’s serving policy, in half precision as the store keeps it; an event’s own refresh lands ${formatDuration(method.refreshDelayMs)} of log time later unless an arm says otherwise. That the features and the snapshot behind each vector are strictly earlier than its row is checked for every one; one that was not would have failed the run.`,
    `Downstream models are progressive: each step’s rows are predicted by the weights that all rows before left behind, then trained on, unless an arm says otherwise. They start at the log’s first row, with the same settings in every arm but for those that an experiment chooses for each arm by the rows before the test window. Figures are of the last ${formatCount(dataset.testRows)} rows, of ${formatCount(dataset.testUsers)} users, from ${formatDay(dataset.testFromMs)} on.`,
    `NE is mean log loss over the entropy of the rows’ base rate. Intervals are 95 %, of a paired bootstrap that draws whole users, ${formatCount(method.bootstrapDraws)} draws${seedsSaid}. Adjusted p-values are Holm’s, over the comparisons that a verdict rests on.`,
    ...(quick ? [quickNotice] : []),
  ]
}
