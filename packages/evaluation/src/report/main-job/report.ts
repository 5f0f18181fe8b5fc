import { renderFigures } from '../figures/figure.ts'
import { renderSeriesLegend } from '../figures/series-style.ts'
import { formatCount, formatDrift, formatDuration, formatGain, formatGainBounds, formatRank } from '../format.ts'
import { type Html, html } from '../page/html.ts'
import { renderHtmlTable, renderKeyFigures, renderPage, renderWarnings } from '../page/page.ts'
import { armStyles } from './arms.ts'
import { armFigures, driftFigures, earlierEventsFigures, progressiveFigures } from './figures.ts'
import { factsList, methodSection } from './method.ts'
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
import { headline, verdict } from './verdict.ts'

/** The whole report as one HTML page without scripts or anything to load. */
export function renderReport(result: MainJobResult): string {
  const body = html`<header>
<p class="eyebrow">Headwater · ${result.dataset.name} · ${result.dataset.task}</p>
<h1>${headline(result)}</h1>
<p class="verdict">${verdict(result)}</p>
${renderWarnings(result.warnings)}${keyFigures(result)}</header>
<main>
<h2>The gain and its controls</h2>
${renderFigures(...armFigures(result))}${renderHtmlTable(armsTable(result))}${renderHtmlTable(intervalsTable(result))}
<h2>Who gains</h2>
${legend(['without', 'with'])}${renderFigures(...earlierEventsFigures(result))}${renderHtmlTable(earlierEventsTable(result))}
<h2>Over time</h2>
${legend(arms)}${renderFigures(...progressiveFigures(result))}${renderHtmlTable(progressiveTable(result))}
<h2>Serving</h2>
${renderFigures(...servingFigures(result))}${renderHtmlTable(servingTable(result))}
<h2>Snapshots</h2>
${driftSection(result)}
<h2>Method</h2>
${methodSection(result)}
<h2>This run</h2>
${factsList(result)}${renderHtmlTable(seedsTable(result))}${renderHtmlTable(secondsTable(result))}</main>
`
  return renderPage(`${headline(result)} · ${result.dataset.name}`, body)
}

const legend = (shown: readonly Arm[]) =>
  renderSeriesLegend(
    shown.map((arm) => armStyles[arm]),
    'Arms',
  )

function driftSection(result: MainJobResult): Html {
  if (result.drift.byRound.length === 0) return html`<p>One snapshot was published, so there is no drift to show.</p>`
  return html`${renderFigures(...driftFigures(result))}${renderHtmlTable(driftTable(result))}`
}

function keyFigures({ best, neGain, gainOverUntrained, read, freshness, drift, snapshots }: MainJobResult): Html {
  return renderKeyFigures([
    ['gain over the best', formatGain(best.gain.value), `${best.arm}: 95 % ${formatGainBounds(best.gain)}`],
    ['gain over without', formatGain(neGain.value), `95 % ${formatGainBounds(neGain)}`],
    ['gain over untrained', formatGain(gainOverUntrained.value), `95 % ${formatGainBounds(gainOverUntrained)}`],
    ['read, p99', formatDuration(read.p99Us / 1000), `p50 ${formatDuration(read.p50Us / 1000)}`],
    ['freshness, p99', formatDuration(freshness.p99Ms), `p50 ${formatDuration(freshness.p50Ms)}`],
    [
      'drift, residual',
      formatDrift(drift.residual),
      `centred cosine ${formatDrift(drift.centredCosine)}, variance kept ${formatDrift(drift.varianceKept)}, effective rank ${formatRank(drift.effectiveRank)}, ${formatCount(drift.framesOpened)} frames opened by ${snapshots} snapshots`,
    ],
  ])
}
