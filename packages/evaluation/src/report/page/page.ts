/** The shell of a report: one HTML page without scripts or anything to load, and what such pages have in common. */
import { type Html, html } from './html.ts'
import { style } from './style.ts'

export function renderPage(title: string, body: Html): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
${body}</body>
</html>
`
  return keepTogether(page.text)
}

/** No line ends between a figure and its unit, or inside an interval. */
function keepTogether(text: string): string {
  return text.replace(/(\d) (?=%|ms\b|µs\b)/g, '$1\u00a0').replace(/(\d), (?=[+−]?[\d.]+\])/g, '$1,\u00a0')
}

export function renderWarnings(warnings: readonly string[]): Html | null {
  if (warnings.length === 0) return null
  return html`<div class="warnings" role="note"><strong>Before you trust this</strong>
<ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul></div>
`
}

export type KeyFigure = readonly [name: string, figure: string, detail: string]

export function renderKeyFigures(figures: readonly KeyFigure[]): Html {
  return html`<dl class="figures">${figures.map(
    ([name, figure, detail]) => html`
<div><dt>${name}</dt><dd>${figure} <small>${detail}</small></dd></div>`,
  )}
</dl>
`
}

export type Fact = readonly [name: string, value: string | Html]

export function renderFacts(facts: readonly Fact[]): Html {
  return html`<dl class="facts">${facts.map(
    ([name, value]) => html`
<dt>${name}</dt><dd>${value}</dd>`,
  )}
</dl>
`
}

/** What ran, and when. */
export function runFacts(run: Record<'command' | 'startedAt' | 'version', string> & { commit: string | null }): Fact[] {
  return [
    ['command', html`<code>${run.command}</code>`],
    ['started', run.startedAt],
    ['version', run.commit === null ? run.version : `${run.version}, commit ${run.commit}`],
  ]
}
