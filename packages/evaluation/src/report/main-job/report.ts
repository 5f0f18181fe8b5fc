import { renderFigure, renderFigures } from '../figures/figure.ts'
import { renderSeriesLegend } from '../figures/series-style.ts'
import { formatCount, formatDrift, formatDuration, formatRank } from '../format.ts'
import { renderOverview } from '../overview.ts'
import { type Html, html } from '../page/html.ts'
import { renderFoldedTable, renderHtmlTable } from '../page/html-table.ts'
import { renderPage, renderWarnings } from '../page/page.ts'
import { renderSections } from '../page/section.ts'
import { armStyles } from './arms.ts'
import { cohortNeFigure, driftFigures, gainFigure, progressiveFigures } from './figures.ts'
import { factsList, methodSection } from './method.ts'
import { overviewOf } from './overview.ts'
import { servingFigures } from './percentile-figures.ts'
import { type Arm, arms, type MainJobResult } from './result.ts'
import {
  armsTable,
  driftTable,
  earlierEventsTable,
  intervalsTable,
  progressiveTable,
  secondsTable,
  seedsTable,
  servingTable,
} from './tables.ts'
import { coldShare, headline, verdict } from './verdict.ts'

/** The whole report as one HTML page without scripts or anything to load. */
export function renderReport(result: MainJobResult): string {
  const { dataset, read, snapshots, seeds } = result
  const body = html`<header>
<p class="eyebrow">Headwater · ${dataset.name} · ${dataset.task}</p>
<h1>${headline(result)}</h1>
<p>${verdict(result)}</p>
${renderWarnings(result.warnings)}<section class="overview"><h2>In short</h2>
${renderOverview(overviewOf(result))}</section>
</header>
${renderSections([
  {
    id: 'gain',
    title: 'The gain and its controls',
    about: `${arms.length} arms, and intervals by users, items and both`,
    body: html`<div class="plots">${renderFigure(gainFigure(result))}<div><h3>What each arm sees</h3>
${legend(arms)}</div></div>
${renderFoldedTable(armsTable(result))}${renderFoldedTable(intervalsTable(result))}`,
  },
  {
    id: 'cohorts',
    title: 'Who gains',
    about: 'by the user’s earlier events',
    body: html`<p>Users new to the log: ${coldShare(result)}.</p>
${legend(['without', 'with'])}${renderFigures(cohortNeFigure(result))}${renderFoldedTable(earlierEventsTable(result))}`,
  },
  {
    id: 'time',
    title: 'Over time',
    about: 'by tenth of the log',
    body: html`${legend(arms)}${renderFigures(...progressiveFigures(result))}${renderFoldedTable(progressiveTable(result))}`,
  },
  {
    id: 'serving',
    title: 'Serving',
    about: `${formatCount(read.count)} reads, p50 ${formatDuration(read.p50Us / 1000)}; freshness`,
    body: html`${renderFigures(...servingFigures(result))}${renderFoldedTable(servingTable(result))}`,
  },
  {
    id: 'snapshots',
    title: 'Snapshots',
    about: snapshots === 1 ? 'one' : `${formatCount(snapshots)}, and the drift between them`,
    body: driftSection(result),
  },
  { id: 'method', title: 'Method', about: 'how the figures came about', body: methodSection(result) },
  {
    id: 'run',
    title: 'This run',
    about: `data, machine, command, ${seeds.length === 1 ? 'one seed' : `${seeds.length} seeds`}, time`,
    body: html`${factsList(result)}${renderHtmlTable(seedsTable(result))}${renderHtmlTable(secondsTable(result))}`,
  },
])}`
  return renderPage(`${headline(result)} · ${dataset.name}`, body)
}

const legend = (shown: readonly Arm[]) =>
  renderSeriesLegend(
    shown.map((arm) => armStyles[arm]),
    'Arms',
  )

function driftSection(result: MainJobResult): Html {
  const { drift, snapshots } = result
  if (drift.byRound.length === 0) return html`<p>One snapshot was published, so there is no drift to show.</p>`
  return html`<p>Residual ${formatDrift(drift.residual)}, centred cosine ${formatDrift(drift.centredCosine)}, variance kept ${formatDrift(drift.varianceKept)}, effective rank ${formatRank(drift.effectiveRank)}; ${formatCount(drift.framesOpened)} frames opened by ${snapshots} snapshots.</p>
${renderFigures(...driftFigures(result))}${renderFoldedTable(driftTable(result))}`
}
