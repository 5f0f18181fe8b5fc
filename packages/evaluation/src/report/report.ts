import { formatDrift, formatDuration, formatGain, formatGainBounds, formatNe } from './format.ts'
import { type Html, html } from './html.ts'
import { factsList, methodSection } from './method.ts'
import { type KeyFigure, renderKeyFigures, renderPage } from './page.ts'
import { armGainPlot, armNePlot } from './plots/arm-plots.ts'
import { driftCosinePlot, driftDistancePlot } from './plots/drift-plots.ts'
import { earlierEventsGainPlot, earlierEventsNePlot } from './plots/earlier-events-plots.ts'
import { renderFigures } from './plots/figure.ts'
import { renderLegend } from './plots/legend.ts'
import { freshnessPlot, readLatencyPlot } from './plots/percentile-plots.ts'
import { progressiveGainPlot, progressiveNePlot } from './plots/progressive-plots.ts'
import { arms, type MainJobResult } from './result.ts'
import {
  armsTable,
  driftTable,
  earlierEventsTable,
  progressiveTable,
  secondsTable,
  seedsTable,
  servingTable,
} from './tables.ts'
import { headline, verdict } from './verdict.ts'

/** The whole report as one HTML page without scripts or anything to load. */
export function renderReport(result: MainJobResult): string {
  const body = html`<header>
<p class="eyebrow">Headwater · ${result.dataset.name} · ${result.dataset.task}</p>
<h1>${headline(result)}</h1>
<p class="verdict">${verdict(result)}</p>
${warningsBox(result)}${keyFigures(result)}</header>
<main>
<h2>The gain and its controls</h2>
${renderFigures(armNePlot(result), armGainPlot(result))}${armsTable(result)}
<h2>Who gains</h2>
${renderLegend(['without', 'with'])}${renderFigures(earlierEventsNePlot(result), earlierEventsGainPlot(result))}${earlierEventsTable(result)}
<h2>Over time</h2>
${renderLegend(arms)}${renderFigures(progressiveNePlot(result), progressiveGainPlot(result))}${progressiveTable(result)}
<h2>Serving</h2>
${renderFigures(readLatencyPlot(result), freshnessPlot(result))}${servingTable(result)}
<h2>Snapshots</h2>
${driftSection(result)}
<h2>Method</h2>
${methodSection(result)}
<h2>This run</h2>
${factsList(result)}${seedsTable(result)}${secondsTable(result)}</main>
`
  return renderPage(`${headline(result)} · ${result.dataset.name}`, body)
}

function driftSection(result: MainJobResult): Html {
  if (result.drift.byRound.length === 0) return html`<p>One snapshot was published, so there is no drift to show.</p>`
  return html`${renderFigures(driftCosinePlot(result), driftDistancePlot(result))}${driftTable(result)}`
}

function warningsBox({ warnings }: MainJobResult): Html | null {
  if (warnings.length === 0) return null
  return html`<div class="warnings" role="note"><strong>Before you trust this</strong>
<ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul></div>
`
}

function keyFigures({ neGain, gainOverUntrained, auc, read, freshness, drift, snapshots }: MainJobResult): Html {
  const figures: KeyFigure[] = [
    ['gain in NE', formatGain(neGain.value), `95 % ${formatGainBounds(neGain)}`],
    ['gain over untrained', formatGain(gainOverUntrained.value), `95 % ${formatGainBounds(gainOverUntrained)}`],
    ['AUC', formatNe(auc.with), `${formatNe(auc.without)} without`],
    ['read, p99', formatDuration(read.p99Us / 1000), `p50 ${formatDuration(read.p50Us / 1000)}`],
    ['freshness, p99', formatDuration(freshness.p99Ms), `p50 ${formatDuration(freshness.p50Ms)}`],
    ['drift, cosine', formatDrift(drift.cosine), `over ${snapshots} snapshots`],
  ]
  return renderKeyFigures(figures)
}
