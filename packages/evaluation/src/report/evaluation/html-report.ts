/** Experiments' findings as one HTML page without scripts or anything to load. */
import { chartFigure } from '../figures/chart-figure.ts'
import { renderFigures } from '../figures/figure.ts'
import type { EvaluationResult, ExperimentResult } from '../findings.ts'
import { formatCount, formatDays, formatDuration } from '../format.ts'
import { type Html, html } from '../page/html.ts'
import { renderFacts, renderHtmlTable, renderPage, runFacts } from '../page/page.ts'
import { modelTable, tablesOf } from './tables.ts'
import { capitalized, headlineOf, methodOf, quickNotice, verdictWord } from './words.ts'

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
${methodOf(result).map(
  (paragraph) => html`<p>${paragraph}</p>
`,
)}
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
${tablesOf(own).map(renderHtmlTable)}
<p class="muted">What makes every figure and table of this section: <code>${own.command}</code></p>
`
}

function facts(result: EvaluationResult): Html {
  const { dataset } = result
  return renderFacts([
    ['data', `${dataset.name}: ${dataset.source}`],
    ['rows', `${formatCount(dataset.rows)}, ${formatCount(dataset.users)} users; ${formatDays(dataset)}`],
    ['fingerprint of the log', dataset.fingerprint],
    ['adapter', result.adapter],
    ['seeds', result.experiments[0].seeds.join(', ')],
    ...runFacts(result),
    [
      'time',
      `${formatDuration(result.seconds * 1000)}; ${result.armsRun} arms run, ${result.armsCached} found from before`,
    ],
  ])
}
