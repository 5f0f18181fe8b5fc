import { type PlotOptions, plot } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { ChartPoint } from '../findings.ts'
import { Html, html } from '../page/html.ts'

/** Widths in px that a figure is drawn for: the page's column, half of it, and a telephone's. */
export const acrossWidth = 880
const wideWidth = 424
export const narrowWidth = 328

export interface Figure {
  readonly title: string
  /** How to read it, one or two sentences. */
  readonly caption: string
  /** What it shows, with figures, for those who do not see it. */
  readonly description: string
  /** Which line is which, where there are several. */
  readonly legend?: Html
  readonly options: PlotOptions
  /** Of a figure that takes the whole column of a wide page: what is drawn there. */
  readonly across?: PlotOptions
}

/** A figure in words, with its interval where there is one. */
export function toldFigure(
  { low, high }: Partial<Pick<ChartPoint, 'low' | 'high'>>,
  value: number,
  format: (value: number) => string,
): string {
  const bounds = typeof low === 'number' && typeof high === 'number' ? ` [${format(low)}, ${format(high)}]` : ''
  return `${format(value)}${bounds}`
}

/**
 * A plot with its title and caption. It is drawn twice, since an SVG that shrinks to a narrow screen takes its text below
 * what can be read; `style.ts` shows the one that fits.
 */
export function renderFigure({ title, caption, description, legend, options, across }: Figure): Html {
  const words = `${title}. ${description}`
  return html`<figure${across ? new Html(' class="across"') : null}>
<h3>${title}</h3>
${legend ?? null}<div class="wide" role="img" aria-label="${words}">${across ? drawSvg(across, acrossWidth) : drawSvg(options, wideWidth)}</div>
<div class="narrow" role="img" aria-label="${words}">${drawSvg(options, narrowWidth)}</div>
<figcaption>${caption}</figcaption>
</figure>
`
}

/** Figures beside one another where there is room. */
export function renderFigures(...figures: readonly Figure[]): Html {
  return html`<div class="plots">${figures.map(renderFigure)}</div>
`
}

function drawSvg(options: PlotOptions, width: number): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const svg = plot({
    document: document as unknown as NonNullable<PlotOptions['document']>,
    className: 'plot',
    style: { background: 'none', fontSize: '12px' },
    width,
    marginBottom: 46,
    ...options,
  })
  // What holds it says it in words.
  svg.setAttribute('aria-hidden', 'true')
  return new Html(svg.outerHTML)
}
