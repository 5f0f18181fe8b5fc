import { Html, html } from '../page/html.ts'

/** How a line or a point looks. */
export interface SeriesStyle {
  /** CSS custom property; `style.ts` gives it a value in each colour scheme. */
  readonly color: string
  /** Plot symbol, so that nothing is told by colour alone. */
  readonly symbol: 'circle' | 'square' | 'diamond' | 'triangle' | 'times' | 'cross' | 'star' | 'wye'
}

/** Of series without one of their own, in their order. */
export const seriesStyles: readonly SeriesStyle[] = [
  { color: 'var(--arm-with)', symbol: 'circle' },
  { color: 'var(--arm-random)', symbol: 'triangle' },
  { color: 'var(--series-green)', symbol: 'diamond' },
  { color: 'var(--arm-untrained)', symbol: 'square' },
  { color: 'var(--arm-without)', symbol: 'times' },
  { color: 'var(--text)', symbol: 'circle' },
]

/** Which colour and symbol is which line of a figure, and what it is of. @param of what the lines are, in a word */
export function renderSeriesLegend(
  series: readonly (SeriesStyle & { readonly label: string; readonly sees?: string })[],
  of = 'Lines',
): Html {
  return html`<ul class="legend" aria-label="${of}">${series.map(
    (own) =>
      html`<li>${symbolSvg(own)}${own.label}${own.sees === undefined ? null : html` <span class="muted">${own.sees}</span>`}</li>`,
  )}</ul>
`
}

const outlines = {
  circle: 'M2 7a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z',
  square: 'M3 3H11V11H3Z',
  diamond: 'M7 1L11 7L7 13L3 7Z',
  triangle: 'M7 2L12 11H2Z',
  times: 'M3 3L11 11M11 3L3 11',
  cross: 'M5 2H9V5H12V9H9V12H5V9H2V5H5Z',
  star: 'M7.0 0.9L8.5 5.2L13.1 5.3L9.5 8.1L10.8 12.5L7.0 9.9L3.2 12.5L4.5 8.1L0.9 5.3L5.5 5.2Z',
  wye: 'M5.5 12.5V8.5L2 6.5L3.5 3.9L7 5.9L10.5 3.9L12 6.5L8.5 8.5V12.5Z',
}

function symbolSvg({ color, symbol }: SeriesStyle): Html {
  return new Html(
    `<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" style="fill: ${color}; stroke: ${color}; stroke-width: 1.5"><path d="${outlines[symbol]}"/></svg>`,
  )
}
