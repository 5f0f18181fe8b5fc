/** Charts that uPlot draws: as wide as their place, in the page's colours, for a pointer, a keyboard and a screen reader. */
import { byId, element, say } from './dom.js'
import uPlot from './uplot.js'

/**
 * @typedef {import('uplot').Options} Options
 * @typedef {import('uplot').AlignedData} Data
 *
 * @typedef {object} PlotOptions
 * @property {number} tall px, with the axes
 * @property {Pick<Options, 'series'> & Partial<Options>} drawn what is the chart's own
 * @property {boolean} isTime whether x is time: then all that are so point at the same moment
 * @property {(at: number | null) => string} point tells of the step that is pointed at, null for none; in words as well
 * @property {() => void} fit tells that the width is another one
 */

/** Around what is drawn, px: so that charts one below the other begin and end at the same place. */
export const margin = { left: 58, right: 10, top: 10, bottom: 24 }

/** Of steps, by key. */
const steps = new Map([
  ['ArrowLeft', -1],
  ['ArrowRight', 1],
  ['PageUp', -15],
  ['PageDown', 15],
])
const away = { left: -10, top: -10 }

/** @type {Set<Plot>} */
const shown = new Set()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const plot of shown) plot.paint()
})

/** One of the style's colours, as it is now. @param {`--${string}`} name */
export const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name)

/** The colour that a key is shown in. @param {Element} key */
export const colourOf = (key) => () => getComputedStyle(key).backgroundColor

/**
 * An axis whose labels are text of ours.
 * @param {import('uplot').Axis} own
 * @returns {import('uplot').Axis}
 */
export const axis = (own) => ({
  stroke: colour('--muted'),
  font: `11px ${getComputedStyle(document.body).fontFamily}`,
  grid: { stroke: colour('--line'), width: 1 },
  ticks: { show: false },
  gap: 8,
  ...own,
})

/** Bars that fill their places but for a seam. @param {number} part of the place */
export const bars = (part) => uPlot.paths.bars?.({ size: [part, Number.POSITIVE_INFINITY, 1] }) ?? (() => null)

export class Plot {
  /** @type {uPlot | null} */
  #plot = null
  #width = 0
  /** Where the keyboard points, a value of x, however the chart moves. @type {number | null} */
  #steered = null

  /** @param {PlotOptions} options */
  constructor(options) {
    this.options = options
    this.place = element('div', { class: 'plot', role: 'img', tabindex: '0', 'aria-roledescription': 'chart' })
    this.place.addEventListener('keydown', (event) => this.#steer(event))
    this.place.addEventListener('blur', () => this.#leave())
    this.place.addEventListener('pointermove', () => {
      this.#steered = null
    })
    this.observer = new ResizeObserver(([{ contentRect }]) => this.#fit(Math.floor(contentRect.width)))
    this.observer.observe(this.place)
    shown.add(this)
  }

  /** Of what is drawn between the axes, px; 0 until the chart is shown. */
  get innerWidth() {
    return Math.max(0, this.#width - margin.left - margin.right)
  }

  /** The step that is pointed at, null for none. */
  get at() {
    return this.#plot?.cursor.idx ?? null
  }

  /**
   * @param {Data} data
   * @param {string} words all that it shows, for those who do not see it
   */
  show(data, words) {
    this.place.setAttribute('aria-label', words)
    if (this.#width === 0) return
    if (this.#plot === null) this.#plot = new uPlot(this.#optionsOf(), data, this.place)
    else this.#plot.setData(data)
    // Once the scales are those of the new data, which is at the end of this turn.
    if (this.#steered !== null) queueMicrotask(() => this.#pointAt(this.#steered))
  }

  /** In the colours of now. */
  paint() {
    // Paths of bars keep the colour that they were made in.
    this.#plot?.redraw(true)
  }

  remove() {
    this.observer.disconnect()
    shown.delete(this)
    this.#plot?.destroy()
  }

  /** @returns {Options} */
  #optionsOf() {
    const { drawn, tall, isTime, point } = this.options
    const tell = (/** @type {uPlot} */ { cursor }) => void point(cursor.idx ?? null)
    return {
      width: this.#width,
      height: tall,
      ms: 1,
      padding: [margin.top, margin.right, 0, 0],
      legend: { show: false },
      ...drawn,
      hooks: { ...drawn.hooks, setCursor: [tell] },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        ...(isTime && { sync: { key: 'time', scales: ['x', null] } }),
        ...drawn.cursor,
      },
    }
  }

  /** @param {number} width */
  #fit(width) {
    if (width === this.#width || width === 0) return
    this.#width = width
    this.#plot?.setSize({ width, height: this.options.tall })
    this.options.fit()
  }

  /** @param {KeyboardEvent} event */
  #steer(event) {
    const plot = this.#plot
    const step = steps.get(event.key)
    if (plot === null || (step === undefined && event.key !== 'Escape')) return
    event.preventDefault()
    if (step === undefined) return this.#leave()
    const [xs] = plot.data
    const last = xs.length - 1
    const at = Math.min(last, Math.max(0, (plot.cursor.idx ?? last) + step))
    this.#steered = xs[at] ?? null
    this.#pointAt(this.#steered)
    // The label of what has the focus is not read out anew when it changes.
    say(byId('chart-said'), this.options.point(at))
  }

  /** @param {number | null | undefined} x */
  #pointAt(x) {
    if (x === null || x === undefined || this.#plot === null) return
    this.#move({ left: this.#plot.valToPos(x, 'x'), top: 0 })
  }

  #leave() {
    this.#steered = null
    this.#move(away)
  }

  /** Here and in all that point at the same moment. @param {{ left: number, top: number }} to */
  #move(to) {
    const plot = /** @type {any} */ (this.#plot)
    plot?.setCursor(to, true, true)
  }
}
