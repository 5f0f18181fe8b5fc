import { formatBytes, formatCount, formatDays, formatDuration, formatPercent } from '../format.ts'
import { type Html, html } from '../page/html.ts'
import { renderFacts, runFacts } from '../page/page.ts'
import type { MainJobResult } from './result.ts'

/** How the figures came about, for a reader who doubts them. */
export function methodSection(result: MainJobResult): Html {
  const { dataset, method, rows, rowsScored, seeds } = result
  const pooled = method.pooledSnapshots
  return html`<p>The task is ${dataset.task}. Six downstream models that differ only in what they are given of the user run over the log in time order: every row is predicted, then trained on. All start at the log’s first row and learn from every task of the schema whose label is known in time; figures are of the last ${formatCount(rowsScored)} of ${formatCount(rows)} rows. The arm without knows the user’s and the item’s ids, the item’s features and running statistics, and the context. The arm flags knows beside this whether a vector is served and its age; the arm features has the tower’s dense input features as of each row, from the first row on.</p>
<p>The arm linear is a model of its own: a logistic regression with a ridge penalty on ${method.linearColumns} running statistics of the user, the item and the item’s categories (${method.linearRank === null ? 'never fitted' : `of rank ${method.linearRank}`}), fitted anew every 2 % of the rows to all rows before.</p>
<p>The user tower (${method.preset}, ${formatCount(method.towerParameters)} parameters) yields ${method.embeddingCount} × ${method.embeddingWidth} numbers a user. It is trained on the log up to each of ${result.snapshots} snapshots and served asynchronously: a read returns what is stored, and an event’s own refresh can be read ${formatDuration(method.refreshDelayMs)} of log time later. The arm with sees ${pooled === 1 ? 'the newest vector' : `the average of the vectors of up to ${pooled} snapshots`}. The controls random and untrained are served in the same way.</p>
<p>Against leaks, each of the ${formatCount(result.servedVectorsChecked)} vectors served was checked: its snapshot’s data cut-off and its feature time lie strictly before the row that it was served to. One that did not would have failed the run.</p>
<p>NE is mean log loss over the entropy of the base rate of the same rows (${formatPercent(result.baseRate)} positive). Intervals are 95 % percentile intervals of a paired bootstrap that weighs whole users, ${formatCount(method.bootstrapDraws)} draws over ${formatCount(result.usersScored)} users. ${
    seeds.length > 1
      ? `Figures are means of ${seeds.length} seeds; their spread widens the intervals, and is in the table by seed.`
      : 'This run has one seed, so the spread over seeds is not measured, and in no interval.'
  }</p>
<p>Read latency and freshness were measured by wall clock in a phase of their own, over the store that the replay filled.</p>
`
}

export function factsList(result: MainJobResult): Html {
  const { dataset } = result
  const { kernelShare } = result
  return renderFacts([
    ['data', `${dataset.name}: ${dataset.source}`],
    [
      'rows',
      `${formatCount(result.rows)}, ${formatCount(result.skippedRows)} skipped; ${formatCount(dataset.users)} users, ${formatCount(dataset.items)} items; ${formatDays(dataset)}`,
    ],
    ['digest of the log', dataset.digest],
    ['adapter', result.adapter],
    [
      'in kernels',
      kernelShare === null ? 'not measured' : `${formatPercent(kernelShare)} of a training step’s wall time`,
    ],
    ['peak memory', formatBytes(result.peakMemoryBytes)],
    ['seeds', result.seeds.join(', ')],
    ...runFacts(result),
  ])
}
