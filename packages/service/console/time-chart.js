/** Charts over time. Their elements are made once and only change after, however long the page is open. */
import { drawn, element, say, set } from './dom.js'
import { clock, minutes } from './format.js'
import { linearScale, logScale, timeTicks } from './scales.js'

/**
 * @typedef {import('./history.js').Columns} Columns
 * @typedef {object} Line
 * @property {string} label
 * @property {string} tone one of the style's colours
 * @property {(columns: Columns, i: number) => number | null} of
 *
 * @typedef {object} ChartOptions
 * @property {string} title
 * @property {'lines' | 'areas'} kind areas are stacked
 * @property {'linear' | 'whole' | 'log' | 'share'} scale
 * @property {(value: number | null) => string} format
 * @property {readonly Line[]} lines
 *
 * @typedef {object} Span what of time is shown
 * @property {number} fromMs
 * @property {number} toMs
 * @property {number} stepMs
 * @property {string} name
 */

const height = 148
const margin = { left: 56, right: 8, top: 8, bottom: 20 }
const mostTicks = 8
const leastWidth = 3

/** The moment that all charts point at, null for the last one. */
const pointer = {
  /** @type {number | null} */
  atMs: null,
  /** @type {Set<() => void>} */
  told: new Set(),
  /** @param {number | null} atMs */
  move(atMs) {
    if (atMs === this.atMs) return
    this.atMs = atMs
    for (const tell of this.told) tell()
  },
}

export class TimeChart {
  /** @type {Columns | null} */
  #columns = null
  /** @type {Span} */
  #span = { fromMs: 0, toMs: 1, stepMs: 1, name: '' }
  #width = 0

