import type { FigureTable } from '../table.ts'
import { type Html, html } from './html.ts'

/** A table in a box of its own that scrolls where the screen is narrower than it; the column of names stays. */
export function renderHtmlTable({ title, head, rows }: FigureTable): Html {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${title}"><table>
<caption>${title}</caption>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([name, ...cells]) =>
      html`
<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody>
</table></div>
`
}

/** The same behind a chart or beside others: unfolded by who wants the figures. */
export function renderFoldedTable(table: FigureTable): Html {
  return html`<details class="table"><summary>Table: ${table.title}</summary>
${renderHtmlTable(table)}</details>
`
}
