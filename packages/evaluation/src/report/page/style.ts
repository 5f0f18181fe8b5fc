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
  margin: 0 auto; padding: 32px 16px 64px; max-width: 912px;
  background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 4px 0 12px; text-wrap: balance; }
h2 { font-size: 1.2rem; margin: 48px 0 4px; padding-top: 16px; border-top: 1px solid var(--line); }
h3 { font-size: .95rem; margin: 0 0 4px; }
p { margin: 0 0 12px; max-width: 72ch; }
.eyebrow, figcaption, caption, dt, .muted { color: var(--muted); }
.eyebrow { font-size: .875rem; margin: 0; }
.verdict { font-size: 1.1rem; }
.warnings { border-left: 4px solid var(--arm-random); padding: 4px 12px; margin: 16px 0; }
.warnings ul { margin: 4px 0; padding-left: 20px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 16px; margin: 24px 0 0; }
.figures div { border-top: 3px solid var(--arm-with); padding-top: 6px; }
.figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; line-height: 1.3; }
.figures dd small { display: block; font-size: .8rem; color: var(--muted); }
.figures dt { font-size: .8rem; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; margin: 12px 0 0; padding: 0; font-size: .875rem; }
.legend svg { vertical-align: -2px; margin-right: 6px; }
.plots { display: grid; grid-template-columns: 1fr 1fr; gap: 24px 32px; margin-top: 16px; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .8rem; line-height: 1.4; margin-top: 8px; }
figure svg { max-width: 100%; height: auto; overflow: visible; color: var(--text); }
.narrow { display: none; }
.scroll { overflow-x: auto; margin: 24px 0; }
.scroll:focus-visible { outline: 2px solid var(--arm-with); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; min-width: min(100%, 420px); }
caption { text-align: left; font-weight: 600; padding-bottom: 4px; }
th, td { padding: 4px 16px 4px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--muted); vertical-align: bottom; }
th:first-child { text-align: left; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; font-size: .875rem; margin: 16px 0; }
.facts dd { margin: 0; }
code { font: .85em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (min-width: 912px) {
  .scroll { width: max-content; max-width: calc(50vw + 408px); }
}
@media (max-width: 820px) {
  .plots { grid-template-columns: 1fr; }
}
@media (max-width: 460px) {
  body { padding-top: 16px; }
  h1 { font-size: 1.4rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 8px; }
}
@media print {
  :root { ${properties(colors.light)} }
  body { max-width: none; padding: 0; font-size: 11pt; }
  .plots { grid-template-columns: 1fr 1fr; }
  .figures { grid-template-columns: repeat(6, 1fr); gap: 8px; }
  .wide { display: block; }
  .narrow { display: none; }
  figure, tr, .figures div { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  .scroll { overflow: visible; width: auto; max-width: none; }
  table { font-size: 7.5pt; }
  th, td { white-space: normal; padding-right: 6px; }
}
`)
