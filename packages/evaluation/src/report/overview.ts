import { type Figure, renderFigure } from './figures/figure.ts'
import { type Html, html } from './page/html.ts'
import { type KeyFigure, renderKeyFigures } from './page/page.ts'

/** What answers whether it is worth it. */
export interface Overview {
  /** Gains that the claim rests on, with their intervals. */
  readonly gains: readonly KeyFigure[]
  /** All arms on one axis. */
  readonly arms: Figure
  /** Gains by parts of the rows; null where there are none. */
  readonly cohorts: Figure | null
  readonly costs: readonly KeyFigure[]
}

/** On one screen, beneath the claim. */
export function renderOverview({ gains, arms, cohorts, costs }: Overview): Html {
  return html`${renderKeyFigures(gains)}<div class="plots">${renderFigure(arms)}${cohorts && renderFigure(cohorts)}${
    costs.length > 0
      ? html`<div class="costs"><h3>At what cost</h3>
${renderKeyFigures(costs)}</div>
`
      : null
  }</div>
`
}
