import { Html } from './html.ts'

/**
 * Colours of the page and of the arms, by scheme. The arms' are after Okabe and Ito's palette, which the colour-blind
 * can tell apart, darkened or lightened to stand out from the page by at least 3 : 1.
 */
export const colors = {
  light: {
    page: '#ffffff',
    text: '#1a1f24',
    muted: '#59636e',
    line: '#d5dae0',
    'arm-without': '#6b7280',
    'arm-with': '#0072b2',
    'series-green': '#008a63',
    'arm-random': '#b26a00',
    'arm-untrained': '#a8458a',
    'arm-flags': '#8a6d3b',
    'arm-features': '#c23b22',
    'arm-linear': '#4b4b9f',
  },
  dark: {
    page: '#14181c',
    text: '#e6e9ec',
    muted: '#9aa5b1',
    line: '#343b43',
    'arm-without': '#9aa5b1',
    'arm-with': '#56b4e9',
    'series-green': '#2bc49a',
    'arm-random': '#f0a830',
    'arm-untrained': '#e48fc8',
    'arm-flags': '#cdb38a',
    'arm-features': '#ff8a73',
    'arm-linear': '#a9a9f5',
  },
} as const

function properties(scheme: Readonly<Record<string, string>>): string {
  return Object.entries(scheme)
    .map(([name, value]) => `--${name}: ${value};`)
    .join(' ')
}

export const style = new Html(`
:root { color-scheme: light dark; ${properties(colors.light)} }
@media (prefers-color-scheme: dark) { :root { ${properties(colors.dark)} } }
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 16px 16px 64px; max-width: 912px;
  background: var(--page); color: var(--text); overflow-wrap: anywhere;
  font: 16px/1.5 -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", "DejaVu Sans", Arial, sans-serif;
}
h1 { font-size: 1.5rem; line-height: 1.2; margin: 4px 0 8px; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 0; }
h3 { font-size: .95rem; margin: 0 0 4px; }
p { margin: 0 0 12px; max-width: 80ch; }
a { color: var(--arm-with); }
.eyebrow, figcaption, caption, dt, .muted { color: var(--muted); }
.eyebrow { font-size: .875rem; margin: 0; }
.warnings { border-left: 4px solid var(--arm-random); padding: 4px 12px; margin: 16px 0; }
.warnings ul { margin: 4px 0; padding-left: 20px; }
header p { max-width: none; }
.overview { margin: 16px 0 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 16px; margin: 12px 0 0; }
.figures div { border-top: 3px solid var(--arm-with); padding-top: 6px; }
.figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; line-height: 1.3; }
.figures dd small { display: block; font-size: .8rem; color: var(--muted); }
.figures dt { font-size: .8rem; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; margin: 12px 0 0; padding: 0; font-size: .875rem; }
.legend svg { vertical-align: -2px; margin-right: 6px; }
.plots { display: grid; grid-template-columns: 1fr 1fr; gap: 20px 32px; margin: 20px 0; }
.plots > * { margin: 0; min-width: 0; }
.across { grid-column: 1 / -1; }
figcaption { font-size: .8rem; line-height: 1.4; margin-top: 8px; }
figure svg { max-width: 100%; height: auto; overflow: visible; color: var(--text); font-family: inherit; }
.narrow { display: none; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; margin: 28px 0 16px; padding: 0; font-size: .875rem; }
summary { cursor: pointer; }
summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--arm-with); outline-offset: 2px; }
.section { border-top: 1px solid var(--line); }
.section > summary { padding: 14px 0; }
summary h2 { display: inline; }
summary .muted { font-size: .875rem; margin-left: 6px; }
.inside { padding-bottom: 24px; scroll-margin-top: 60px; }
.table { margin: 12px 0; font-size: .875rem; }
.table caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.scroll {
  position: relative; overflow-x: auto; margin: 12px 0 24px;
  background:
    linear-gradient(to left, var(--page) 40%, transparent) right / 48px 100% no-repeat local,
    linear-gradient(to left, color-mix(in srgb, var(--text) 28%, transparent), transparent) right / 20px 100% no-repeat scroll;
}
table { border-collapse: separate; border-spacing: 0; font-size: .85rem; font-variant-numeric: tabular-nums; min-width: min(100%, 420px); }
caption { text-align: left; font-weight: 600; padding-bottom: 4px; }
th, td { padding: 4px 16px 4px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--muted); vertical-align: bottom; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--page); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; font-size: .875rem; margin: 16px 0; }
.facts dd { margin: 0; }
code { font: .85em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (min-width: 912px) {
  .scroll { width: max-content; max-width: calc(50vw + 408px); }
}
@media (max-width: 820px) {
  .plots { grid-template-columns: 1fr; }
  .across .wide { display: none; }
  .across .narrow { display: block; }
}
@media (max-width: 460px) {
  body { padding-top: 16px; }
  h1 { font-size: 1.4rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .figures { grid-template-columns: 1fr 1fr; }
  .section > summary .muted { display: block; margin-left: 18px; }
  th:first-child { min-width: 128px; max-width: 38vw; white-space: normal; overflow-wrap: break-word; border-right: 1px solid var(--line); }
  th + th, td { padding-left: 8px; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 8px; }
}
@media print {
  :root { ${properties(colors.light)} }
  body { max-width: none; padding: 0; font-size: 11pt; }
  nav { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { list-style: none; }
  .plots { grid-template-columns: 1fr 1fr; }
  .across .wide, .wide { display: block; }
  .across .narrow, .narrow { display: none; }
  figure, tr, .figures div { break-inside: avoid; }
  h2, h3, summary, caption, thead, .legend { break-after: avoid; }
  .scroll { overflow: visible; width: auto; max-width: none; background: none; }
  table { font-size: 7.5pt; }
  th, td { white-space: normal; padding-right: 6px; }
  th:first-child { position: static; max-width: none; }
}
`)
