/** Sections of a report: a table of contents, then each folded until it is opened, linked to or printed. */
import { type Html, html } from './html.ts'

export interface Section {
  /** Its place in the page's address. */
  readonly id: string
  readonly title: string
  /** In the table of contents. Default: its title. */
  readonly brief?: string
  /** What it holds, in a few words. */
  readonly about: string
  readonly body: Html
}

/** The page's `main`. A browser unfolds what an address leads into, so the place is inside of what is folded. */
export function renderSections(sections: readonly Section[]): Html {
  return html`<nav aria-label="Contents"><ul>${sections.map(
    ({ id, title, brief = title }) => html`
<li><a href="#${id}">${brief}</a></li>`,
  )}
</ul></nav>
<main>${sections.map(
    ({ id, title, about, body }) => html`
<details class="section"><summary><h2>${title}</h2> <span class="muted">${about}</span></summary>
<div class="inside" id="${id}">${body}</div></details>`,
  )}
</main>
`
}
