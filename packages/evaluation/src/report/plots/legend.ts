import { type ArmStyle, armStyles } from '../arms.ts'
import { Html, html } from '../html.ts'
import type { Arm } from '../result.ts'

/** Which colour and symbol is which arm. */
export function renderLegend(shown: readonly Arm[]): Html {
  return html`<ul class="legend" aria-label="Arms">${shown.map(
    (arm) =>
      html`<li>${symbolSvg(armStyles[arm])}${armStyles[arm].label} <span class="muted">${armStyles[arm].sees}</span></li>`,
  )}</ul>
`
}

/** Which colour and symbol is which line of a figure. */
export function renderSeriesLegend(series: readonly Pick<ArmStyle, 'label' | 'color' | 'symbol'>[]): Html {
  return html`<ul class="legend" aria-label="Lines">${series.map(
    (own) => html`<li>${symbolSvg(own)}${own.label}</li>`,
  )}</ul>
`
}

const outlines = {
  circle: 'M2 7a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z',
  square: 'M3 3H11V11H3Z',
  diamond: 'M7 1L11 7L7 13L3 7Z',
  triangle: 'M7 2L12 11H2Z',
  times: 'M3 3L11 11M11 3L3 11',
}

function symbolSvg({ color, symbol }: Pick<ArmStyle, 'color' | 'symbol'>): Html {
  return new Html(
    `<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" style="fill: ${color}; stroke: ${color}; stroke-width: 1.5"><path d="${outlines[symbol]}"/></svg>`,
  )
}
