/** What other reports are made of. */

export { type Figure, renderFigures } from './figures/figure.ts'
export { renderSeriesLegend } from './figures/series-style.ts'
export { formatBytes, formatCompactCount, formatCount, formatDuration, formatPercent } from './format.ts'
export { type Html, html } from './page/html.ts'
export { renderFoldedTable, renderHtmlTable } from './page/html-table.ts'
export { type KeyFigure, renderFacts, renderKeyFigures, renderPage, renderWarnings } from './page/page.ts'
export { renderSections } from './page/section.ts'
