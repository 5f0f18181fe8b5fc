/** Experiments' findings as one HTML page without scripts or anything to load. */
import { formatCount, formatDay, formatDuration, formatPercent } from '../../report/format.ts'
import { type Html, html, renderFacts, renderFigures, renderHtmlTable, renderPage } from '../../report/parts.ts'
import type { EvaluationResult, ExperimentResult } from '../experiment.ts'
import { chartFigure } from './chart-figure.ts'
import { comparisonTable, gapTable, scoreTable } from './tables.ts'
import { capitalized, headlineOf, quickNotice, verdictWord } from './verdicts.ts'

export function renderEvaluationHtml(result: EvaluationResult): string {
  const { dataset, experiments, quick } = result
  const body = html`<header>
<p class="eyebrow">Headwater · ${dataset.name} · ${formatCount(dataset.rows)} rows</p>
<h1>${headlineOf(result)}</h1>
${quick ? html`<div class="warnings" role="note"><strong>${quickNotice}</strong></div>` : null}
${experiments.map(
  (own) => html`<p><strong>${own.name}: ${verdictWord(own)}.</strong> ${own.verdict}</p>
`,
)}</header>
<main>
${experiments.map((own) => experimentSection(own))}
<h2>Method</h2>
${method(result)}
<h2>This run</h2>
${facts(result)}${renderHtmlTable(modelTable(result))}</main>
`
  return renderPage(`${headlineOf(result)} · ${dataset.name}`, body)
}

function experimentSection(own: ExperimentResult): Html {
  return html`<h2>${own.name}: ${own.question}</h2>
<p><strong>${capitalized(verdictWord(own))}.</strong> ${own.verdict}</p>
<p class="muted">Measured: ${own.measure} Decision rule, written before the run: ${own.rule}</p>
${renderFigures(...own.charts.map(chartFigure))}
${own.tables.map(({ title, head, rows }) => renderHtmlTable({ caption: title, head, rows }))}
${own.gapShares.length > 0 ? renderHtmlTable(gapTable(own.gapShares)) : null}
${renderHtmlTable(comparisonTable(own.comparisons))}
${renderHtmlTable(scoreTable(own.scores))}
<p class="muted">The same figures again: <code>${own.command}</code></p>
`
}

function method({ dataset, method: own, experiments, quick }: EvaluationResult): Html {
  const seeds = experiments[0].seeds
  return html`<p>Every row of the log is a request in time order. The upstream (${own.preset}) publishes ${own.snapshots} snapshots at equal distances of rows, the first at ${formatPercent(own.firstShare, 0)} of them, and goes on training from one to the next. What is served to a row comes from a replay of the log under the arm’s serving policy, in half precision as the store keeps it; an event’s own refresh lands ${formatDuration(own.refreshDelayMs)} of log time later unless an arm says otherwise. That the features and the snapshot behind each vector are strictly earlier than its row is checked for every one; one that was not would have failed the run.</p>
<p>Downstream models are progressive: each step’s rows are predicted by the weights that all rows before left behind, then trained on. They start at the log’s first row, with the same settings in every arm. Figures are of the last ${formatCount(dataset.testRows)} rows, of ${formatCount(dataset.testUsers)} users, from ${formatDay(dataset.testFromMs)} on.</p>
<p>NE is mean log loss over the entropy of the rows’ base rate. Intervals are 95 %, of a paired bootstrap that draws whole users, ${formatCount(own.bootstrapDraws)} draws${seeds.length > 1 ? `, widened by the spread between ${seeds.length} training seeds` : '; this run has one training seed, whose spread is in no interval'}. Adjusted p-values are Holm’s, over the comparisons that a verdict rests on.</p>
${quick ? html`<p>${quickNotice}</p>` : null}`
}

function modelTable({ dataset }: EvaluationResult) {
  return {
    caption: 'Downstream models',
    head: ['model', 'what it is', 'rows before the test window', 'rows scored'],
    rows: dataset.models.map(({ name, title, trained, scored }) => [
      name,
      title,
      formatCount(trained),
      formatCount(scored),
    ]),
  }
}

function facts(result: EvaluationResult): Html {
  const { dataset } = result
  return renderFacts([
    ['data', `${dataset.name}: ${dataset.source}`],
    [
      'rows',
      `${formatCount(dataset.rows)}, ${formatCount(dataset.users)} users; ${formatDay(dataset.firstTimeMs)} to ${formatDay(dataset.lastTimeMs)}`,
    ],
    ['fingerprint of the log', dataset.fingerprint],
    ['adapter', result.adapter],
    ['seeds', result.experiments[0].seeds.join(', ')],
    ['command', html`<code>${result.command}</code>`],
    ['started', result.startedAt],
    ['version', result.commit === null ? result.version : `${result.version}, commit ${result.commit}`],
    [
      'time',
      `${formatDuration(result.seconds * 1000)}; ${result.armsRun} arms run, ${result.armsCached} found from before`,
    ],
  ])
}
