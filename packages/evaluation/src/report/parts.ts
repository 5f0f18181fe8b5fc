/** What other reports are made of. */

export { type Figure, renderFigures } from './figures/figure.ts'
export { renderSeriesLegend } from './figures/series-style.ts'
export { formatBytes, formatCompactCount, formatCount, formatDuration, formatPercent } from './format.ts'
export { type Html, html } from './page/html.ts'
export {
  type KeyFigure,
  renderFacts,
  renderHtmlTable,
  renderKeyFigures,
  renderPage,
  renderWarnings,
} from './page/page.ts'
