/** Experiments' findings as one HTML page without scripts or anything to load. */
import { chartFigure } from '../figures/chart-figure.ts'
import { renderFigures } from '../figures/figure.ts'
import type { EvaluationResult, ExperimentResult } from '../findings.ts'
import { formatCount, formatDays, formatDuration } from '../format.ts'
import { renderOverview } from '../overview.ts'
import { type Html, html } from '../page/html.ts'
import { renderFoldedTable, renderHtmlTable } from '../page/html-table.ts'
import { renderFacts, renderPage, runFacts } from '../page/page.ts'
import { renderSections, type Section } from '../page/section.ts'
import { overviewOf } from './overview.ts'
import { modelTable, tablesOf } from './tables.ts'
import { capitalized, headlineOf, methodOf, quickNotice, verdictWord } from './words.ts'

export function renderEvaluationHtml(result: EvaluationResult): string {
  const { dataset, experiments, quick } = result
  const [first] = experiments
  const isAlone = experiments.length === 1
  const body = html`<header>
<p class="eyebrow">Headwater · ${dataset.name} · ${formatCount(dataset.rows)} rows</p>
<h1>${headlineOf(result)}</h1>
${quick ? html`<div class="warnings" role="note"><strong>${quickNotice}</strong></div>` : null}
${experiments.map(
  (own) => html`<p><strong>${own.name}: ${verdictWord(own)}.</strong> ${isAlone ? own.verdict : leadOf(own.verdict)}</p>
`,
)}${isAlone ? html`<section class="overview"><h2>In short</h2>${overview(first)}</section>` : null}</header>
${renderSections([
  ...(isAlone ? sectionsOf(first) : experiments.map(experimentSection)),
  {
    id: 'method',
    title: 'Method',
    about: 'how the figures came about',
    body: html`${methodOf(result).map(
      (paragraph) => html`<p>${paragraph}</p>
`,
    )}`,
  },
  {
    id: 'run',
    title: 'This run',
    about: 'data, machine, command, models, time',
    body: html`${facts(result)}${renderHtmlTable(modelTable(result))}`,
  },
])}`
  return renderPage(`${headlineOf(result)} · ${dataset.name}`, body)
}

/** The first sentence or clause; the section of one among several has all. */
const leadOf = (verdict: string) => verdict.split(/(?<=[.;]) /)[0].replace(/;$/, '.')

/** Of the only experiment, whose overview stands above them. */
function sectionsOf(own: ExperimentResult): Section[] {
  return [
    { id: 'rule', title: 'What was asked', about: 'measure and decision rule', body: rule(own) },
    { id: 'charts', title: 'Charts', about: `${own.charts.length} of them`, body: charts(own) },
    { id: 'tables', title: 'Tables', about: 'all figures', body: html`${tables(own)}` },
  ]
}

/** Of one among several. */
function experimentSection(own: ExperimentResult): Section {
  return {
    id: own.name,
    title: `${own.name}: ${own.question}`,
    brief: own.name,
    about: verdictWord(own),
    body: html`<p><strong>${capitalized(verdictWord(own))}.</strong> ${own.verdict}</p>
${overview(own)}${charts(own)}${tables(own)}${rule(own)}`,
  }
}

function overview(own: ExperimentResult): Html | null {
  const found = overviewOf(own)
  return found && renderOverview(found)
}

const charts = ({ charts: own }: ExperimentResult) => renderFigures(...own.map(chartFigure))

const tables = (own: ExperimentResult) => tablesOf(own).map(renderFoldedTable)

function rule({ measure, rule: decided, command }: ExperimentResult): Html {
  return html`<p>Measured: ${measure}</p>
<p>Decision rule, written before the run: ${decided}</p>
<p class="muted">What makes all of these figures again: <code>${command}</code></p>
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