  /** @param {ChartOptions} options */
  constructor(options) {
    this.options = options
    const { title, lines } = options
    this.values = lines.map(() => element('b'))
    this.moment = element('span', { class: 'moment' })
    const keys = lines.map(({ label, tone }, i) =>
      element('li', {}, element('span', { class: `key ${tone}`, 'aria-hidden': 'true' }), `${label} `, this.values[i]),
    )
    this.grid = Array.from({ length: mostTicks }, () => drawn('line', { class: 'grid' }))
    this.yLabels = Array.from({ length: mostTicks }, () => drawn('text', { class: 'y' }))
    this.xLabels = Array.from({ length: mostTicks }, () => drawn('text', { class: 'x' }))
    this.paths = lines.map(({ tone }) => drawn('path', { class: `${options.kind} ${tone}` }))
    // A step without neighbours is no line: it is a dot, large enough to be seen.
    this.lone = lines.map(({ tone }) => drawn('path', { class: `lone ${tone}` }))
    this.none = drawn('text', { class: 'x' }, 'Nothing was measured in the time shown')
    this.mark = drawn('line', { class: 'pointer' })
    this.svg = drawn('svg', { role: 'img', tabindex: 0, height, 'aria-roledescription': 'chart' })
    // Stacked areas are drawn from the highest down, as each covers all below it.
    const stacked = options.kind === 'areas' ? this.paths.toReversed() : this.paths
    this.svg.append(...this.grid, ...stacked, ...this.lone, this.none, ...this.yLabels, ...this.xLabels, this.mark)
    this.figure = element(
      'figure',
      { class: 'chart' },
      element('figcaption', {}, element('span', { class: 'title' }, title), this.moment, element('ul', {}, ...keys)),
      this.svg,
    )
    pointer.told.add(() => this.#point())
    this.svg.addEventListener('pointermove', ({ offsetX }) => pointer.move(this.#timeAt(offsetX)))
    this.svg.addEventListener('pointerleave', () => pointer.move(null))
    this.svg.addEventListener('blur', () => pointer.move(null))
    this.svg.addEventListener('keydown', (event) => this.#steer(event))
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.#width) return
      this.#width = contentRect.width
      this.#draw()
    }).observe(this.figure)
  }

  /**
   * @param {Columns} columns
   * @param {Span} span
   */
  show(columns, span) {
    this.#columns = columns
    this.#span = span
    this.#draw()
  }

  #draw() {
    const columns = this.#columns
    if (columns === null || this.#width === 0) return
    const { lines, kind, scale, format } = this.options
    const { fromMs, toMs } = this.#span
    set(this.svg, { width: this.#width, viewBox: `0 0 ${this.#width} ${height}` })
    const series = lines.map(({ of }) => columns.atMs.map((_, i) => of(columns, i)))
    const levels = kind === 'areas' ? stackedUp(series) : series
    const shown = levels.flat().filter((value) => value !== null)
    const most = Math.max(0, ...shown)
    const least = Math.min(...shown.filter((value) => value > 0))
    const axis =
      scale === 'share' ? linearScale(1) : scale === 'log' && most > 0 ? logScale(least, most) : linearScale(most)
    const y = (/** @type {number} */ value) => height - margin.bottom - axis.at(value) * this.#plotHeight
    const hasAny = shown.length > 0
    this.none.toggleAttribute('hidden', hasAny)
    set(this.none, { x: this.#width / 2, y: height / 2 })
    const ticks = hasAny ? axis.ticks.filter((tick) => scale !== 'whole' || Number.isInteger(tick)) : []
    this.#label(this.yLabels, ticks, (label, tick, i) => {
      set(label, { x: margin.left - 8, y: y(tick) + 4 })
      set(this.grid[i], { x1: margin.left, x2: this.#width - margin.right, y1: y(tick), y2: y(tick) })
      say(label, plain(format(tick)))
    })
    for (const [i, line] of this.grid.entries()) line.toggleAttribute('hidden', i >= ticks.length)
    const marks = timeTicks(fromMs, toMs, Math.min(mostTicks - 1, Math.floor(this.#width / 70)))
    this.#label(this.xLabels, marks, (label, tick) => {
      set(label, { x: this.#x(tick), y: height - 4 })
      say(label, minutes(tick))
    })
    for (const [l, path] of this.paths.entries()) {
      path.setAttribute('d', kind === 'areas' ? this.#area(levels[l], y) : this.#line(levels[l], y))
      this.lone[l].setAttribute('d', kind === 'areas' ? '' : this.#alone(levels[l], y))
    }
    this.#point()
  }

  get #plotHeight() {
    return height - margin.top - margin.bottom
  }

  /** @param {number} ms */
  #x(ms) {
    const { fromMs, toMs } = this.#span
    const width = this.#width - margin.left - margin.right
    return Math.round((margin.left + ((ms - fromMs) / (toMs - fromMs)) * width) * 10) / 10
  }

  /**
   * @param {readonly SVGTextElement[]} labels
   * @param {readonly number[]} ticks
   * @param {(label: SVGTextElement, tick: number, i: number) => void} place
   */
  #label(labels, ticks, place) {
    for (const [i, label] of labels.entries()) {
      label.toggleAttribute('hidden', i >= ticks.length)
      if (i < ticks.length) place(label, ticks[i], i)
    }
  }

  /** Runs of steps without a gap: from, to. @param {readonly (number | null)[]} values */
  *#runs(values) {
    const times = /** @type {readonly number[]} */ (this.#columns?.atMs ?? [])
    const { fromMs, stepMs } = this.#span
    let from = -1
    for (let i = 0; i <= values.length; i++) {
      const is = i < values.length && values[i] !== null && times[i] >= fromMs
      const goesOn = is && from >= 0 && times[i] - times[i - 1] < 3 * stepMs
      if (from >= 0 && !goesOn) {
        yield { from, to: i }
        from = -1
      }
      if (is && from < 0) from = i
    }
  }

  /**
   * @param {readonly (number | null)[]} values
   * @param {(value: number) => number} y
   */
  #line(values, y) {
    return this.#parts(values, (from, to) => `M${this.#points(values, from, to, y).join('L')}`)
  }

  /**
   * @param {readonly (number | null)[]} values
   * @param {(value: number) => number} y
   */
  #alone(values, y) {
    return this.#parts(values, (from, to) => (to - from === 1 ? `M${this.#points(values, from, to, y)}h0` : ''))
  }

  /**
   * @param {readonly (number | null)[]} values
   * @param {(value: number) => number} y
   */
  #area(values, y) {
    const times = /** @type {readonly number[]} */ (this.#columns?.atMs ?? [])
    return this.#parts(values, (from, to) => {
      const points = this.#points(values, from, to, y)
      const [at, first] = points[0].split(',')
      // A step reaches back to the one before it, and is wide enough to be seen.
      const left = Math.min(
        this.#x(Math.max(this.#span.fromMs, times[from] - this.#span.stepMs)),
        Number(at) - leastWidth,
      )
      return `M${left},${y(0)}V${first}L${points.join('L')}V${y(0)}Z`
    })
  }

  /**
   * @param {readonly (number | null)[]} values
   * @param {(from: number, to: number) => string} part
   */
  #parts(values, part) {
    return [...this.#runs(values)].map(({ from, to }) => part(from, to)).join('')
  }

  /**
   * @param {readonly (number | null)[]} values
   * @param {number} from
   * @param {number} to
   * @param {(value: number) => number} y
   */
  #points(values, from, to, y) {
    const times = /** @type {readonly number[]} */ (this.#columns?.atMs ?? [])
    return values
      .slice(from, to)
      .map((value, i) => `${this.#x(times[from + i])},${Math.round(y(/** @type {number} */ (value)) * 10) / 10}`)
  }

  /** The step at the pointer, or the last. */
  get #at() {
    const times = /** @type {readonly number[]} */ (this.#columns?.atMs ?? [])
    const { atMs } = pointer
    if (atMs === null) return times.length - 1
    let best = times.length - 1
    for (const [i, ms] of times.entries()) if (Math.abs(ms - atMs) < Math.abs(times[best] - atMs)) best = i
    return best
  }

  #point() {
    const columns = this.#columns
    if (columns === null) return
    const { lines, format, title } = this.options
    const at = this.#at
    const atMs = columns.atMs[at] ?? null
    const isPointing = pointer.atMs !== null && atMs !== null
    // What was measured last, where nothing is pointed at: where reads are few the last step has none.
    const values = lines.map(({ of }) => columns.atMs.map((_, i) => of(columns, i)))
    const told = values.map((own) => (isPointing ? own[at] : (own.findLast((value) => value !== null) ?? null)))
    for (const [l, value] of told.entries()) say(this.values[l], format(value))
    say(this.moment, isPointing ? clock(atMs) : '')
    this.mark.toggleAttribute('hidden', !isPointing)
    if (isPointing) set(this.mark, { x1: this.#x(atMs), x2: this.#x(atMs), y1: margin.top, y2: height - margin.bottom })
    const summary = lines.map(({ label }, l) => {
      const measured = values[l].filter((value) => value !== null)
      if (measured.length === 0) return `${label}: nothing measured`
      const bounds = `between ${format(Math.min(...measured))} and ${format(Math.max(...measured))}`
      return `${label}: ${format(told[l])}${isPointing ? ` at ${clock(atMs)}` : ' last'}, ${bounds}`
    })
    this.svg.setAttribute('aria-label', `${title}, last ${this.#span.name}. ${summary.join('; ')}.`)
  }

  /** @param {number} x */
  #timeAt(x) {
    const { fromMs, toMs } = this.#span
    return fromMs + ((x - margin.left) / (this.#width - margin.left - margin.right)) * (toMs - fromMs)
  }

  /** @param {KeyboardEvent} event */
  #steer(event) {
    const times = /** @type {readonly number[]} */ (this.#columns?.atMs ?? [])
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -15, PageDown: 15 }[event.key]
    if (event.key === 'Escape') pointer.move(null)
    else if (step !== undefined && times.length > 0)
      pointer.move(times[Math.min(times.length - 1, Math.max(0, this.#at + step))])
    else return
    event.preventDefault()
  }
}

/** Without zeros at its end. @param {string} text */
const plain = (text) => text.replace(/\.0+(?=\D|$)|(\.\d*[1-9])0+(?=\D|$)/, '$1')

/** @param {readonly (readonly (number | null)[])[]} series */
function stackedUp(series) {
  /** @type {(number | null)[][]} */
  const levels = []
  for (const values of series) {
    const below = levels.at(-1)
    levels.push(values.map((value, i) => (value === null ? null : value + (below?.[i] ?? 0))))
  }
  return levels
}
