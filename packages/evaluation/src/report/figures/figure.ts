import { type PlotOptions, plot } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { ChartPoint } from '../findings.ts'
import { Html, html } from '../page/html.ts'

/** Widths in px that a figure is drawn for: half the page's column, and a telephone's. */
const wideWidth = 424
const narrowWidth = 328

export interface Figure {
  readonly title: string
  /** How to read it, one or two sentences. */
  readonly caption: string
  /** What it shows, with figures, for those who do not see it. */
  readonly description: string
  /** Which line is which, where there are several. */
  readonly legend?: Html
  readonly options: PlotOptions
}

/** A point in words, with its interval where there is one. */
export function toldPoint(
  { label, low, high }: Pick<ChartPoint, 'label'> & Partial<Pick<ChartPoint, 'low' | 'high'>>,
  value: number,
  format: (value: number) => string,
): string {
  const bounds = typeof low === 'number' && typeof high === 'number' ? ` [${format(low)}, ${format(high)}]` : ''
  return `${label} ${format(value)}${bounds}`
}

/**
 * A plot with its title and caption. It is drawn twice, since an SVG that shrinks to a narrow screen takes its text below
 * what can be read; `style.ts` shows the one that fits.
 */
function renderFigure(figure: Figure): Html {
  const words = `${figure.title}. ${figure.description}`
  return html`<figure>
<h3>${figure.title}</h3>
${figure.legend ?? null}<div class="wide" role="img" aria-label="${words}">${drawSvg(figure, wideWidth)}</div>
<div class="narrow" role="img" aria-label="${words}">${drawSvg(figure, narrowWidth)}</div>
<figcaption>${figure.caption}</figcaption>
</figure>
`
}

/** Figures beside one another where there is room. */
export function renderFigures(...figures: readonly Figure[]): Html {
  return html`<div class="plots">${figures.map(renderFigure)}</div>
`
}

function drawSvg({ options }: Figure, width: number): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const svg = plot({
    document: document as unknown as NonNullable<PlotOptions['document']>,
    className: 'plot',
    style: { background: 'none', fontSize: '12px' },
    width,
    marginBottom: 46,
    ...options,
  })
  return new Html(svg.outerHTML)
}
