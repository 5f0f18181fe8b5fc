/** What other reports are made of. */
export { formatBytes, formatCompactCount, formatCount, formatDuration, formatPercent } from './format.ts'
export { type Html, html } from './html.ts'
export { renderHtmlTable, type TableContent } from './html-table.ts'
export { type KeyFigure, renderFacts, renderKeyFigures, renderPage } from './page.ts'
export { type Figure, renderFigures } from './plots/figure.ts'
export { renderSeriesLegend } from './plots/legend.ts'
